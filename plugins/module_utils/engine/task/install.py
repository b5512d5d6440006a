# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves a compiled copy of the engine on the host, once per version.

conmon's exit command, restarts after boot and the operator's own command need code that outlives the task; the tasks
that follow import from there and pay neither for unzipping nor for compiling. installed.py holds the reading half.

A copy appears by one rename and is never altered afterwards. Versions that a process still uses stay. What is left
of a pruned version is its `daemonless`, as a link to the current one: a command line stored anywhere keeps working.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import time
from typing import TYPE_CHECKING

from ..base.errors import HostLacks, Refused
from ..base.locks import FileLock
from ..base.steps import reached
from .links import COMMAND, COMPLETION, CURRENT, command_link, completion_link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .frame import Delivery

PACKAGE = "daemonless_oci"
FORMAT = 1
KEPT = 3
FRESH_SECONDS = 24 * 3600
_NEW = ".new-"
_OLD = ".old-"

_SCRIPT = '''{shebang}
"""daemonless: containers of this host, as the collection daemonless.oci made them. Try `daemonless --help`."""

import gc
import os
import sys
import types

gc.set_threshold(50000, 20, 20)  # a short life: what it makes is rarely garbage before its end
home = os.path.dirname(os.path.realpath(__file__))
package = types.ModuleType("{package}")
package.__path__ = [os.path.join(home, "{package}")]
sys.modules["{package}"] = package

from {package}.engine.base import bundle  # noqa: E402

bundle.use(home)

if "--unless-by" in sys.argv:
    from {package}.engine.base import handover  # noqa: E402

    if handover.nothing_to_do(sys.argv):
        os._exit(0)

from {package}.engine.cli.main import main  # noqa: E402

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # taking the interpreter apart, module by module, would be a tenth of a short command
'''

#: What is imported before the bundle can be: byte code of its own, which a plain user cannot leave in root's copy.
_FIRST = ("engine/__init__.py", "engine/base/__init__.py", "engine/base/bundle.py")

_OTHER_PYTHON = """
import py_compile, sys
new, home, *names = sys.argv[1:]
for name in names:
    if name.endswith({first}):
        py_compile.compile(new + "/" + name, dfile=home + "/" + name, doraise=True)
sys.path.append(new)
from {package}.engine.base import bundle
print(bundle.write(new, home, names))
"""


def install(delivery: Delivery) -> str:
    """Make the copy that `delivery` describes exist; return its directory. Safe to call from several tasks at once.

    Raises HostLacks when the place cannot be written, Refused when others
    could write there and so could make us run their code.
    """
    deed = f"install the runtime in {delivery.base}"
    home = os.path.join(delivery.base, delivery.digest)
    try:
        _make_base(delivery.base, deed)
        with FileLock(os.path.join(delivery.base, ".lock"), mode=0o600):
            if not delivery.fits(home):
                if not delivery.source:
                    raise HostLacks(deed, "the copy went away while the task ran", "Run the task again")
                _clear_leftovers(delivery.base)
                _put(home, delivery)
                if not delivery.fits(home):
                    raise Refused(deed, f"others can write to {home} or above it", _advice(delivery.base))
            link_command(delivery.base, delivery.digest)
            prune(delivery.base, delivery.digest)
    except OSError as error:
        raise HostLacks(deed, f"{error.filename or home}: {error.strerror or error}") from error
    return home


def _advice(base: str) -> str:
    return f"Every directory down to {base} must belong to you or to root and not be writable for others"


def _make_base(base: str, deed: str) -> None:
    parents = []
    path = base
    while not os.path.isdir(path):
        parents.append(path)
        path = os.path.dirname(path)
    for path in reversed(parents):
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            continue
        os.chmod(path, 0o755)  # whatever the umask: containers' conmons run as other users below root's copy
    found = os.lstat(base)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Refused(deed, "the directory is not yours alone", _advice(base))


