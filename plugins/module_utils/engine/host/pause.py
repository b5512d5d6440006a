# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pause process: what keeps a plain user's namespaces in being while nothing else runs in them.

It is `catatonit -P`, an orphan in a session of its own, and its pid stands in pause.pid. Without catatonit a process
of ours waits under the name that podman gives to its own.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from ..base.files import read_bytes
from ..base.steps import reached
from . import libc, programs

if TYPE_CHECKING:
    from collections.abc import Callable

_MARK = "_PODMAN_PAUSE"
_NAMES = (b"catatonit", b"podman pause")


def living(pause_file: str) -> int | None:
    """The pid in the file, unless it is stale: gone, or another program's by now (a reboot, a wrapped counter)."""
    try:
        text = read_bytes(pause_file, 64)
    except OSError:
        return None
    if not text.strip().isdigit():
        return None
    pid = int(text)
    return pid if pid > 1 and is_pause_process(pid) else None


def is_pause_process(pid: int, proc: str = "/proc") -> bool:
    """By its name, or the mark in its environment, and by being in a user namespace other than ours."""
    try:
        name = read_bytes(f"{proc}/{pid}/comm", 4096).strip()
        if name not in _NAMES and f"{_MARK}=1".encode() not in _environ(pid, proc):
            return False
        theirs = os.readlink(f"{proc}/{pid}/ns/user")
    except OSError:
        return False
    return theirs != os.readlink(f"{proc}/self/ns/user")


def _environ(pid: int, proc: str) -> list[bytes]:
    try:
        return read_bytes(f"{proc}/{pid}/environ", 1 << 20).split(b"\0")
    except OSError:
        return []


def start(pause_file: str, map_ids: Callable[[int], None] | None) -> int | None:
    """Fork a pause process, in new namespaces when `map_ids` is to fill their maps, and publish its pid.

    None when another process published first.
    """
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        _orphan(ready_read, ready_write, go_read, go_write, map_ids is not None)
    os.close(ready_write)
    os.close(go_read)
    try:
        os.waitpid(middle, 0)
        pid = _read_pid(ready_read)
        try:
            if map_ids is not None:
                map_ids(pid)
            reached("pause-started")
            os.write(go_write, b"1")
            os.read(ready_read, 1)  # ends when the pause program has been executed or the process died
            published = _publish(pause_file, pid)
        except BaseException:
            _kill(pid)
            raise
    finally:
        os.close(ready_read)
        os.close(go_write)
    if not published:
        _kill(pid)
        return living(pause_file)
    return pid


def _read_pid(fd: int) -> int:
    text = os.read(fd, 64).decode()
    pid, _space, failure = text.partition(" ")
    if failure:
        raise _refused(int(failure))
    if not pid:
        raise HostLacks("make a user namespace", "the pause process ended at once")
    return int(pid)


def _refused(number: int) -> HostLacks:
    """unshare(2) said no: name the switch that is off."""
    switches = (
        ("user/max_user_namespaces", b"0", "0"),
        ("kernel/unprivileged_userns_clone", b"0", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", b"1", "1"),
    )
    for name, off, shown in switches:
        try:
            if read_bytes(f"/proc/sys/{name}", 64).strip() == off:
                key = name.replace("/", ".")
                fix = f"Change it as root with sysctl {key}"
                return HostLacks("make a user namespace", f"the kernel setting {key} is {shown}", fix)
        except OSError:
            continue
    return HostLacks("make a user namespace", f"the kernel refuses: {os.strerror(number)}")


def _publish(pause_file: str, pid: int) -> bool:
    """Write pause.pid unless it exists; link(2) does not replace."""
    temporary = f"{pause_file}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, str(pid).encode())
    finally:
        os.close(fd)
    try:
        os.link(temporary, pause_file)
        return True
    except FileExistsError:
        return False
    finally:
        unlink(temporary)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


# -- in the children: nothing here returns ----------------------------------------------------------------------------


def _orphan(ready_read: int, ready_write: int, go_read: int, go_write: int, namespaces: bool) -> None:
    """The middle process: a session of its own, then the pause process as an orphan."""
    try:
        os.close(ready_read)
        os.close(go_write)
        os.setsid()
        if os.fork() == 0:
            _pause(ready_write, go_read, namespaces)
    finally:
        os._exit(0)


def _pause(ready: int, go: int, namespaces: bool) -> None:
    try:
        _silence(keep=(ready, go))
        if namespaces:
            try:
                libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
            except OSError as error:
                os.write(ready, f"{os.getpid()} {error.errno}".encode())
                os._exit(1)
        os.write(ready, str(os.getpid()).encode())
        if os.read(go, 1) != b"1":
            os._exit(1)  # the one who asked has died
        if namespaces:
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        os.chdir("/")
        os.environ[_MARK] = "1"
        _hold(ready)
    finally:
        os._exit(1)


def _silence(keep: tuple[int, ...]) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    for fd in range(3, highest + 1):
        if fd not in keep:
            try:
                os.close(fd)
            except OSError:
                pass
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


def _hold(ready: int) -> None:
    """Be the pause program; without catatonit, this process waits under podman's own name for it."""
    program = programs.find("catatonit")
    if program is not None:
        try:
            os.execv(program, ["catatonit", "-P"])  # `ready` closes itself on exec
        except OSError:
            pass
    with open("/proc/self/comm", "w", encoding="ascii") as name:
        name.write("podman pause")
    os.close(ready)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        signal.pause()
