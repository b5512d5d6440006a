"""The house rules that a syntax tree can show: who may import whom, and what no room may do.

The floors are data; docs/architecture.md draws them. Each rule is a function from a module to complaints, and each is
shown below to complain about a bad example, so that a rule which has stopped working is noticed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGINS = ROOT / "plugins"
ENGINE = PLUGINS / "module_utils" / "engine"

# Ground floor first. A room imports rooms of lower floors and itself, never a neighbour, never upward.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("base",),
    ("spec", "host", "plan"),
    ("store", "registry", "runtime", "netavark", "criu", "libpod", "files"),
    ("session",),
    ("image", "volume", "network", "secret", "quadlet"),
    ("container",),
    ("pod", "build"),
    ("compose", "kube", "migrate"),
    ("task", "cli"),
)
LEVEL = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
EDGES = ("task", "cli")
SPAWNER = "engine/host/process.py"
HEADER = (
    "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
# In the standard library of some hosts; each import of one is guarded. What is not of the library: base/optional.py.
OPTIONAL = {"compression", "_zstd"}
GRAB_BAGS = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
SHELLS = {"system", "popen", "posix_spawn", "posix_spawnp"}
EXECS = {"execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe"}


@dataclass(frozen=True)
class Module:
    """One source file; `name` is its path below plugins/module_utils (or plugins/), `tree` its syntax."""

    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        parts = self.name.split("/")
        return parts[1] if parts[0] == "engine" and len(parts) > 2 else ""

    @property
    def package(self) -> list[str]:
        return self.name.split("/")[:-1]


def module(name: str, text: str) -> Module:
    return Module(name, text, ast.parse(text, name, feature_version=(3, 9)))


def sources() -> Iterator[Module]:
    for path in sorted(PLUGINS.rglob("*.py")):
        name = path.relative_to(PLUGINS).as_posix()
        yield module(name[len("module_utils/") :] if name.startswith("module_utils/") else name, path.read_text())


ALL = list(sources())
ENGINE_MODULES = [each for each in ALL if each.name.startswith("engine/")]


def resolved(source: Module) -> Iterator[tuple[int, str, bool]]:
    """(line, dotted target, relative?) of every import, type-checking ones included: those travel to the host too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            anchor = source.package[: len(source.package) - node.level + 1]
            base = [*anchor, *(node.module.split(".") if node.module else [])]
            names = [[*base, alias.name] for alias in node.names] if not node.module else [base]
            yield from ((node.lineno, ".".join(name), True) for name in names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "", False


def imports_go_down(source: Module) -> Iterator[str]:
    for line, target, relative in resolved(source):
        parts = target.split(".")
        if not relative or not source.room:
            continue
        if parts[0] != "engine" or len(parts) < 2:
            yield f"{line}: {target} is outside the engine"
        elif parts[1] != source.room and LEVEL.get(parts[1], 99) >= LEVEL[source.room]:
            yield f"{line}: {source.room} (floor {LEVEL[source.room] + 1}) imports {parts[1]}"


def imports_are_relative_or_standard(source: Module) -> Iterator[str]:
    guarded = {
        inner.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Try)
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    }
    for line, target, relative in resolved(source):
        top = target.split(".")[0]
        if relative or top == "__future__" or (top in sys.stdlib_module_names and top not in OPTIONAL):
            continue
        if top in OPTIONAL and line in guarded:
            continue
        if top == "ansible" and source.room == "task":
            continue
        yield f"{line}: imports {target}"


def spawns_in_one_file(source: Module) -> Iterator[str]:
    if source.name == SPAWNER:
        return
    for line, target, _relative in resolved(source):
        if target.split(".")[0] == "subprocess":
            yield f"{line}: imports subprocess"
    for node in ast.walk(source.tree):
        is_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        if is_os and (node.attr in SHELLS or (node.attr in EXECS and source.room not in ("host", "cli"))):
            yield f"{node.lineno}: os.{node.attr}"


def leaves_output_and_end_to_the_edges(source: Module) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assert):
            yield f"{node.lineno}: assert"
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "exit", "quit")
        ):
            yield f"{node.lineno}: {node.func.id}()"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "sys.exit":
            yield f"{node.lineno}: sys.exit()"


def catches_by_name(source: Module) -> Iterator[str]:
    if source.room in EDGES or source.name == "bootstrap.py":
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = [
            ast.unparse(item) for item in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]) if item
        ]
        reraises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
        carried = node.name is not None  # to another thread or process, which raises it
        if (
            not caught
            or ("Exception" in caught and not reraises)
            or ("BaseException" in caught and not (reraises or carried))
        ):
            yield f"{node.lineno}: except {', '.join(caught)}"


