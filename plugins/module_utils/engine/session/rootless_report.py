# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plain user needs of a host to run containers, each piece looked at, each missing one named with its remedy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..host import programs, subids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..host.identity import Identity
    from ..host.process import Runner

_SWITCHES = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "allow user namespaces in an AppArmor profile"),
)


class Missing:
    """One thing that is not there: `needed` False when containers run without it, with less."""

    __slots__ = ("needed", "reason", "remedy", "what")

    def __init__(self, what: str, reason: str, remedy: str, needed: bool = True) -> None:
        self.what = what
        self.reason = reason
        self.remedy = remedy
        self.needed = needed

    def as_json(self) -> Json:
        return {"what": self.what, "reason": self.reason, "remedy": self.remedy, "needed": self.needed}


def report(identity: Identity, runner: Runner, proc: str = "/proc", etc: str = "/etc") -> Json:
    """`ready` says whether nothing that is needed is missing. Must be asked before the namespaces are entered."""
    missing = list(_missing(identity, runner, proc, etc))
    return {
        "ready": not any(one.needed for one in missing),
        "missing": [one.as_json() for one in missing],
        "subuid": _granted(identity, runner, etc, "uids"),
        "subgid": _granted(identity, runner, etc, "gids"),
        "linger": os.path.exists(f"/var/lib/systemd/linger/{identity.name}"),
        "runtime_dir": identity.runtime_dir,
    }


def _granted(identity: Identity, runner: Runner, etc: str, kind: str) -> list[Json]:
    try:
        found = subids.find(identity, runner, etc)
    except EngineError:
        return []
    return [{"first": one.first, "size": one.size} for one in (found.uids if kind == "uids" else found.gids)]


def _missing(identity: Identity, runner: Runner, proc: str, etc: str) -> Iterator[Missing]:
    yield from _missing_ids(identity, runner, etc)
    yield from _missing_mappers()
    for path, off, remedy in _SWITCHES:
        where = proc + path[len("/proc") :]
        if _word(where) == off:
            name = path[len("/proc/sys/") :].replace("/", ".")
            yield Missing(
                "user namespaces", f"{name} is {off}", remedy, needed=not name.endswith("restrict_unprivileged_userns")
            )
    if programs.find("pasta") is None and programs.find("slirp4netns") is None:
        yield Missing(
            "network for plain users", "neither pasta nor slirp4netns is there", "install passt", needed=False
        )
    elif not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        yield Missing("/dev/net/tun", "not writable for this user", "chmod 0666 /dev/net/tun", needed=False)
    if programs.find("catatonit") is None:
        yield Missing(
            "catatonit", "no program to be the first process of containers with init: true", "install catatonit", False
        )
    if identity.runtime_dir != f"/run/user/{identity.uid}":
        remedy = f"loginctl enable-linger {identity.name}"
        yield Missing(f"/run/user/{identity.uid}", f"{identity.runtime_dir} serves instead", remedy, needed=False)


def _missing_ids(identity: Identity, runner: Runner, etc: str) -> Iterator[Missing]:
    """Each of the two files on its own, so that a host that lacks both says so at once."""
    for name, option in (("subuid", "--add-subuids"), ("subgid", "--add-subgids")):
        path = os.path.join(etc, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as opened:
                text = opened.read()
        except OSError:
            text = ""
        try:
            found = subids.parse(text, (identity.name, str(identity.uid)), path)
        except EngineError as error:
            yield Missing(path, error.cause, "correct the line")
            continue
        if found or _served(identity, runner, etc):
            continue
        first = _free(text)
        yield Missing(path, f"no line for {identity.name}", f"usermod {option} {first}-{first + 65535} {identity.name}")


def _free(text: str) -> int:
    """The first id above every range of the file."""
    highest = 99_999
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            highest = max(highest, int(fields[1]) + int(fields[2]) - 1)
    return highest + 1


def _served(identity: Identity, runner: Runner, etc: str) -> bool:
    """Whether a directory service grants what the files do not."""
    try:
        return bool(subids.find(identity, runner, etc).uids)
    except EngineError:
        return False


def _missing_mappers() -> Iterator[Missing]:
    for name in ("newuidmap", "newgidmap"):
        path = programs.find(name)
        if path is None:
            yield Missing(name, "the program is not there", f"install {programs.PACKAGES[name]}")
        elif not (os.stat(path).st_mode & 0o4000 or _has_capability(path)):
            yield Missing(name, f"{path} has neither the setuid bit nor file capabilities", f"chmod u+s {path}")


def _has_capability(path: str) -> bool:
    try:
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False


def _word(path: str) -> str:
    try:
        with open(path, encoding="ascii") as opened:
            return opened.read().strip()
    except OSError:
        return ""
