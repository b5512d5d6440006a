# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as a container's log: conmon writes one entry per line or part of a line.

Fields: MESSAGE, PRIORITY (6 stdout, 3 stderr), CONTAINER_ID_FULL, CONTAINER_PARTIAL_MESSAGE (systemd.journal-fields(7),
journalctl(1)). A message that is not UTF-8 comes as a list of byte values.
"""

from __future__ import annotations

import json
import os
import select
from typing import TYPE_CHECKING

from ..base.clock import from_unix_ns
from ..base.errors import EngineError, ToolFailed
from ..host.programs import require
from .logs import LogLine, LogQuery, LogSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..host.process import Process, Runner

_FIELDS = "MESSAGE,PRIORITY,CONTAINER_PARTIAL_MESSAGE"
_ENTRY_LIMIT = 16 * 1024 * 1024
_IDLE_MS = 250
_LAST_WORDS_MS = 500  # journald may still be filing them when the container has ended


def read_journal(runner: Runner, source: LogSource, query: LogQuery, running: Callable[[], bool]) -> Iterator[LogLine]:
    """The pieces of one container. Raises HostLacks without journalctl, ToolFailed when it cannot read the journal."""
    deed = f"read the logs of container {source.name}"
    argv = [require("journalctl", deed), *arguments(source, query)]
    complaints = os.memfd_create("journalctl-stderr")
    out_read, out_write = os.pipe()
    try:
        try:
            child = runner.spawn(argv, stdout=out_write, stderr=complaints)
        finally:
            os.close(out_write)
        try:
            for entry in _entries(out_read, running if query.follow else None):
                line = parse_entry(entry)
                if line is not None and query.holds(line.time_ns):
                    yield line
        finally:
            rc = _end(child, query.follow)
        if rc > 0:
            raise ToolFailed(deed, "journalctl", rc, os.pread(complaints, 4096, 0).decode("utf-8", "replace"))
    finally:
        os.close(out_read)
        os.close(complaints)


def arguments(source: LogSource, query: LogQuery) -> list[str]:
    """The question to journalctl, without the program."""
    argv = ["--output=json", f"--output-fields={_FIELDS}", "--all", "--no-pager", "--quiet"]
    if source.journal_dir:
        argv.append(f"--directory={source.journal_dir}")
    if query.since_ns is not None:
        argv.append(f"--since=@{query.since_ns // 1000 / 1_000_000:.6f}")
    if query.until_ns is not None and not query.follow:
        argv.append(f"--until=@{query.until_ns // 1000 / 1_000_000 + 0.000001:.6f}")
    argv.append(f"--lines={query.tail if query.tail >= 0 else 'all'}")
    if query.follow:
        argv.append("--follow")
    argv.append(f"CONTAINER_ID_FULL={source.cid}")
    return argv


def _entries(fd: int, running: Callable[[], bool] | None) -> Iterator[bytes]:
    """Lines of the pipe. With `running`, until the container has ended and nothing more comes for a moment."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    data = b""
    while True:
        if running is not None:
            alive = running()
            if not poll.poll(_IDLE_MS if alive else _LAST_WORDS_MS):
                if alive:
                    continue
                return
        piece = os.read(fd, 65536)
        if not piece:
            return
        data += piece
        *lines, data = data.split(b"\n")
        yield from lines
        if len(data) > _ENTRY_LIMIT:
            data = b""  # not what conmon writes: its entries hold 8 KiB


def _end(child: Process, follow: bool) -> int:
    """Its exit code; a follower is ended by us, which is no failure."""
    if follow:
        child.kill()
    try:
        rc = child.wait(5.0)
    except EngineError:
        child.kill()
        return 0
    return 0 if follow else rc


def parse_entry(raw: bytes) -> LogLine | None:
    """One JSON object of journalctl; None when it is not a container's message."""
    try:
        entry = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    message = entry.get("MESSAGE")
    if isinstance(message, str):
        data = message.encode("utf-8", "surrogateescape")
    elif isinstance(message, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in message):
        data = bytes(message)
    else:
        return None
    stamp = str(entry.get("__REALTIME_TIMESTAMP", ""))  # what --since and --until compare
    time_ns = int(stamp) * 1000 if stamp.isdigit() else 0
    stream = "stderr" if str(entry.get("PRIORITY")) == "3" else "stdout"
    partial = str(entry.get("CONTAINER_PARTIAL_MESSAGE", "")).lower() == "true"
    data = data[:-1] if data.endswith(b"\n") else data  # conmon files the newline with the line
    return LogLine(time_ns, from_unix_ns(time_ns), stream, data, not partial)
