"""Module payloads, built by Ansible's own code in one process that stays: the second of a kind takes milliseconds.

A process of its own, because Ansible's collection loader and the tests' way of importing the collection would both
want to be `ansible_collections`.

Half of what a task costs a host is compiling ansible.module_utils out of the payload's archive, which no host ever
keeps. `quick` makes payloads that find those same files unpacked and compiled; ten thousand tasks of the tests gain a
fifth of a second each. Tests about how the engine reaches a host, and all playbooks, send what Ansible sends.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

COLLECTION = "daemonless.oci"
MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"


class Payloads:
    def __init__(self, collections: Path, home: Path, directory: Path) -> None:
        """`directory`, new, holds what `quick` payloads import; machines see it at the same path, for reading."""
        self.directory = directory
        directory.mkdir()
        self._collections = collections
        self._home = home
        self._server: subprocess.Popen[str] | None = None
        self._made: dict[str, bytes] = {}

    def build(self, module: str, args: Mapping[str, object], *, check: bool, diff: bool) -> bytes:
        """The bytes that Ansible would feed to the host's Python. `module` without a dot is one of this collection."""
        name = module if "." in module else f"{COLLECTION}.{module}"
        key = json.dumps([name, dict(args), check, diff], sort_keys=True)
        if key not in self._made:
            self._made[key] = self._build(name, args, check, diff)
        return self._made[key]

    def thin(self, module: str, args: Mapping[str, object], *, check: bool, diff: bool) -> bytes:
        """What the action plugin sends first: the task for the engine that is on the host, without the engine."""
        return self.build("task", {**args, **self._order(module)}, check=check, diff=diff)

    def quick(self, module: str, args: Mapping[str, object], *, check: bool, diff: bool) -> bytes:
        """As `thin`, for the same interpreter's standard input, with the archive of the payload unpacked before."""
        own, fixed = self._unpacked
        given = {**args, **self._order(module), **own, "_ansible_check_mode": check, "_ansible_diff": diff}
        params = json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()
        where = str(self.directory)
        return (
            f"import sys\nsys.path[0] = {where!r}\n"
            "from ansible.module_utils._internal._ansiballz import _loader\n"
            f"_loader.run_module(json_params={params!r}, modlib_path={where!r}, **{fixed!r})\n"
        ).encode()

    def compile(self, *within: str) -> None:
        """Compile what `quick` payloads import, by the Python of a root directory: `within` are words to enter it."""
        assert self._unpacked
        place = str(self.directory)
        here = place if not within else "/mnt"
        done = [*within, "/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
        subprocess.run([*done, "-s", here, "-p", place, here], check=True)

    def _order(self, module: str) -> dict[str, object]:
        return {self._installed.ORDER: {"noun": module.rpartition(".")[2], "digest": self._digest}}

    @cached_property
    def _unpacked(self) -> tuple[dict[str, object], dict[str, object]]:
        """Unpack a thin payload; Ansible's own arguments in it, and those of its loader."""
        tree = ast.parse(self.thin("task", {}, check=False, diff=False))
        (call,) = (
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and getattr(node.value.func, "id", "") == "_ansiballz_main"
        )
        wanted = ("zip_data", "params", "profile", "module_fqn", "extensions")
        found = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg in wanted}
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(found.pop("zip_data")))) as archive:
            archive.extractall(self.directory)
        given = json.loads(found.pop("params"))["ANSIBLE_MODULE_ARGS"]
        own = {key: value for key, value in given.items() if key.startswith("_ansible_")}
        return own, found

    def says_absent(self, result: Mapping[str, object]) -> bool:
        """Whether this is the answer to `thin` of a host that has no engine of this version."""
        return bool(result.get(self._installed.ABSENT))

    @cached_property
    def _installed(self) -> ModuleType:
        spec = spec_from_file_location("installed", MODULE_UTILS / "installed.py")
        assert spec and spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @cached_property
    def _digest(self) -> str:
        return str(self._installed.digest_of(self._installed.listing_of_directory(str(MODULE_UTILS / "engine"))))

    def _build(self, name: str, args: Mapping[str, object], check: bool, diff: bool) -> bytes:
        server = self._running()
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps({"module": name, "args": dict(args), "check": check, "diff": diff}) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        if not answer.startswith("{"):
            raise AssertionError(f"no payload for {name}: {answer}{server.stdout.read()}")
        reply = json.loads(answer)
        if "error" in reply:
            raise AssertionError(f"no payload for {name}: {reply['error']}")
        path = Path(reply["path"])
        payload = path.read_bytes()
        path.unlink()
        return payload

    def _running(self) -> subprocess.Popen[str]:
        if self._server is None or self._server.poll() is not None:
            environment = {
                **os.environ,
                "ANSIBLE_HOME": str(self._home),
                "ANSIBLE_LOCAL_TEMP": str(self._home / "tmp"),
                "ANSIBLE_COLLECTIONS_PATH": str(self._collections),
            }
            self._server = subprocess.Popen(
                [sys.executable, __file__],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return self._server

    def close(self) -> None:
        if self._server is not None and self._server.stdin:
            self._server.stdin.close()
            self._server.wait(10)


def serve() -> None:
    from ansible import constants
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader, module_loader
    from ansible.release import __version__
    from ansible.template import Templar

    init_plugin_loader()
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        found = module_loader.find_plugin_with_context(request["module"])
        if not found.resolved:
            print(json.dumps({"error": f"no such module: {found.exit_reason}"}), flush=True)
            continue
        variables = {"ansible_python_interpreter": "/usr/bin/python3"}
        args = {
            **request["args"],
            "_ansible_check_mode": request["check"],
            "_ansible_diff": request["diff"],
            "_ansible_no_log": False,
            "_ansible_debug": False,
            "_ansible_verbosity": 0,
            "_ansible_version": __version__,
            "_ansible_module_name": request["module"],
            "_ansible_shell_executable": "/bin/sh",
            "_ansible_remote_tmp": "~/.ansible/tmp",
            "_ansible_tmpdir": None,
            "_ansible_target_log_info": None,
        }
        try:
            built = modify_module(
                module_name=request["module"],
                module_path=found.plugin_resolved_path,
                module_args=args,
                templar=Templar(DataLoader(), variables=variables),
                task_vars=variables,
                module_compression=constants.DEFAULT_MODULE_COMPRESSION,
            )
        except Exception as error:  # reported to the test that asked
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
            continue
        path = Path(constants.DEFAULT_LOCAL_TMP) / f"payload-{number}"
        path.write_bytes(built.b_module_data)
        print(json.dumps({"path": str(path)}), flush=True)


if __name__ == "__main__":
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    serve()
