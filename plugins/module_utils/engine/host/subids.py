# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sub-ids: which further user and group ids a plain user may use in namespaces (subuid(5), subgid(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, HostLacks
from ..base.files import read_bytes
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from .identity import Identity
    from .process import Runner

_LIMIT = 16 * 1024 * 1024
_HIGHEST = 0xFFFFFFFE


class Range(NamedTuple):
    """`size` ids from `first` on."""

    first: int
    size: int


class SubIds(NamedTuple):
    """What /etc/subuid and /etc/subgid grant, in the order of the files."""

    uids: tuple[Range, ...]
    gids: tuple[Range, ...]


def find(identity: Identity, runner: Runner, etc: str = "/etc") -> SubIds:
    """Raises HostLacks, naming the file and how to add the range, when the user has none; BadInput for a bad line."""
    return SubIds(_ranges(identity, runner, etc, "subuid"), _ranges(identity, runner, etc, "subgid"))


def of_names(users: str, groups: str, etc: str = "/etc") -> SubIds:
    """What the files grant to these names; () where they grant nothing. Raises BadInput for a bad line."""
    found = [
        parse(_read(path), (name,), path)
        for path, name in ((os.path.join(etc, "subuid"), users), (os.path.join(etc, "subgid"), groups))
    ]
    return SubIds(found[0], found[1])


def _ranges(identity: Identity, runner: Runner, etc: str, file: str) -> tuple[Range, ...]:
    path = os.path.join(etc, file)
    if _from_service(etc):
        ranges = _ask_getsubids(identity, runner, groups=file == "subgid")
    else:
        ranges = parse(_read(path), (identity.name, str(identity.uid)), path)
    if not ranges:
        raise lacking(identity, path)
    return ranges


def lacking(identity: Identity, path: str) -> HostLacks:
    """The error of a user without sub-ids in `path`."""
    option = "--add-subuids" if path.endswith("subuid") else "--add-subgids"
    return HostLacks(
        f"set up the user namespace of {identity.name}",
        f"{path} gives no ids to {identity.name} (uid {identity.uid})",
        f"Add a free range as root: usermod {option} 100000-165535 {identity.name}",
    )


def parse(text: str, names: tuple[str, ...], path: str) -> tuple[Range, ...]:
    """The ranges of the lines `name:start:count` whose name (or number) is one of `names`; others are not judged."""
    found: list[Range] = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.strip().split(":")
        if not line.strip() or line.lstrip().startswith("#") or fields[0] not in names:
            continue
        if len(fields) != 3 or not all(field.isascii() and field.isdigit() for field in fields[1:]):
            raise BadInput(f"read {path}", f"line {number} is not NAME:FIRST:COUNT")
        start, count = int(fields[1]), int(fields[2])
        if start + count - 1 > _HIGHEST:
            raise BadInput(f"read {path}", f"line {number} goes beyond the highest id")
        if count:
            found.append(Range(start, count))
    return tuple(found)


def _read(path: str) -> str:
    try:
        return read_bytes(path, _LIMIT).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _from_service(etc: str) -> bool:
    """Whether nsswitch.conf sends sub-id look-ups elsewhere than to the files (sssd)."""
    for line in _read(os.path.join(etc, "nsswitch.conf")).splitlines():
        database, _colon, sources = line.partition("#")[0].partition(":")
        if database.strip() == "subid":
            return any(source != "files" for source in sources.split())
    return False


def _ask_getsubids(identity: Identity, runner: Runner, groups: bool) -> tuple[Range, ...]:
    """shadow's getsubids prints "0: name first count"."""
    from .programs import require

    deed = f"look up the sub-ids of {identity.name}"
    program = require("getsubids", deed)
    argv = [program, "-g", identity.name] if groups else [program, identity.name]
    done = runner.run(argv, timeout=30)
    found: list[Range] = []
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2].isdigit() and fields[3].isdigit():
            found.append(Range(int(fields[2]), int(fields[3])))
    return tuple(found)


def mapping(own: int, ranges: tuple[Range, ...], what: str) -> tuple[tuple[int, int, int], ...]:
    """Lines of uid_map or gid_map: inside 0 is the user's own id, from 1 on the sub-ids follow without gaps.

    Raises BadInput when a range holds the user's own id, which the kernel would refuse.
    """
    lines = [(0, own, 1)]
    inside = 1
    for start, count in ranges:
        if start <= own < start + count:
            raise BadInput("set up the user namespace", f"the range {start}:{count} in {what} holds the user's own id")
        lines.append((inside, start, count))
        inside += count
    return tuple(lines)
