# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own side of an attached container: the terminal, the signals we get, and writing what it prints."""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_PASSED_ON = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "TSTP", "CONT", "WINCH")


class Surroundings:
    """A context manager that gives everything back: terminal modes and signal handlers."""

    def __init__(self) -> None:
        self._modes: list[object] | None = None
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Surroundings:
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal.signal had returned it
        if self._modes is not None:
            import termios

            try:
                termios.tcsetattr(0, termios.TCSADRAIN, self._modes)  # type: ignore[arg-type]
            except termios.error:
                pass  # it went away

    def raw(self) -> None:
        """Every key is the container's: no echo, no lines, no signals from keys. Nil work without a terminal."""
        import termios
        import tty

        if not is_terminal(0):
            return
        try:
            self._modes = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSADRAIN)
        except termios.error:
            self._modes = None

    def pass_signals(self, send: Callable[[int], None]) -> None:
        for name in _PASSED_ON:
            self._on(getattr(signal, f"SIG{name}"), send)

    def on_resize(self, tell: Callable[[int, int], None]) -> None:
        """Now, and each time the window changes; `tell` gets rows and columns."""

        def look(_number: int) -> None:
            size = window()
            if size is not None:
                tell(*size)

        look(0)
        self._on(signal.SIGWINCH, look)

    def _on(self, number: int, deed: Callable[[int], None]) -> None:
        def handle(got: int, _frame: FrameType | None) -> None:
            deed(got)

        before = signal.signal(number, handle)
        self._handlers.setdefault(number, before)


def is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def window() -> tuple[int, int] | None:
    """Rows and columns of whichever of our streams is a terminal."""
    for fd in (0, 1, 2):
        try:
            size = os.get_terminal_size(fd)
        except OSError:
            continue
        return size.lines, size.columns
    return None


def write(fd: int, data: bytes) -> None:
    """All of it, also where somebody has made our stream one that does not block. Raises BrokenPipeError."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


def flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
