# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs on many containers side by side, each in a forked process, and the order that their dependencies ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..session.session import Session

Result = TypeVar("Result")


def side_by_side(
    session: Session, numbers: Sequence[int], job: Callable[[Session, int], Result], parallel: int
) -> dict[int, Result]:
    """What `job` returns for every number, which has to pickle; at most `parallel` at once, each with its own session.

    Nothing of `session` may be held or threaded now. Raises the first error of a job: none is begun after it.
    """
    if not numbers:
        return {}
    from ..host.workers import Pool

    _load(session)
    own: list[Session] = []
    pool = Pool(min(len(numbers), parallel), lambda number: job(own[0], number), lambda: own.append(session.sibling()))
    try:
        found = pool.run(list(numbers))
    except BaseException:
        pool.kill()
        raise
    pool.close()
    return found


def _load(session: Session) -> None:
    """What every job comes to need is imported and read once, here, and not by each process."""
    from ..host import libc, process  # noqa: F401
    from ..libpod import events, shm_locks  # noqa: F401
    from ..netavark import connect, netns  # noqa: F401
    from ..store import containers, layers, mounting  # noqa: F401
    from ..volume import mount  # noqa: F401
    from . import networking, remove, resources, settle, start, stop  # noqa: F401

    process.make_ready()
    session.read_ahead()


def waves(numbers: Sequence[int], before: Callable[[int], Iterable[int]]) -> list[list[int]]:
    """The numbers in groups, each after all that `before` names for it; what it names beyond `numbers` is no matter."""
    left = list(numbers)
    found: list[list[int]] = []
    while left:
        ready = [number for number in left if not set(before(number)) & set(left) - {number}]
        found.append(ready or left)
        left = [number for number in left if number not in found[-1]]
    return found
