# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os

from .errors import Corrupt
from .steps import reached

READ_LIMIT = 64 * 1024 * 1024


def atomic_write(path: str, data: bytes, mode: int = 0o600, durable: bool = True, step: str = "") -> None:
    """Replace `path` by rename from a temporary file beside it, so that a reader or a crash sees old or new.

    `durable` syncs the file and its directory: without it a power cut may lose, but never tear, the content. `step`
    names the moment before the rename, for tests.
    """
    parent = os.path.dirname(path) or "."
    temporary = os.path.join(parent, f".tmp-{os.path.basename(path)[:100]}-{os.getpid()}-{os.urandom(4).hex()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            os.fchmod(fd, mode)
            _write_all(fd, data)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        if step:
            reached(step)
        os.rename(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass
        raise
    if durable:
        sync_directory(parent)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


_chosen_scratch: tuple[str, bool] = ("/var/tmp", False)  # /tmp may be in memory


def choose_scratch(path: str, *, make: bool) -> None:
    """Where large temporary files belong on this host instead of /var/tmp, for the rest of this process; `make`: the
    directory may be missing."""
    global _chosen_scratch
    _chosen_scratch = (path, make)


def scratch_directory() -> str:
    """Where large temporary files belong: TMPDIR, else what was chosen, else /var/tmp."""
    told = os.environ.get("TMPDIR")
    if told:
        return told
    path, make = _chosen_scratch
    if make:
        os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_bytes(path: str, limit: int = READ_LIMIT) -> bytes:
    """The whole file. Raises OSError as open(2) does, Corrupt when it is longer than `limit` bytes."""
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Corrupt(f"read {path}", f"longer than {limit} bytes")
    return data


def read_json(path: str, limit: int = READ_LIMIT) -> object:
    """The parsed file. Raises OSError as open(2) does, Corrupt when it is not JSON."""
    return parse_json(read_bytes(path, limit), path)


def parse_json(data: bytes | str, what: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"read {what}", f"not JSON ({error})") from error


def dump_json(value: object) -> bytes:
    """Compact JSON on one line, as podman's own tables are written."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
