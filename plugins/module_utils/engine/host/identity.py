# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking: the real user, also from inside the user namespace that rootless containers live in."""

from __future__ import annotations

import os
import stat

from ..base.errors import HostLacks
from ..base.tuples import NamedTuple

ROOTLESS_UID = "_CONTAINERS_ROOTLESS_UID"  # podman's own names for what a process in its namespace cannot see
ROOTLESS_GID = "_CONTAINERS_ROOTLESS_GID"
CONFIGURED = "_CONTAINERS_USERNS_CONFIGURED"


class Identity(NamedTuple):
    """The user on whose behalf the engine works.

    `uid`, `gid`, `name`, `home` are those outside any user namespace; `inside` tells that this process already is in
    the rootless user namespace; `runtime_dir` is what podman would take for XDG_RUNTIME_DIR ("/run" for root).
    """

    uid: int
    gid: int
    name: str
    home: str
    runtime_dir: str
    rootless: bool
    inside: bool


def who_am_i() -> Identity:
    """Raises HostLacks when the user has no entry and no home, or a runtime directory that is not safely theirs."""
    inside = os.geteuid() == 0 and in_child_user_namespace()
    if inside and ROOTLESS_UID in os.environ:
        uid, gid = int(os.environ[ROOTLESS_UID]), int(os.environ.get(ROOTLESS_GID, os.environ[ROOTLESS_UID]))
    else:
        uid, gid, inside = os.geteuid(), os.getegid(), False
    name, home = _account(uid)
    rootless = uid != 0
    runtime_dir = _runtime_dir(uid, inside) if rootless else "/run"
    return Identity(uid, gid, name, home, runtime_dir, rootless, inside)


def in_child_user_namespace() -> bool:
    """Whether ids are translated, by the map that the initial namespace has: all ids onto themselves."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split() != ["0", "0", "4294967295"]


def _account(uid: int) -> tuple[str, str]:
    import pwd

    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        home = os.environ.get("HOME", "")
        if not os.path.isabs(home):
            raise HostLacks("find the user", f"uid {uid} has no passwd entry and HOME is not set") from None
        return str(uid), home
    # Ansible's become keeps HOME right; sudo -E and su without a dash may leave another user's there.
    home = os.environ.get("HOME", "")
    return entry.pw_name, home if _usable_home(home, uid) else entry.pw_dir


def _usable_home(home: str, uid: int) -> bool:
    if not os.path.isabs(home):
        return False
    try:
        owner = os.stat(home).st_uid
    except OSError:
        return False
    return owner in (uid, os.geteuid())


def _runtime_dir(uid: int, inside: bool) -> str:
    """podman's order: XDG_RUNTIME_DIR when it is ours, /run/user/UID, else a private directory under TMPDIR."""
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    standard = f"/run/user/{uid}"
    for path in (named, standard):
        if path and _private(path, uid, inside):
            return path
    fallback = os.path.join(os.environ.get("TMPDIR") or "/tmp", f"storage-run-{uid}")
    if not _private(fallback, uid, inside):
        _make_private(fallback)
    if not _private(fallback, uid, inside):
        raise HostLacks(
            "find the runtime directory",
            f"{fallback} exists and is not a private directory of uid {uid}",
            f"Remove it, or enable lingering for the user so that {standard} exists (loginctl enable-linger)",
        )
    return fallback


def _private(path: str, uid: int, inside: bool) -> bool:
    try:
        info = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == (0 if inside else uid) and not info.st_mode & 0o077


def _make_private(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise HostLacks("make the runtime directory", f"{path}: {error.strerror}") from error
