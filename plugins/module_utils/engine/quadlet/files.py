# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where unit files for podman's generator are, and writing and removing them."""

from __future__ import annotations

import os
import stat

from ..base import patterns
from ..base.errors import BadInput, EngineError
from ..base.files import atomic_write
from ..base.tuples import NamedTuple

_SYSTEM = "/etc/containers/systemd"
_USER = ".config/containers/systemd"
_GENERATORS = (
    "/usr/lib/systemd/system-generators/podman-system-generator",
    "/usr/local/lib/systemd/system-generators/podman-system-generator",
    "/lib/systemd/system-generators/podman-system-generator",
)
_NAME = patterns.compile(r"[A-Za-z0-9_@][A-Za-z0-9_.@:\\-]*\Z")
_BYTES = 1 << 20
NEW_MODE = 0o640


class File(NamedTuple):
    """What is at a path: None for nothing."""

    path: str
    text: str | None
    mode: int = NEW_MODE


def path_of(kind: str, name: str, folder: str, filename: str) -> str:
    """Raises BadInput for a name that is none of a file in the folder."""
    if not folder:
        if os.geteuid() == 0:
            folder = _SYSTEM
        else:
            import pwd

            folder = os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, _USER)
    found = filename or name
    if not found.endswith(f".{kind}"):
        found += f".{kind}"
    if not _NAME.match(found):
        raise BadInput("read quadlet_filename", f"{found[:60]!r} is not the name of a unit file")
    return os.path.join(os.path.abspath(folder), found)


def look(path: str) -> File:
    """Raises EngineError for what is no text file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return File(path, None)
    except OSError as error:
        raise EngineError(f"read {path}", error.strerror or str(error)) from error
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        os.close(fd)
        raise EngineError(f"read {path}", "it is not a file")
    with os.fdopen(fd, "rb") as file:
        return File(path, file.read(_BYTES).decode("utf-8", "surrogateescape"), stat.S_IMODE(info.st_mode))


def write(path: str, text: str, mode: int) -> None:
    """By one rename, its folder made where it is missing. Raises EngineError."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        atomic_write(path, text.encode("utf-8", "surrogateescape"), mode=mode)
    except OSError as error:
        raise EngineError(f"write {path}", error.strerror or str(error)) from error


def remove(path: str) -> None:
    """Idempotent. Raises EngineError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EngineError(f"remove {path}", error.strerror or str(error)) from error


def generator() -> bool:
    """Whether this host has podman's generator, which makes services of such files."""
    return any(os.path.exists(path) for path in _GENERATORS)