def names_no_underscore(source: Module) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if (isinstance(node, ast.Name) and node.id == "_") or (isinstance(node, ast.arg) and node.arg == "_"):
            yield f"{node.lineno}: a variable named _"


def runs_on_python_39(source: Module) -> Iterator[str]:
    """What the parser of a newer Python lets pass. Annotations are never evaluated, so only other places count."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg in ("slots", "kw_only"):
            yield f"{node.value.lineno}: keyword {node.arg}="
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "zip" and node.keywords:
            yield f"{node.lineno}: zip with keywords"
        elif isinstance(node, (ast.Assign, ast.Call)):
            value = node.value if isinstance(node, ast.Assign) else None
            for operand in [value, *(node.args if isinstance(node, ast.Call) else [])]:
                if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.BitOr) and is_type(operand):
                    yield f"{operand.lineno}: {ast.unparse(operand)} is evaluated"
    for line, target, _relative in resolved(source):
        if target.split(".")[0] == "tomllib":
            yield f"{line}: tomllib"
    if re.search(r"\b(StrEnum|TypeAlias|ParamSpec|ExceptionGroup)\b", source.text):
        yield "uses StrEnum, TypeAlias, ParamSpec or ExceptionGroup"


def is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return is_type(node.left) or is_type(node.right)
    if isinstance(node, ast.Subscript):
        return is_type(node.value)
    if isinstance(node, ast.Constant):
        return node.value is None
    return isinstance(node, ast.Name) and node.id in (
        "str",
        "int",
        "bytes",
        "bool",
        "float",
        "dict",
        "list",
        "tuple",
        "set",
    )


def begins_as_agreed(source: Module) -> Iterator[str]:
    if source.name.endswith("__init__.py"):
        if source.text.strip():
            yield "an __init__.py is empty: what it imports would travel with every module"
        return
    lines = source.text.splitlines()
    start = 1 if lines[0].startswith(("#!", "# -*-")) else 0
    if lines[start] != HEADER[0] or not lines[start + 1].startswith(HEADER[1]):
        yield "licence lines missing at the top"
    if "from __future__ import annotations" not in lines:
        yield "from __future__ import annotations is missing"


#: What costs a fifth of a millisecond and more for each class, in every task; who has the same for nearly nothing.
CHEAPER = {("typing", "NamedTuple"): "base/tuples.py", ("dataclasses", "dataclass"): "base/values.py"}


def makes_classes_cheaply(source: Module) -> Iterator[str]:
    for node in ast.walk(source.tree):
        for alias in node.names if isinstance(node, ast.ImportFrom) and not node.level else ():
            home = CHEAPER.get((node.module or "", alias.name))
            if home and source.name != f"engine/{home}":
                yield f"{node.lineno}: {alias.name} of {node.module}; {home} has it"


def compiles_patterns_late(source: Module) -> Iterator[str]:
    """A pattern of a module is base/patterns.py's; `re` itself is for what somebody has given."""
    for node in source.tree.body if source.name != "engine/base/patterns.py" else ():
        for call in ast.walk(node) if isinstance(node, (ast.Assign, ast.AnnAssign)) else ():
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "re.compile":
                yield f"{call.lineno}: re.compile when the module is loaded; base/patterns.py has one that waits"


def keeps_data_typed(source: Module) -> Iterator[str]:
    for match in re.finditer(r"[dD]ict\[str, (?:typing\.)?Any\]", source.text):
        yield f"{source.text[: match.start()].count(chr(10)) + 1}: {match.group()}"


ENGINE_RULES: tuple[Callable[[Module], Iterator[str]], ...] = (
    imports_go_down,
    imports_are_relative_or_standard,
    spawns_in_one_file,
    leaves_output_and_end_to_the_edges,
    catches_by_name,
    names_no_underscore,
    runs_on_python_39,
    begins_as_agreed,
    makes_classes_cheaply,
    compiles_patterns_late,
    keeps_data_typed,
)


@pytest.mark.parametrize("rule", ENGINE_RULES, ids=lambda rule: rule.__name__)
def test_engine_keeps(rule: Callable[[Module], Iterator[str]]) -> None:
    assert [f"{each.name}:{complaint}" for each in ENGINE_MODULES for complaint in rule(each)] == []


def test_every_plugin_begins_as_agreed() -> None:
    assert [f"{each.name}:{complaint}" for each in ALL for complaint in begins_as_agreed(each)] == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.name for path in ENGINE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms - set(LEVEL) == set()


def test_no_grab_bags() -> None:
    assert [each.name for each in ALL if Path(each.name).stem in GRAB_BAGS] == []


