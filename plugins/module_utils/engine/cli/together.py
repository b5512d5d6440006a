# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deed for many containers, several at once, in the order that their dependencies ask for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable

from ..base.errors import EngineError, NotFound
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..container.model import Container
    from ..session.session import Session
    from .context import Context

    Deed = Callable[[Session, Container], None]


class Ways(NamedTuple):
    """Who comes `first`: the "needed" ones, those "needing" others, or "" where it is no matter; whether one that is
    not there counts as done (`forgiving`); the exit code of an error; and whether the deed `waits` for programs that
    may take their time, so that many should do so at once.
    """

    first: str = ""
    forgiving: bool = False
    code: Callable[[Session, str, EngineError], int] | None = None
    waits: bool = True


class _End(NamedTuple):
    error: str = ""
    code: int = 0
    done: bool = True
    warnings: tuple[str, ...] = ()


def _one(session: Session, name: str, deed: Deed, ways: Ways) -> _End:
    from ..container.lookup import find

    known = len(session.warnings)
    try:
        deed(session, find(session, name, "find container"))
    except EngineError as error:
        if ways.forgiving and isinstance(error, NotFound):
            return _End(done=False)
        return _End(str(error), ways.code(session, name, error) if ways.code else 125)
    except OSError as error:
        return _End(str(error), 125)
    return _End(warnings=tuple(session.warnings[known:]))


def _numbers_by_id(session: Session, names: Sequence[str]) -> dict[str, int]:
    from ..container.lookup import lookup

    numbers: dict[str, int] = {}
    for number, name in enumerate(names):
        try:
            container = lookup(session, name)
        except EngineError:  # told when its turn comes
            continue
        if container is not None:
            numbers.setdefault(container.id, number)
    return numbers


def _neighbours(session: Session, numbers: dict[str, int], first: str) -> Callable[[int], list[int]]:
    ids = {number: identity for identity, number in numbers.items()}
    ask = session.database.dependencies if first == "needed" else session.database.dependents

    def neighbours(number: int) -> list[int]:
        return [numbers[other] for other in ask(ids[number]) if other in numbers] if number in ids else []

    return neighbours


def each_container(context: Context, names: Sequence[str], deed: Deed, ways: Ways) -> int:
    """Do `deed` to every container, several at once, and print its name as it was given; the exit code of the last
    failure, as `each` has it.
    """
    from ..container.together import side_by_side, waves

    code = 0
    found = _numbers_by_id(context.session, names)
    everyone = range(len(names))
    at_once = (3 if ways.waits else 1) * max(2, os.cpu_count() or 1)  # more than there are processors only stand by
    for wave in waves(everyone, _neighbours(context.session, found, ways.first)) if ways.first else [list(everyone)]:
        if len(wave) == 1:
            ends = {wave[0]: _one(context.session, names[wave[0]], deed, ways)}
        else:
            ends = side_by_side(
                context.session, wave, lambda own, number: _one(own, names[number], deed, ways), at_once
            )
        for number in wave:
            code = _tell(context, names[number], ends[number]) or code
    return code


def _tell(context: Context, name: str, end: _End) -> int:
    if end.error:
        context.error(end.error)
    elif end.done:
        context.out(f"{name}\n")
    context.session.warnings += [text for text in end.warnings if text not in context.session.warnings]
    return end.code
