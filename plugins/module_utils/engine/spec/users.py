# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and groups of a container: what `--user` says, looked up in the image's own passwd and group.

Both files are hostile: they are given here as bytes that somebody read with a bound, and a line that is no entry is
passed over (passwd(5), group(5)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: How much of either file is worth reading; real ones are a few KiB.
MAX_BYTES = 4 * 1024 * 1024
_MAX_ID = 2**32 - 2
_MAX_LINE = 64 * 1024


class UserSpec(NamedTuple):
    """`USER[:GROUP]`, each a name or a number as text, "" where not given."""

    user: str
    group: str


class Account(NamedTuple):
    """Who the process is. `home` is "" when the image has no entry; `known` tells whether it has one."""

    uid: int
    gid: int
    additional: tuple[int, ...]
    home: str
    name: str
    known: bool


def parse(text: str) -> UserSpec:
    """Raises BadInput: these words end up in passwd and group, so neither newline nor colon may be in them."""
    user, colon, group = text.partition(":")
    for word in (user, group):
        if any(char in word for char in "\n\r\0:,") or word != word.strip() or len(word) > 256:
            raise BadInput("read user", f"{text[:60]!r} is not USER[:GROUP]")
    if colon and not group:
        raise BadInput("read user", f"{text[:60]!r} names no group after the colon")
    return UserSpec(user, group)


def is_root(text: str) -> bool:
    """Whether `--user` keeps all capabilities; podman goes by the word alone, before any image is mounted."""
    return text.split(":", 1)[0] in ("", "root", "0")


def lookup(text: str, passwd: bytes, group: bytes, extra: Sequence[str] = ()) -> Account:
    """Resolve `--user` and `--group-add` against the image's files.

    A number needs no entry, a name does: NotFound otherwise. With an explicit group the memberships of the user are
    not added, as podman and Docker do it.
    """
    wish = parse(text)
    groups = list(_groups(group))
    entry = _find_user(wish.user or "0", passwd)
    if entry is None:
        uid = _number(wish.user or "0")
        if uid is None:
            raise NotFound(f"find user {wish.user!r}", "not in the container's /etc/passwd")
        name, gid, home = "", 0, ""
    else:
        name, uid, gid, home = entry
    additional: list[int] = []
    if wish.group:
        gid = _group_id(wish.group, groups)
    if text:
        additional.append(gid)
    additional += [_group_id(word, groups) for word in extra]
    if not wish.group:
        additional += [number for _name, number, members in groups if name and name in members]
    return Account(uid, gid, tuple(dict.fromkeys(additional)), home, name, entry is not None)


def passwd_entry(account: Account, cwd: str, template: str = "") -> str:
    """The line for a numeric user that the image does not know; `template` may hold $USERNAME $UID $GID $HOME."""
    home = account.home or cwd or "/"
    values = {"USERNAME": str(account.uid), "UID": str(account.uid), "GID": str(account.gid), "HOME": home}
    line = template or "$USERNAME:*:$UID:$GID:container user:$HOME:/bin/sh"
    for key in sorted(values, key=len, reverse=True):
        line = line.replace("$" + key, values[key])
    return checked_line(line, "passwd_entry") + "\n"


def group_entry(account: Account, template: str = "") -> str:
    values = {"GROUPNAME": str(account.gid), "GID": str(account.gid), "USERLIST": account.name}
    line = template or "$GROUPNAME:x:$GID:$USERLIST"
    for key in sorted(values, key=len, reverse=True):
        line = line.replace("$" + key, values[key])
    return checked_line(line, "group_entry") + "\n"


def checked_line(text: str, option: str) -> str:
    """One line for passwd or group. Raises BadInput where it would become two (CVE-2022-4318)."""
    if any(char in text for char in "\n\r\0"):
        raise BadInput(f"read {option}", "holds a line break")
    return text


def has_group(gid: int, content: bytes) -> bool:
    return any(number == gid for _name, number, _members in _groups(content))


def numbers(content: bytes) -> list[int]:
    """The ids that the lines of a passwd or group are about."""
    found = [_number(fields[2]) for fields in _lines(content) if len(fields) > 2]
    return [number for number in found if number is not None]


def _lines(content: bytes) -> Iterator[list[str]]:
    for line in content[:MAX_BYTES].split(b"\n"):
        if line and len(line) <= _MAX_LINE and not line.lstrip().startswith(b"#"):
            yield line.decode("utf-8", "replace").rstrip("\r").split(":")


def _find_user(word: str, content: bytes) -> tuple[str, int, int, str] | None:
    """By name first, then by number: `--user 0` finds root, and a user named 1000 wins over uid 1000."""
    by_number = None
    wanted = _number(word)
    for fields in _lines(content):
        if len(fields) < 6:
            continue
        uid, gid = _number(fields[2]), _number(fields[3])
        if uid is None or gid is None:
            continue
        home = fields[5] if fields[5].startswith("/") and "\0" not in fields[5] else ""
        if fields[0] == word:
            return fields[0], uid, gid, home
        if by_number is None and uid == wanted:
            by_number = fields[0], uid, gid, home
    return by_number


def _groups(content: bytes) -> Iterator[tuple[str, int, frozenset[str]]]:
    for fields in _lines(content):
        if len(fields) >= 4:
            gid = _number(fields[2])
            if gid is not None:
                yield fields[0], gid, frozenset(fields[3].split(","))


def _group_id(word: str, groups: Sequence[tuple[str, int, frozenset[str]]]) -> int:
    for name, number, _members in groups:
        if name == word:
            return number
    found = _number(word)
    if found is None:
        raise NotFound(f"find group {word!r}", "not in the container's /etc/group")
    return found


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        return None
    return int(text) if int(text) <= _MAX_ID else None
