# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user and mount namespace that all rootless containers of one user share with podman.

A pause process (`catatonit -P`) holds it, its pid stands in pause.pid. Everybody joins; the first one makes it. Two
who make one at once race for the file: it is put in place without replacing, and the loser joins the winner.

Entering works in a process with one thread only, before it holds anything. Sources: user_namespaces(7), setns(2),
newuidmap(1), and podman's conduct observed.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from ..base.errors import HostLacks, ToolFailed
from ..base.files import read_bytes
from ..base.locks import FileLock
from ..base.steps import reached
from . import libc, programs, subids
from .identity import CONFIGURED, ROOTLESS_GID, ROOTLESS_UID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .identity import Identity
    from .process import Runner

_PAUSE_FILE = "pause.pid"
_PAUSE_MARK = "_PODMAN_PAUSE"
_PAUSE_NAMES = (b"catatonit", b"podman pause")
_DEED = "enter the user namespace of {name}"


def enter(
    identity: Identity,
    runner: Callable[[], Runner],
    state_directory: str,
    monitors: Callable[[], Iterable[int]] = tuple,
) -> Identity:
    """Join the user's namespaces, making them first where nobody has; afterwards this process is root inside.

    `runner` is asked for only by the one who makes them. `state_directory` holds pause.pid. `monitors` gives the pids
    of conmon processes of running containers: with the pause process gone, theirs is the namespace of the mounts.
    Raises HostLacks when a kernel switch, a program or the sub-ids are missing, or when threads run already.
    """
    if not identity.rootless or identity.inside:
        return identity
    _refuse_threads(identity)
    _private_directory(state_directory)
    pause_file = os.path.join(state_directory, _PAUSE_FILE)
    pid = _living_pause(pause_file)
    if pid is None or not _join(pid, identity):
        with FileLock(f"{pause_file}.lock", mode=0o600):
            _join_or_make(identity, runner, pause_file, monitors)
    return identity._replace(inside=True)


def _join_or_make(
    identity: Identity, runner: Callable[[], Runner], pause_file: str, monitors: Callable[[], Iterable[int]]
) -> None:
    pid = _living_pause(pause_file)
    if pid is not None and _join(pid, identity):
        return
    _drop_stale(pause_file)
    for monitor in monitors():
        if _join(monitor, identity):
            _start_pause(pause_file, None)
            return
    for _attempt in range(3):
        pid = _make(identity, runner(), pause_file)
        if pid is not None and _join(pid, identity):
            return
    raise HostLacks(_DEED.format(name=identity.name), "the pause process ended at once")


def _private_directory(path: str) -> None:
    """As podman makes it: the sticky bit keeps it from being cleaned up (XDG Base Directory Specification)."""
    parent = os.path.dirname(path)
    os.makedirs(parent, mode=0o700, exist_ok=True)
    os.chmod(parent, 0o1700)
    try:
        os.mkdir(path, 0o751)
    except FileExistsError:
        pass


def _refuse_threads(identity: Identity) -> None:
    if len(os.listdir("/proc/self/task")) > 1:
        raise HostLacks(_DEED.format(name=identity.name), "this process has several threads already")


# -- finding ----------------------------------------------------------------------------------------------------------


def _living_pause(pause_file: str) -> int | None:
    """The pid in the file, unless it is stale: gone, or another program's by now (a reboot, a wrapped counter)."""
    try:
        text = read_bytes(pause_file, 64)
    except OSError:
        return None
    if not text.strip().isdigit():
        return None
    pid = int(text)
    return pid if pid > 1 and is_pause_process(pid) else None


def _drop_stale(pause_file: str) -> None:
    """Remove a stale file, but not one that somebody has written since it was judged."""
    if _living_pause(pause_file) is None:
        _unlink(pause_file)


def is_pause_process(pid: int, proc: str = "/proc") -> bool:
    """By its name, or the mark in its environment, and by being in a user namespace other than ours."""
    try:
        name = read_bytes(f"{proc}/{pid}/comm", 4096).strip()
        if name not in _PAUSE_NAMES and f"{_PAUSE_MARK}=1".encode() not in _environ(pid, proc):
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


# -- joining ----------------------------------------------------------------------------------------------------------


def _join(pid: int, identity: Identity) -> bool:
    """Enter the namespaces of `pid`; False when it is gone or not ours to join."""
    try:
        user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        mount = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        os.close(user)
        return False
    try:
        here = os.getcwd()
    except OSError:
        here = "/"
    try:
        try:
            libc.setns(user, libc.CLONE_NEWUSER)
        except OSError:
            return False
        _become_root_inside(mount, here, identity)
    finally:
        os.close(user)
        os.close(mount)
    return True


def _become_root_inside(mount: int, here: str, identity: Identity) -> None:
    """The steps after the user namespace is joined, from which there is no way back."""
    try:
        libc.setns(mount, libc.CLONE_NEWNS)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        raise HostLacks(_DEED.format(name=identity.name), f"half-way in: {error.strerror}") from error
    try:
        os.chdir(here)
    except OSError:
        os.chdir("/")
    os.environ.update({CONFIGURED: "done", ROOTLESS_UID: str(identity.uid), ROOTLESS_GID: str(identity.gid)})


# -- making -----------------------------------------------------------------------------------------------------------


def _make(identity: Identity, runner: Runner, pause_file: str) -> int | None:
    """Make namespaces with a pause process in them; its pid, or the winner's when another process was faster."""
    deed = _DEED.format(name=identity.name)
    ids = subids.find(identity, runner)
    tools = [
        (programs.require("newuidmap", deed), subids.mapping(identity.uid, ids.uids, "/etc/subuid")),
        (programs.require("newgidmap", deed), subids.mapping(identity.gid, ids.gids, "/etc/subgid")),
    ]

    def map_ids(pid: int) -> None:
        for program, lines in tools:
            numbers = [str(number) for line in lines for number in line]
            _run_mapper(runner, deed, [program, str(pid), *numbers])

    return _start_pause(pause_file, map_ids)


def _run_mapper(runner: Runner, deed: str, argv: list[str]) -> None:
    try:
        runner.run(argv, timeout=30, check=deed)
    except ToolFailed as error:
        error.hint = error.hint or _mapper_hint(argv[0])
        raise


def _mapper_hint(program: str) -> str:
    """What is usually wrong when newuidmap refuses."""
    try:
        if os.stat(program).st_mode & 0o6000 or b"security.capability" in map(os.fsencode, os.listxattr(program)):
            return "Compare the ranges in /etc/subuid and /etc/subgid with what the program says"
    except OSError:
        pass
    return f"{program} is neither set-uid root nor has the capability it needs: reinstall its package"


def _start_pause(pause_file: str, map_ids: Callable[[int], None] | None) -> int | None:
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
        return _living_pause(pause_file)
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
        _unlink(temporary)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _unlink(path: str) -> None:
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
        os.environ[_PAUSE_MARK] = "1"
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
