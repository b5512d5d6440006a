# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hosts and resolv.conf of a container that runs, after its networks have changed.

The files are bound into the container, so they are written over, never replaced; and what somebody has put into them
since the start is left there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..netavark.connect import described
from . import runfiles

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_LIMIT = 1024 * 1024


def follow(session: Session, container: Container, before: Json, after: Json) -> None:
    """Bring the files in line; `before` and `after` are libpod's networkStatus."""
    binds = jsonval.text_map(container.state, "bindMounts")
    hostname = runfiles.own_hostname(session, container)
    old, new = (
        runfiles.names(session, container, hostname, described(_tables(table))) for table in (before, after)
    )
    for target, text in new.items():
        if target in binds and text != old.get(target):
            _rewrite(binds[target], old.get(target, ""), text, first=target == runfiles.RESOLV)


def _tables(status: Json) -> dict[str, Json]:
    return {name: value for name, value in status.items() if isinstance(value, dict)}


def _rewrite(path: str, old: str, new: str, first: bool) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="surrogateescape") as file:
        text = merged(file.read(_LIMIT), old, new, first)
        file.seek(0)
        file.truncate()
        file.write(text)


def merged(current: str, old: str, new: str, first: bool) -> str:
    """`new` where nobody has touched the file; else `current` with the lines taken out that only `old` has, and those
    put in, `first` or last, that only `new` has."""
    if current == old:
        return new
    before, after = old.splitlines(), new.splitlines()
    gone = set(before) - set(after)
    kept = [line for line in current.splitlines() if line not in gone]
    added = [line for line in after if line not in before and line not in kept]
    return "".join(f"{line}\n" for line in (added + kept if first else kept + added))