def _clear_leftovers(base: str) -> None:
    """Remove what an interrupted installation left; the lock says that none is under way."""
    for name in os.listdir(base):
        if name.startswith((_NEW, _OLD)):
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)


def _put(home: str, delivery: Delivery) -> None:
    base = os.path.dirname(home)
    mark = f"{os.getpid()}-{os.urandom(4).hex()}"
    new = os.path.join(base, _NEW + mark)
    os.mkdir(new, 0o700)
    try:
        _write_copy(new, home, delivery)
        reached("runtime-written")
        if os.path.lexists(home):  # altered, half there, or the link a pruned version left
            os.rename(home, os.path.join(base, _OLD + mark))
            reached("runtime-moved-aside")
        os.rename(new, home)
        reached("runtime-installed")
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(os.path.join(base, _OLD + mark), ignore_errors=True)


def _write_copy(new: str, home: str, delivery: Delivery) -> None:
    from ..base.completion import BASH

    engine = os.path.join(new, PACKAGE, "engine")
    files: dict[str, bytes] = {}
    for name, data in payload_files(delivery):
        files[f"{PACKAGE}/engine/{name}"] = data
        while "/" in name:
            name = name.rpartition("/")[0]
            files.setdefault(f"{PACKAGE}/engine/{name}/__init__.py", b"")
    files.setdefault(f"{PACKAGE}/engine/__init__.py", b"")
    files[COMMAND] = script(interpreter()).encode()
    files[COMPLETION] = BASH.encode()
    os.makedirs(engine, 0o755)
    for name, data in files.items():
        path = os.path.join(new, name)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path, "wb") as opened:
            opened.write(data)
            os.fchmod(opened.fileno(), 0o755 if name == COMMAND else 0o644)
    for folder, folders, _files in os.walk(new):
        for name in folders:
            os.chmod(os.path.join(folder, name), 0o755)
    bundles = _compile(new, home, [name for name in files if name not in (COMMAND, COMPLETION)])
    _write_manifest(new, delivery.digest, [*files, *bundles])
    os.chmod(new, 0o755)


def _write_manifest(new: str, digest: str, names: list[str]) -> None:
    import zlib

    entries = {}
    for name in sorted(names):
        path = os.path.join(new, name)
        with open(path, "rb") as written:
            data = written.read()
        entries[name] = [zlib.crc32(data), len(data), os.lstat(path).st_mtime_ns]
    path = os.path.join(new, "manifest.json")
    with open(path, "w", encoding="utf-8") as opened:
        json.dump({"format": FORMAT, "digest": digest, "files": entries}, opened, separators=(",", ":"))
        os.fchmod(opened.fileno(), 0o644)


def payload_files(delivery: Delivery) -> Iterable[tuple[str, bytes]]:
    """Yield (path below engine/, content) of every file that the digest speaks of."""
    if os.path.isdir(delivery.source):
        for name in delivery.listing:
            with open(os.path.join(delivery.source, delivery.prefix, name), "rb") as opened:
                yield name, opened.read()
        return
    import zipfile

    with zipfile.ZipFile(delivery.source) as archive:
        for name in delivery.listing:
            yield name, archive.read(delivery.prefix + name)


def interpreter() -> str:
    """The Python that the command runs under: the distribution's where it is new enough, since it outlives venvs."""
    system = "/usr/bin/python3"
    version = python_version(system)
    return system if version >= (3, 9) else sys.executable


def python_version(path: str) -> tuple[int, ...]:
    """(major, minor) by the name that /usr/bin/python3 links to, else by asking it; () when there is none."""
    name = os.path.basename(os.path.realpath(path))
    if not os.path.exists(path):
        return ()
    digits = name[len("python") :].split(".") if name.startswith("python") else []
    if len(digits) == 2 and all(part.isdigit() for part in digits):
        return tuple(int(part) for part in digits)
    from ..host.process import LinuxRunner

    asked = LinuxRunner().run([path, "-IS", "-c", "import sys; print(*sys.version_info[:2])"], timeout=30)
    return tuple(int(part) for part in asked.stdout.split()) if asked.rc == 0 else ()


