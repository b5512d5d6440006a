# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several logs that are followed at once: each is read in a thread of its own, as one alone would be."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..runtime.logs import LogLine

_LOOK_SECONDS = 0.1
_NOT_YET_SECONDS = 0.2


class Follower:
    """One log. `read` gives its lines for as long as the question that it is given is answered with True."""

    def __init__(self, read: Callable[[Callable[[], bool]], Iterator[LogLine]], *, goes_on: bool) -> None:
        self.goes_on = goes_on
        self.caught_up = threading.Event()
        self.failure: BaseException | None = None
        self._read = read
        self._asked = 0
        self._lines: deque[LogLine] = deque()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def taken(self) -> list[LogLine]:
        """The lines that came since it was asked last."""
        return [self._lines.popleft() for _number in range(len(self._lines))]

    def join(self) -> None:
        self._thread.join()

    def _more(self) -> bool:
        self._asked += 1
        if self._asked > 1:  # the journal is asked for only after the first question
            self.caught_up.set()
        return self.goes_on

    def _run(self) -> None:
        try:
            while True:
                begun = False
                for line in self._read(self._more):
                    begun = True
                    self._lines.append(line)
                if begun or not self._more():
                    return
                time.sleep(_NOT_YET_SECONDS)  # one that has never run has no log yet
        except BaseException as error:  # raised again by who follows
            self.failure = error
        finally:
            self.caught_up.set()


def follow(
    reads: Sequence[Callable[[Callable[[], bool]], Iterator[LogLine]]],
    more: Callable[[], bool],
    show: Callable[[LogLine, int], None],
    look: float = _LOOK_SECONDS,
) -> None:
    """Show the lines, and which log each is of: what is there by time, then as they come; until there is no `more`."""
    going = more()
    followers = [Follower(read, goes_on=going) for read in reads]
    try:
        for one in followers:
            one.caught_up.wait()
        while True:
            going = more()
            for one in followers:
                one.goes_on = going
            ended = all(one.ended for one in followers)
            found = [(line.time_ns, number, line) for number, one in enumerate(followers) for line in one.taken()]
            for _moment, number, line in sorted(found, key=lambda item: item[0]):
                show(line, number)
            for one in followers:
                if one.failure is not None:
                    raise one.failure
            if ended:
                return
            time.sleep(look)
    finally:
        for one in followers:
            one.goes_on = False  # all of them first: each takes a moment to see it
        for one in followers:
            one.join()
