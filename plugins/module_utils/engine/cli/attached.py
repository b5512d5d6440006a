# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container on our own streams: what `run`, `start --attach` and `attach` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..runtime.handed import NOTHING
from .context import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.errors import EngineError
    from ..container.model import Container
    from ..runtime.handed import Handed
    from .context import Context
    from .terminal import Surroundings

_STREAMS = ("stdin", "stdout", "stderr")


class Wish(NamedTuple):
    """`streams` of stdin, stdout, stderr; `keys` to leave, None for those of containers.conf; `signals` are passed on;
    `fresh`: it is yet to be started; `handed` are open files that it gets then.
    """

    streams: tuple[str, ...] = _STREAMS
    keys: str | None = None
    signals: bool = True
    fresh: bool = True
    handed: Handed = NOTHING


def streams(given: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
    """What --attach asks for. Raises Usage."""
    found = tuple(word.lower() for word in given) or tuple(default)
    for word in found:
        if word not in _STREAMS:
            raise Usage(f"invalid stream {word!r} for --attach - must be one of stdin, stdout, or stderr")
    return found


def stay(context: Context, container: Container, wish: Wish) -> int:
    """Attach, and stay until it ends; its exit code, 0 when the keys to leave were typed."""
    from ..base.jsonval import flag
    from ..container.run import Attachment, follow, run_attached
    from ..runtime import attach
    from . import terminal

    session = context.session
    wants_input = "stdin" in wish.streams and flag(container.config, "stdin")
    keys = attach.parse_keys(session.conf.detach_keys if wish.keys is None else wish.keys)
    feed = attach.Input(fd=0, keys=keys) if wants_input else None
    terminal.flush()

    def sink(stream: str, data: bytes) -> None:
        if stream in wish.streams:
            terminal.write(1 if stream == attach.STDOUT else 2, data)

    with terminal.Surroundings() as here:

        def ready(current: Container) -> None:
            if container.terminal:
                here.on_resize(lambda rows, columns: attach.resize(current.static_dir, rows, columns))

        def begun() -> None:
            if wish.signals:
                _pass_signals(context, container, here)
            if container.terminal:
                ready(container)
                if wants_input:
                    here.raw()

        listener = Attachment(sink, feed, ready, begun, wish.handed)
        code = (run_attached if wish.fresh else follow)(session, container, listener)
    return 0 if code is None else code


def _pass_signals(context: Context, container: Container, here: Surroundings) -> None:
    from ..container.lookup import by_id
    from ..runtime.kill import signal_init

    current = by_id(context.session, container.id)
    if current is None:
        return
    init = current.init

    def send(number: int) -> None:
        try:
            signal_init(init, number)
        except OSError:
            return  # it has ended meanwhile

    here.pass_signals(send)


def exit_code(error: EngineError) -> int:
    """As a shell would end: 127 not found, 126 cannot be run, 125 for all else."""
    from ..runtime.errors import CommandNotExecutable, CommandNotFound

    if isinstance(error, CommandNotFound):
        return 127
    return 126 if isinstance(error, CommandNotExecutable) else 125
