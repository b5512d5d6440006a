# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong when a checkpoint of one host is restored at another, although nothing forbids it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..base.jsonval import text, texts
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json

_SHOWN = 12


class Host(NamedTuple):
    """`kernel` as uname(2) calls its release, `criu` its version ("" for none), `cpu` its instruction sets."""

    kernel: str
    criu: str
    cpu: tuple[str, ...]


def doubts(notes: Json, here: Host) -> list[str]:
    """`notes` are those of the host where it was taken, by the names of `Host`; what they do not tell is no doubt."""
    return list(_doubts(notes, here))


def _doubts(notes: Json, here: Host) -> Iterator[str]:
    missing = sorted(set(texts(notes, "cpu")) - set(here.cpu))
    if missing and here.cpu:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        yield f"the processors here lack {', '.join(missing[:_SHOWN])}{more}, which its programs may have begun to use"
    for key, what in (("kernel", "the kernel"), ("criu", "CRIU")):
        there, ours = text(notes, key), getattr(here, key)
        if there and ours and _number(ours) < _number(there):
            yield f"{what} here is {ours}, older than the {there} that it was taken with"


def _number(version: str) -> tuple[int, ...]:
    """Major and minor: what comes behind is no new ability."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else ()
