# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading events again, ours and podman's, from the file or the journal where they are kept."""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, BinaryIO

from ..base import jsonval
from ..base.clock import from_unix_ns, parse
from ..base.errors import BadInput, EngineError
from ..base.tuples import NamedTuple
from ..host.programs import require
from .events import FILE, JOURNALD, Event, EventLog, Health

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..host.process import Process, Runner

_LOOK_SECONDS = 0.1
_LAST_WORDS_MS = 500  # journald may still be filing what has happened
_LINE_LIMIT = 1024 * 1024
_DEED = "read the events"
_FIELDS = (
    "EVENT TYPE TIME NAME ID IMAGE EXIT_CODE POD_ID NETWORK_NAME LABELS HEALTH_STATUS HEALTH_FAILING_STREAK HEALTH_LOG"
)


class Window(NamedTuple):
    """Unix nanoseconds, None for no bound; with `follow` until `until_ns`, or for ever."""

    since_ns: int | None = None
    until_ns: int | None = None
    follow: bool = False

    def holds(self, time_ns: int) -> bool:
        if self.since_ns is not None and time_ns < self.since_ns:
            return False
        return self.until_ns is None or time_ns <= self.until_ns

    def over(self) -> bool:
        return not self.follow or (self.until_ns is not None and time.time_ns() > self.until_ns)


def read(log: EventLog, runner: Runner, window: Window) -> Iterator[Event]:
    """The events of a window, oldest first. Raises BadInput where none are kept, HostLacks without journalctl."""
    if log.backend == FILE:
        return _of_file(log.path, window)
    if log.backend == JOURNALD:
        return _of_journal(runner, window)
    raise BadInput(_DEED, "containers.conf says that none are kept", "Set events_logger to file or journald")


def moment(event: Event) -> int:
    """Unix nanoseconds; 0 for a time that cannot be read."""
    try:
        return parse(event.time)
    except BadInput:
        return 0


def _within(events: Iterator[Event | None], window: Window) -> Iterator[Event]:
    for event in events:
        if event is not None and window.holds(moment(event)):
            yield event


def _of_file(path: str, window: Window) -> Iterator[Event]:
    return _within((parse_line(line) for line in _lines(path, window)), window)


def _lines(path: str, window: Window) -> Iterator[bytes]:
    """Whole lines; a log that was rotated is gone on with after the last line that was read of the old one."""
    file: BinaryIO | None = None
    try:
        last = b""
        while True:
            over = window.over()  # asked before reading: what came before the end is then read for certain
            if file is None:
                file = _opened(path)
                if file is not None and last:
                    _skip_past(file, last)
            for line in _whole_lines(file) if file is not None else ():
                last = line
                yield line
            if over:
                return
            time.sleep(_LOOK_SECONDS)
            if file is not None and _replaced(file, path):
                for line in _whole_lines(file):
                    last = line
                    yield line
                file.close()
                file = None
    finally:
        if file is not None:
            file.close()


def _opened(path: str) -> BinaryIO | None:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        return None


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    while True:
        start = file.tell()
        line = file.readline(_LINE_LIMIT)
        if not line.endswith(b"\n") and len(line) < _LINE_LIMIT:
            file.seek(start)
            return
        yield line


def _skip_past(file: BinaryIO, line: bytes) -> None:
    """To behind `line`, which the newer half of a log may still hold; to its beginning where it does not."""
    while True:
        found = file.readline(_LINE_LIMIT)
        if not found:
            file.seek(0)
            return
        if found == line:
            return


def _replaced(file: BinaryIO, path: str) -> bool:
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(file.fileno())
    return (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino) or now.st_size < file.tell()


def parse_line(raw: bytes) -> Event | None:
    """One line of the file; None for one that is no event, and for the marks of a rotation."""
    try:
        entry = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("Type"), str):
        return None
    attributes = jsonval.text_map(entry, "Attributes")
    if "io.podman.event.rotate" in attributes:
        return None
    code = entry.get("ContainerExitCode")
    return Event(
        entry["Type"],
        jsonval.text(entry, "Status"),
        jsonval.text(entry, "ID"),
        jsonval.text(entry, "Name"),
        jsonval.text(entry, "Image"),
        jsonval.text(entry, "network"),
        jsonval.text(entry, "PodID"),
        code if isinstance(code, int) else None,
        attributes,
        jsonval.text(entry, "Time"),
        _health(entry, "health_status", "health_failing_streak", "health_log"),
    )


def _of_journal(runner: Runner, window: Window) -> Iterator[Event]:
    argv = [require("journalctl", _DEED), "--output=json", "--all", "--no-pager", "--quiet", "--lines=all"]
    argv.append(f"--output-fields={','.join(f'PODMAN_{name}' for name in _FIELDS.split())}")
    if window.since_ns is not None:
        argv.append(f"--since=@{window.since_ns // 1000 / 1_000_000:.6f}")
    if window.follow:
        argv.append("--follow")
    argv.append("SYSLOG_IDENTIFIER=podman")
    ours, theirs = os.pipe()
    try:
        try:
            child = runner.spawn(argv, stdout=theirs)
        finally:
            os.close(theirs)
        try:
            yield from _within((parse_entry(line) for line in _piped(ours, window)), window)
        finally:
            _end(child)
    finally:
        os.close(ours)


def _piped(fd: int, window: Window) -> Iterator[bytes]:
    """Lines until journalctl ends, or until nothing more comes after the end of a window that is followed."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    data = b""
    while True:
        over = window.over()
        if window.follow and not poll.poll(_LAST_WORDS_MS if over else _LOOK_SECONDS * 1000):
            if over:
                return
            continue
        piece = os.read(fd, 65536)
        if not piece:
            return
        *lines, data = (data + piece).split(b"\n")
        yield from lines


def _end(child: Process) -> None:
    child.kill()
    try:
        child.wait(5.0)
    except EngineError:
        return


def parse_entry(raw: bytes) -> Event | None:
    """One JSON object of journalctl; None when it is no event."""
    try:
        entry = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(entry, dict) or "PODMAN_TYPE" not in entry:
        return None
    code = jsonval.text(entry, "PODMAN_EXIT_CODE")
    stamp = jsonval.text(entry, "PODMAN_TIME")
    if not stamp:
        stamp = from_unix_ns(int(jsonval.text(entry, "__REALTIME_TIMESTAMP") or 0) * 1000)
    return Event(
        jsonval.text(entry, "PODMAN_TYPE"),
        jsonval.text(entry, "PODMAN_EVENT"),
        jsonval.text(entry, "PODMAN_ID"),
        jsonval.text(entry, "PODMAN_NAME"),
        jsonval.text(entry, "PODMAN_IMAGE"),
        jsonval.text(entry, "PODMAN_NETWORK_NAME"),
        jsonval.text(entry, "PODMAN_POD_ID"),
        int(code) if code.lstrip("-").isdigit() else None,
        _labels(entry),
        stamp,
        _health(entry, "PODMAN_HEALTH_STATUS", "PODMAN_HEALTH_FAILING_STREAK", "PODMAN_HEALTH_LOG"),
    )


def _health(entry: Json, status: str, streak: str, log: str) -> Health | None:
    word, count = jsonval.text(entry, status), str(entry.get(streak) or 0)
    return Health(word, int(count) if count.isdigit() else 0, jsonval.text(entry, log)) if word else None


def _labels(entry: Json) -> dict[str, str]:
    try:
        labels = json.loads(jsonval.text(entry, "PODMAN_LABELS") or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
