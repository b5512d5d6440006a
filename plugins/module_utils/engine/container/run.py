# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a container and staying with it to its end: `detach: false`, and the host command's foreground run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base.errors import Conflict, NotFound
from ..base.tuples import NamedTuple
from ..runtime import attach
from ..runtime.handed import NOTHING
from ..runtime.liveness import monitor_alive
from . import lookup
from .parts import journal
from .start import start
from .wait import wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runtime.attach import Attached, Sink
    from ..runtime.handed import Handed
    from ..session.session import Session
    from .model import Container


_REMOVAL_SECONDS = 10.0


class RunResult(NamedTuple):
    """How the program ended and all that it printed."""

    rc: int
    stdout: bytes
    stderr: bytes

    def only(self, streams: tuple[str, ...] | None) -> RunResult:
        """Without the streams that nobody asked for; None asks for all."""
        if not streams:
            return self
        return self._replace(
            stdout=self.stdout if attach.STDOUT in streams else b"",
            stderr=self.stderr if attach.STDERR in streams else b"",
        )


def run(session: Session, container: Container, begun: Callable[[], None] | None = None) -> RunResult:
    """Start it and collect its output until it ends; attached before its program begins, so nothing is lost. `begun` is
    called when it runs.
    """
    streams: dict[str, list[bytes]] = {attach.STDOUT: [], attach.STDERR: []}

    def collect(stream: str, data: bytes) -> None:
        streams[stream].append(data)

    rc = run_attached(session, container, Attachment(collect, begun=begun)) or 0
    return RunResult(rc, b"".join(streams[attach.STDOUT]), b"".join(streams[attach.STDERR]))


class Attachment(NamedTuple):
    """Who listens: `sink` gets the output as it comes, `feed` is what goes in. `ready` is called when the container is
    there and its program has not begun, `begun` when it has. `handed` as for start.
    """

    sink: Sink
    feed: attach.Input | None = None
    ready: Callable[[Container], None] | None = None
    begun: Callable[[], None] | None = None
    handed: Handed = NOTHING


def run_attached(session: Session, container: Container, listener: Attachment) -> int | None:
    """As `run`, handing the output on as it comes; the exit code, None when the keys to leave were typed."""
    opened: list[Attached] = []

    def ready(current: Container) -> None:
        opened.append(attach.connect(current.static_dir, current.name))
        if listener.ready is not None:
            listener.ready(current)

    stayed = True
    try:
        start(session, container, ready, handed=listener.handed)
        if listener.begun is not None:
            listener.begun()
        for connection in opened:
            stayed = connection.stream(listener.sink, listener.feed)
    finally:
        for connection in opened:
            connection.__exit__()
    return _end(session, container) if stayed else None


def follow(session: Session, container: Container, listener: Attachment) -> int | None:
    """Attach to one that runs, and stay to its end. Raises Conflict when it does not run, and as `run_attached`."""
    if not container.running or container.paused:
        raise Conflict(f"attach to container {container.name}", f"it is not running but {container.status}")
    with attach.connect(container.static_dir, container.name) as connection:
        if listener.ready is not None:
            listener.ready(container)
        if listener.begun is not None:
            listener.begun()
        stayed = connection.stream(listener.sink, listener.feed)
    return _end(session, container) if stayed else None


def _end(session: Session, container: Container) -> int:
    fresh = lookup.by_id(session, container.id) or container
    code = wait(session, fresh)
    if container.auto_remove:
        _see_it_gone(session, fresh)
    return code


def _all_done(session: Session, container: Container) -> bool:
    """Of one that is gone: its volumes, its lock and its event come after it, and its image last of all."""
    if journal(session).under_way(container.id, "remove"):
        return False
    return not container.auto_remove_image or not monitor_alive(container.init)


def _see_it_gone(session: Session, container: Container) -> None:
    """Whoever waited for the end finds no container any more, nor what goes with it: its monitor's exit command removes
    it meanwhile, and where that does not come about, it is done here.
    """
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while session.command is not None and time.monotonic() < deadline:
        if lookup.by_id(session, container.id) is None and _all_done(session, container):
            return
        time.sleep(0.02)
    from .remove import remove

    try:
        remove(session, container, force=True, volumes=True, timeout=0)
    except NotFound:
        return
    if container.auto_remove_image:
        from .cleanup import remove_image

        remove_image(session, container)
