# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The byte code of the whole engine in one file, so that importing two hundred modules opens one.

Python's own import system looks for, opens, checks and reads two files per module, which is most of what a task with
nothing to do would cost. A bundle is for one version of Python; where there is none for ours, the ordinary way serves.

The file: four bytes (little endian) with the length of the index; the index, marshalled: (Python, {module name:
(offset, length, path below the copy, whether a package)}); then the code objects, marshalled.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    Index = dict[str, tuple[int, int, str, bool]]


def file_name() -> str:
    """The name of the bundle that this Python can read."""
    return f"engine.{sys.implementation.cache_tag}.bundle"


def python() -> str:
    """What decides whether marshalled code can be read; final releases of one minor version share their byte code."""
    return f"{sys.implementation.cache_tag} {sys.version_info.releaselevel}"


class Bundle:
    """An entry of sys.meta_path that finds the modules of the copy at `home` in its bundle."""

    def __init__(self, home: str, fd: int, start: int, index: Index) -> None:
        self._home = home
        self._fd = fd
        self._start = start
        self._index = index

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        entry = self._index.get(name)
        if entry is None:
            return None
        origin = f"{self._home}/{entry[2]}"
        spec = ModuleSpec(name, self, origin=origin, is_package=entry[3])  # type: ignore[arg-type]
        spec.has_location = True
        spec.cached = f"{self._home}/{file_name()}"  # else Python works out where a .pyc would be, at some cost
        if entry[3]:
            spec.submodule_search_locations = [os.path.dirname(origin)]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        offset, length, _path, _package = self._index[module.__name__]
        code = marshal.loads(os.pread(self._fd, length, self._start + offset))
        exec(code, module.__dict__)  # pylint: disable=exec-used


def use(home: str) -> bool:
    """Import the engine of the copy at `home` from its bundle from now on; False when it has none for this Python."""
    try:
        fd = os.open(f"{home}/{file_name()}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        length = int.from_bytes(os.pread(fd, 4, 0), "little")
        made_for, index = marshal.loads(os.pread(fd, length, 4))
    except (ValueError, EOFError, TypeError, OSError):
        os.close(fd)
        return False
    if made_for != python():
        os.close(fd)
        return False
    sys.meta_path.insert(0, Bundle(home, fd, 4 + length, index))
    return True


def write(copy: str, home: str, names: Iterable[str]) -> str:
    """Write the bundle of the Python files `names` (paths below the directory `copy`), which will be at `home`.

    Returns the name of its file in `copy`.
    """
    index: Index = {}
    codes: list[bytes] = []
    offset = 0
    for name in sorted(names):
        with open(f"{copy}/{name}", "rb") as opened:
            source = opened.read()
        code = marshal.dumps(compile(source, f"{home}/{name}", "exec", dont_inherit=True))
        parts = name[: -len(".py")].split("/")
        package = parts[-1] == "__init__"
        index[".".join(parts[:-1] if package else parts)] = (offset, len(code), name, package)
        codes.append(code)
        offset += len(code)
    head = marshal.dumps((python(), index))
    with open(f"{copy}/{file_name()}", "wb") as opened:
        opened.write(len(head).to_bytes(4, "little") + head + b"".join(codes))
        os.fchmod(opened.fileno(), 0o644)
    return file_name()
