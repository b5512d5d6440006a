"""The engine's byte code in one file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import bundle

FILES = {
    "pack/__init__.py": "",
    "pack/inner/__init__.py": "",
    "pack/inner/one.py": "from ..two import VALUE\n\ndef fail():\n    raise ValueError(VALUE)\n",
    "pack/two.py": "from __future__ import annotations\nVALUE = 'two'\n",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    home = tmp_path / "copy"
    for name, text in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    bundle.write(str(home), str(home), FILES)
    return home


def run(copy: Path, code: str) -> str:
    """Run in a Python of its own that knows bundle.py and nothing else of the engine."""
    head = f"import sys, types; sys.path.insert(0, {str(Path(bundle.__file__).parent)!r}); import bundle\n"
    argv = [sys.executable, "-IS", "-c", head + code]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=copy, check=False)
    return done.stdout + done.stderr


def test_modules_come_from_the_bundle(copy: Path) -> None:
    for path in copy.rglob("*.py"):
        path.unlink()
    code = f"print(bundle.use({str(copy)!r})); import pack.inner.one as one; print(one.VALUE, one.__file__)"
    assert run(copy, code) == f"True\ntwo {copy}/pack/inner/one.py\n"


def test_tracebacks_show_the_source(copy: Path) -> None:
    shown = run(copy, f"bundle.use({str(copy)!r}); from pack.inner import one; one.fail()")
    assert f'File "{copy}/pack/inner/one.py", line 4, in fail' in shown
    assert "raise ValueError(VALUE)" in shown


def test_other_modules_are_found_as_before(copy: Path) -> None:
    assert run(copy, f"bundle.use({str(copy)!r}); import calendar; print(calendar.MONDAY)") in (
        "0\n",
        "calendar.MONDAY\n",
    )
    assert "No module named 'pack.three'" in run(copy, f"bundle.use({str(copy)!r}); import pack.three")


@pytest.mark.parametrize("damage", ["gone", "empty", "short", "nonsense", "another Python"])
def test_without_a_fitting_bundle_files_serve(copy: Path, damage: str) -> None:
    path = copy / bundle.file_name()
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "another Python":
        path.write_bytes(whole.replace(bundle.python().encode(), b"x" * len(bundle.python()), 1))
    else:
        path.write_bytes({"empty": b"", "short": whole[:40], "nonsense": b"\x10\0\0\0" + b"?" * 64}[damage])
    code = f"print(bundle.use({str(copy)!r})); sys.path.append({str(copy)!r}); import pack.two as two; print(two.VALUE)"
    assert run(copy, code) == "False\ntwo\n"


def test_the_bundle_is_the_same_each_time(copy: Path) -> None:
    first = (copy / bundle.file_name()).read_bytes()
    bundle.write(str(copy), str(copy), reversed(list(FILES)))
    assert (copy / bundle.file_name()).read_bytes() == first