def script(python: str) -> str:
    """The text of the command. -I and -S: nothing of the caller's environment or site decides what gets imported."""
    shebang = f"#!{python} -IS"
    if len(shebang) > 250 or " " in python:  # BINPRM_BUF_SIZE; the kernel also splits at the first blank
        shebang = f"#!/bin/sh\n'''exec' '{python}' -IS \"$0\" \"$@\"\n' '''"
    return _SCRIPT.format(shebang=shebang, package=PACKAGE)


def _compile(new: str, home: str, names: list[str]) -> list[str]:
    """Write the byte code of this Python, and of the command's where that is another. Returns the bundles' names."""
    import py_compile

    from ..base import bundle

    for name in names:
        if name.endswith(_FIRST):
            py_compile.compile(os.path.join(new, name), dfile=os.path.join(home, name), doraise=True)
    written = [bundle.write(new, home, names)]
    python = interpreter()
    if python_version(python) != sys.version_info[:2]:
        from ..host.process import LinuxRunner

        argv = [python, "-IS", "-c", _OTHER_PYTHON.format(package=PACKAGE, first=_FIRST), new, home, *names]
        done = LinuxRunner().run(argv, timeout=300, check="compile the runtime")
        written.append(done.stdout.decode().strip())
    for folder, _folders, files in os.walk(new):
        if os.path.basename(folder) == "__pycache__":
            os.chmod(folder, 0o755)
            for file in files:
                os.chmod(os.path.join(folder, file), 0o644)
    return written


def link_command(base: str, digest: str) -> None:
    """Point `current` and the command in PATH to this version. Somebody else's file of that name is left alone."""
    _replace_link(os.path.join(base, CURRENT), digest)
    for link, name in ((command_link(base), COMMAND), (completion_link(base), COMPLETION)):
        if not os.path.lexists(link) or (os.path.islink(link) and os.readlink(link).startswith(base + "/")):
            os.makedirs(os.path.dirname(link), 0o755, exist_ok=True)
            _replace_link(link, os.path.join(base, CURRENT, name))


def _replace_link(path: str, target: str) -> None:
    if os.path.islink(path) and os.readlink(path) == target:
        return
    temporary = f"{path}.new-{os.getpid()}"
    os.symlink(target, temporary)
    os.rename(temporary, path)


def versions(base: str) -> list[str]:
    """Digests of the copies below `base`."""
    try:
        names = sorted(os.listdir(base))
    except OSError:
        return []
    return [name for name in names if name != CURRENT and os.path.isfile(os.path.join(base, name, "manifest.json"))]


def prune(base: str, keep: str) -> None:
    """Remove versions that nothing uses any more, except the newest few and those of the last day.

    A task that runs from a copy does not show it in its command line, so age protects it; conmon and the command do.
    """
    others = [name for name in versions(base) if name != keep and not name.startswith(".")]
    dated = sorted(
        ((os.lstat(os.path.join(base, name, "manifest.json")).st_mtime, name) for name in others), reverse=True
    )
    candidates = [name for written, name in dated[KEPT - 1 :] if time.time() - written > FRESH_SECONDS]
    if not candidates:
        return
    busy = _command_lines()
    for name in candidates:
        home = os.path.join(base, name)
        if f"{home}/".encode() not in busy:
            _retire(home)


def _retire(home: str) -> None:
    base, name = os.path.split(home)
    old = os.path.join(base, f"{_OLD}{name}")
    os.rename(home, old)
    os.mkdir(home, 0o755)
    os.chmod(home, 0o755)
    os.symlink(os.path.join("..", CURRENT, COMMAND), os.path.join(home, COMMAND))
    shutil.rmtree(old, ignore_errors=True)


def _command_lines() -> bytes:
    lines = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as opened:
                    lines.append(opened.read())
            except OSError:  # it ended meanwhile
                continue
    return b"\n".join(lines)
