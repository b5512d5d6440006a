# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root tree of an image as one tar, flattened: what `podman export` gives of a container that nobody started."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import IO, TYPE_CHECKING

from ..base.errors import BadInput, HostLacks
from ..base.steps import reached
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..store.records import ImageRecord
    from ..store.store import Store

_MODE = 0o600  # an image may hold what only its owner should read


class Exported(NamedTuple):
    """``digest`` and ``size`` of the tar; ``same`` when the file already was exactly that."""

    digest: str
    size: int
    same: bool


def pieces(store: Store, image: ImageRecord) -> Iterator[bytes]:
    """The tar. Equal images give equal bytes, on every host. Raises Damaged, HostLacks."""
    if not image.top_layer:
        yield bytes(1024)
        return
    yield from store.flat_tar(image.top_layer, f"image {image.id[:12]}")


def compared(store: Store, image: ImageRecord, path: str) -> Exported:
    """As `held_against`, for an image."""
    return held_against(pieces(store, image), path)


def held_against(tar: Iterable[bytes], path: str) -> Exported:
    """Read tar and file side by side; nothing is written. Raises BadInput when the path is no plain file."""
    held = _open(path)
    digest, size, same = hashlib.sha256(), 0, held is not None
    try:
        for piece in tar:
            digest.update(piece)
            size += len(piece)
            same = same and held is not None and held.read(len(piece)) == piece
        same = same and held is not None and not held.read(1)
    finally:
        if held is not None:
            held.close()
    return Exported(f"sha256:{digest.hexdigest()}", size, same)


def _open(path: str) -> IO[bytes] | None:
    try:
        file = open(path, "rb")  # noqa: SIM115  the caller closes it
    except FileNotFoundError:
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise BadInput(f"export to {path}", f"there is no directory {os.path.dirname(path)}") from None
        return None
    except OSError as error:
        raise BadInput(f"export to {path}", str(error.strerror)) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BadInput(f"export to {path}", "it is not a plain file")
    return file


def write(store: Store, image: ImageRecord, path: str) -> Exported:
    """As `written`, for an image."""
    return written(pieces(store, image), path)


def written(tar: Iterable[bytes], path: str) -> Exported:
    """Write the file, whole or not at all. Raises HostLacks."""
    directory, name = os.path.split(os.path.abspath(path))
    draft = os.path.join(directory, f".{name}.daemonless-export")
    digest, size = hashlib.sha256(), 0
    try:
        if os.path.lexists(draft):  # of a run that was killed
            os.unlink(draft)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            with os.fdopen(fd, "wb") as file:
                for piece in tar:
                    digest.update(piece)
                    size += file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            reached("export-written")
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise HostLacks(f"export to {path}", str(error.strerror)) from error
    return Exported(f"sha256:{digest.hexdigest()}", size, False)