def test_modules_are_documentation_and_a_short_main() -> None:
    long = []
    for each in ALL:
        if not each.name.startswith("modules/"):
            continue
        mains = [node for node in each.tree.body if isinstance(node, ast.FunctionDef)]
        if [node.name for node in mains] != ["main"] or len(mains[0].body) > 3:
            long.append(each.name)
    assert long == []


BAD = (
    (imports_go_down, "engine/spec/x.py", "from ..store.store import Store"),
    (imports_go_down, "engine/store/x.py", "from ..registry import docker"),
    (imports_go_down, "engine/store/x.py", "from .. import container"),
    (imports_go_down, "engine/store/x.py", "from ...bootstrap import run"),
    (imports_go_down, "engine/base/x.py", "if TYPE_CHECKING:\n    from ..host.process import Runner"),
    (imports_are_relative_or_standard, "engine/spec/x.py", "import ansible_collections.daemonless.oci"),
    (imports_are_relative_or_standard, "engine/spec/x.py", "from ansible.module_utils.basic import AnsibleModule"),
    (imports_are_relative_or_standard, "engine/cli/x.py", "import yaml"),
    (imports_are_relative_or_standard, "engine/host/x.py", "import compression"),
    (spawns_in_one_file, "engine/host/x.py", "import subprocess"),
    (spawns_in_one_file, "engine/host/x.py", "import os\nos.system('ls')"),
    (leaves_output_and_end_to_the_edges, "engine/host/x.py", "print('x')"),
    (leaves_output_and_end_to_the_edges, "engine/host/x.py", "assert 1"),
    (leaves_output_and_end_to_the_edges, "engine/host/x.py", "import sys\nsys.exit(1)"),
    (catches_by_name, "engine/host/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (catches_by_name, "engine/host/x.py", "try:\n    f()\nexcept:\n    pass"),
    (catches_by_name, "engine/host/x.py", "try:\n    f()\nexcept Exception as error:\n    pass"),
    (spawns_in_one_file, "engine/store/x.py", "import os\nos.execv('/bin/ls', [])"),
    (names_no_underscore, "engine/host/x.py", "for _ in range(3): pass"),
    (runs_on_python_39, "engine/host/x.py", "@dataclass(frozen=True, slots=True)\nclass X: pass"),
    (runs_on_python_39, "engine/host/x.py", "zip(a, b, strict=True)"),
    (runs_on_python_39, "engine/host/x.py", "Text = str | bytes"),
    (runs_on_python_39, "engine/host/x.py", "isinstance(x, int | None)"),
    (runs_on_python_39, "engine/host/x.py", "from enum import StrEnum"),
    (begins_as_agreed, "engine/host/x.py", "import os"),
    (begins_as_agreed, "engine/host/__init__.py", "from .mounts import bind"),
    (makes_classes_cheaply, "engine/host/x.py", "from typing import TYPE_CHECKING, NamedTuple"),
    (makes_classes_cheaply, "engine/base/values.py", "from typing import NamedTuple"),
    (compiles_patterns_late, "engine/host/x.py", 'import re\nNAME = re.compile("a")'),
    (keeps_data_typed, "engine/host/x.py", "x: dict[str, Any] = {}"),
)


@pytest.mark.parametrize("rule, name, text", BAD, ids=[f"{rule.__name__}-{n}" for n, (rule, _f, _t) in enumerate(BAD)])
def test_rules_complain(rule: Callable[[Module], Iterator[str]], name: str, text: str) -> None:
    assert list(rule(module(name, text)))


GOOD = (
    (imports_go_down, "engine/store/x.py", "from ..base.errors import Corrupt\nfrom .layers import Layer"),
    (imports_are_relative_or_standard, "engine/host/x.py", "try:\n    import _zstd\nexcept ImportError:\n    pass"),
    (imports_are_relative_or_standard, "engine/task/x.py", "from ansible.module_utils.basic import AnsibleModule"),
    (catches_by_name, "engine/host/x.py", "try:\n    f()\nexcept BaseException:\n    g()\n    raise"),
    (runs_on_python_39, "engine/host/x.py", "flags = os.O_RDONLY | os.O_CLOEXEC\ndef f(x: int | None) -> None: ..."),
)


@pytest.mark.parametrize(
    "rule, name, text", GOOD, ids=[f"{rule.__name__}-{n}" for n, (rule, _f, _t) in enumerate(GOOD)]
)
def test_rules_let_pass(rule: Callable[[Module], Iterator[str]], name: str, text: str) -> None:
    assert list(rule(module(name, text))) == []


def test_newer_syntax_does_not_parse() -> None:
    with pytest.raises(SyntaxError):
        module("engine/host/x.py", "match x:\n    case 1: pass")
