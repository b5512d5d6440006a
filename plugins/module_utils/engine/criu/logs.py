# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CRIU leaves beside its images: logs, from which an error is told, and statistics."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from ..base import patterns

if TYPE_CHECKING:
    from ..base.jsonval import Json

DUMP_LOG, RESTORE_LOG = "dump.log", "restore.log"
DUMP_STATS, RESTORE_STATS = "stats-dump", "stats-restore"
_DONE = b"Dumping finished successfully"
_TAIL = 1 << 18
_MOST_ERRORS = 4
_ERROR = patterns.compile(r"^(?:\(\d+\.\d+\)\s*)?(?:\s*\d+:\s*)?Error \([^)]*\):\s*(.*)$")
_STATS_MAGIC = 0x57093306
_IMAGE_MAGIC = 0x55105940
_DUMP_FIELDS = {
    1: "freezing_time",
    2: "frozen_time",
    3: "memdump_time",
    4: "memwrite_time",
    5: "pages_scanned",
    6: "pages_skipped_parent",
    7: "pages_written",
}
_RESTORE_FIELDS = {
    1: "pages_compared",
    2: "pages_skipped_cow",
    3: "forking_time",
    4: "restore_time",
    5: "pages_restored",
}
#: Errors that stop nothing, or only repeat that something failed.
_NOISE = patterns.compile(
    r"Can't setup RLIMIT_NOFILE|^Dumping FAILED|^Restoring FAILED|^Dump files \(pid|^Failed to (?:dump|restore)"
)
#: (what the log says, what the user can do)
_HINTS = (
    ("Connected TCP socket", "Say tcp_established: true to keep connections"),
    ("connected TCP socket", "Say tcp_established: true to keep connections"),
    ("file locks", "Say file_locks: true"),
    ("External socket is used", "Say ext_unix_sk: true"),
    ("external unix socket", "Say ext_unix_sk: true"),
    ("Can't lookup mount", "A file that is open lies on a mount which is no longer there"),
    ("No space left", "Make room on the file system of the container storage"),
    ("dirty track", "This kernel does not tell which pages were written: leave pre_checkpoint out"),
    ("has bad size", "A file that is open has changed since the checkpoint"),
    ("Can't get 1:16 opt", "Linux 6.16 and later answer differently for sockets: releases of CRIU after 4.1 know that"),
    ("Can't bind inet", "An address of the checkpoint is not there: the container needs the same one"),
)


def tail(path: str) -> bytes:
    """The last part of a log; b"" when there is none."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            return file.read(_TAIL)
    except OSError:
        return b""


def finished(folder: str) -> bool:
    """Whether the log in `folder` tells of a dump that came to its end."""
    return _DONE in tail(os.path.join(folder, DUMP_LOG))


def cause(path: str) -> tuple[str, str]:
    """The errors in a log, the last ones, and what to do; ("", "") when it has none."""
    found: list[str] = []
    for line in tail(path).decode("utf-8", "replace").splitlines():
        match = _ERROR.match(line.strip())
        if match and match.group(1) not in found:
            found.append(match.group(1).strip())
    telling = [line for line in found if not _NOISE.search(line)] or found
    text = "; ".join(telling[-_MOST_ERRORS:])
    hint = next((advice for words, advice in _HINTS if any(words in line for line in found)), "")
    return text, hint


def statistics(path: str) -> Json:
    """The numbers of a statistics file (times in microseconds); {} when there is none that can be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(4096)
        first, second, size = struct.unpack_from("<III", data)
        if (first, second) != (_IMAGE_MAGIC, _STATS_MAGIC) or len(data) < 12 + size:
            return {}
        found: Json = {}
        for number, part in _fields(data[12 : 12 + size]):
            names = {1: _DUMP_FIELDS, 2: _RESTORE_FIELDS}.get(number, {})
            if isinstance(part, bytes):
                found.update({names[key]: value for key, value in _fields(part) if key in names})
        return found
    except (OSError, struct.error, IndexError):
        return {}


def _fields(data: bytes) -> list[tuple[int, object]]:
    """The fields of a protobuf message, as far as CRIU's statistics have them: numbers and messages."""
    found: list[tuple[int, object]] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
            found.append((key >> 3, value))
        elif key & 7 == 2:
            size, at = _varint(data, at)
            found.append((key >> 3, data[at : at + size]))
            at += size
        else:
            raise IndexError("a field of a kind that statistics do not have")
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise IndexError("a number that does not end")
