# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's checkpoint archive: which members there are, and where each of them may go.

An archive comes from elsewhere. A name that is none of these is refused or left out before anything is written; there
are plain files and directories in it and, for rounds before the checkpoint, one link, whose target is known.
"""

from __future__ import annotations

from ..base import patterns
from ..base.tuples import NamedTuple

CONFIG, SPEC, NETWORK = "config.dump", "spec.dump", "network.status"
IMAGES, EARLIER = "checkpoint", "pre-checkpoint"
INVENTORY = "inventory.img"
PARENT = "parent"
PARENT_TARGET = f"../{EARLIER}"
ROOT_CHANGES, DELETED = "rootfs-diff.tar", "deleted.files"
SHM = "devshm-checkpoint.tar"
LOG = "ctr.log"
NOTES = "daemonless.json"
VOLUMES = "volumes"
#: What a listing needs, and the most that each may hold.
SMALL = {CONFIG: 16 << 20, SPEC: 16 << 20, NETWORK: 1 << 20, NOTES: 1 << 20, DELETED: 64 << 20}
_PLAIN = (*SMALL, LOG, "stats-dump", "stats-restore", "dump.log", "restore.log", "bind.mounts")
_IMAGE = patterns.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")
_VOLUME = patterns.compile(r"([a-zA-Z0-9][a-zA-Z0-9_.-]*)\.tar")
ANNOTATION = "io.podman.annotations.checkpoint."

# What becomes of a member
FILE, FOLDER, LINK, TREE, SHM_TREE, VOLUME_TREE, IGNORED, BAD = range(8)


class Place(NamedTuple):
    """`kind`, and what is needed to put it there: a path below the folder of the checkpoint, or a volume's name."""

    kind: int
    path: str = ""


def place(name: str, kind: bytes, link: str = "") -> Place:
    """Where a member of an archive goes. BAD for what no checkpoint has and no harmless mistake explains."""
    while name.startswith("./"):
        name = name[2:]
    parts = name.rstrip("/").split("/")
    if not name or name == ".":
        return Place(IGNORED)
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts) or not name.isprintable():
        return Place(BAD)
    if kind == b"5":
        return _folder(parts)
    if kind == b"2":
        fits = parts == [IMAGES, PARENT] and link == PARENT_TARGET
        return Place(LINK, f"{IMAGES}/{PARENT}") if fits else Place(BAD)
    if kind != b"0":
        return Place(BAD)
    return _file(parts)


def _folder(parts: list[str]) -> Place:
    if parts in ([IMAGES], [EARLIER]):
        return Place(FOLDER, parts[0])
    return Place(IGNORED)


def _file(parts: list[str]) -> Place:
    name = parts[-1]
    if len(parts) == 1:
        if name == ROOT_CHANGES:
            return Place(TREE)
        if name == SHM:
            return Place(SHM_TREE, SHM)
        return Place(FILE, name) if name in _PLAIN else Place(IGNORED)
    if len(parts) == 2 and parts[0] in (IMAGES, EARLIER):
        return Place(FILE, "/".join(parts)) if _IMAGE.fullmatch(name) else Place(BAD)
    if len(parts) == 2 and parts[0] == VOLUMES:
        match = _VOLUME.fullmatch(name)
        return Place(VOLUME_TREE, match.group(1)) if match else Place(BAD)
    return Place(IGNORED)
