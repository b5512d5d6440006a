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
from typing import TYPE_CHECKING

from ..base.errors import HostLacks, ToolFailed
from ..base.locks import FileLock
from . import libc, pause, programs, subids
from .identity import CONFIGURED, ROOTLESS_GID, ROOTLESS_UID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .identity import Identity
    from .process import Runner

_PAUSE_FILE = "pause.pid"
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
    try:
        _private_directory(state_directory)
    except OSError as error:
        raise HostLacks(_DEED.format(name=identity.name), f"{state_directory}: {error.strerror}") from error
    pause_file = os.path.join(state_directory, _PAUSE_FILE)
    pid = pause.living(pause_file)
    if pid is None or not _join(pid, identity):
        with FileLock(f"{pause_file}.lock", mode=0o600):
            _join_or_make(identity, runner, pause_file, monitors)
    return identity._replace(inside=True)


def _join_or_make(
    identity: Identity, runner: Callable[[], Runner], pause_file: str, monitors: Callable[[], Iterable[int]]
) -> None:
    pid = pause.living(pause_file)
    if pid is not None and _join(pid, identity):
        return
    _drop_stale(pause_file)
    for monitor in monitors():
        if _join(monitor, identity):
            pause.start(pause_file, None)
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


def _drop_stale(pause_file: str) -> None:
    """Remove a stale file, but not one that somebody has written since it was judged."""
    if pause.living(pause_file) is None:
        pause.unlink(pause_file)


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

    return pause.start(pause_file, map_ids)


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
