"""Tars and trees for the store's tests."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.store import Store
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.values import Limits, StagedLayer, Wanted

DIR, LINK, HARD, FIFO, CHAR, BLOCK = (
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
)
EPOCH = 1_700_000_000


class M(NamedTuple):
    """A member of a test archive."""

    name: str
    data: bytes = b""
    type: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = EPOCH
    link: str = ""
    major: int = 0
    minor: int = 0
    pax: Mapping[str, str] | None = None


def tar(*members: M, format: int = tarfile.PAX_FORMAT, **more: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format, errors="surrogateescape", **more) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type, info.mode, info.uid, info.gid = member.type, member.mode, member.uid, member.gid
            info.mtime, info.linkname, info.size = member.mtime, member.link, len(member.data)
            info.devmajor, info.devminor = member.major, member.minor
            info.pax_headers = dict(member.pax or {})
            archive.addfile(info, io.BytesIO(member.data))
    return buffer.getvalue()


def store_at(path: Path, rootless: bool = False, limits: Limits | None = None) -> Store:
    return Store(StoreOptions(str(path / "root"), str(path / "run")), rootless, lambda: limits or Limits())


def unpack(path: Path, data: bytes, rootless: bool = False, limits: Limits | None = None) -> StagedLayer:
    return store_at(path, rootless, limits).stage_layer(io.BytesIO(data), Wanted())


def look(top: str | os.PathLike[str], times: bool = True) -> dict[bytes, tuple[object, ...]]:
    """Everything observable of a tree, by path."""
    found: dict[bytes, tuple[object, ...]] = {}
    inodes: dict[int, bytes] = {}
    root = os.fsencode(top)
    for directory, names, files in os.walk(root):
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            shown = os.path.relpath(path, root)
            info = os.lstat(path)
            attributes = {
                key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
            }
            content: object = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = Path(os.fsdecode(path)).read_bytes()
            first = inodes.setdefault(info.st_ino, shown) if info.st_nlink > 1 and not os.path.isdir(path) else shown
            stamp = info.st_mtime_ns if times else 0
            found[shown] = (info.st_mode, info.st_uid, info.st_gid, info.st_rdev, stamp, first, content, attributes)
    return found


def outcome(deed: Callable[[], object]) -> str:
    """The error's text, or "" when there was none."""
    try:
        deed()
    except Exception as error:  # a test asks what came
        return f"{type(error).__name__}: {error}"
    return ""
