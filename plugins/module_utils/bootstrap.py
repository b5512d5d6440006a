# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses where a task imports the engine from: the compiled copy on the host, else the payload that carried it here.

Ansible packs what import statements name, so the block under TYPE_CHECKING makes every payload carry the whole
engine: one digest, and one installed copy, serve all modules. This file runs in every task before anything else is
known; it therefore imports only what ``ansible.module_utils.basic`` has already loaded, and nothing of the engine.

Layout of a copy (``task/install.py`` writes it, this file only reads it)::

    <base>/<digest>/daemonless             the command, also conmon's exit command
    <base>/<digest>/manifest.json          {"digest": ..., "files": {relative path: [crc32, bytes, mtime ns]}}
    <base>/<digest>/daemonless_oci/engine/ the sources, and their byte code
    <base>/<digest>/engine.*.bundle        the byte code once more, in one file for each version of Python

``<base>`` is /usr/local/lib/daemonless, or ~/.local/lib/daemonless for a plain user.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import stat
import sys
import types
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine.cli import main as command
    from .engine.task import container, container_info, host_info, image, image_info, install, network, network_info

    CARRIED = (command, container, container_info, host_info, image, image_info, install, network, network_info)
    Listing = dict[str, tuple[int, int]]

SYSTEM_BASE = "/usr/local/lib/daemonless"
USER_BASE = ".local/lib/daemonless"
PACKAGE = "daemonless_oci"
FORMAT = 1
FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Delivery:
    """How the engine reached this process.

    ``digest`` names the content of the engine; ``home`` is the installed copy in use, or None when the code runs from
    ``source`` (the payload's zip archive, or a directory that holds ``engine/``). A plain class, not a dataclass: it
    is built in every task, and by code outside the engine that the engine must not import.
    """

    __slots__ = ("base", "digest", "home", "listing", "prefix", "source")

    def __init__(self, digest: str, listing: Listing, source: str, prefix: str, base: str) -> None:
        self.digest = digest
        self.listing = listing
        self.source = source
        self.prefix = prefix
        self.base = base
        self.home: str | None = None

    def fits(self, home: str) -> bool:
        return fits(home, self)


def run(noun: str) -> None:
    """Run the task behind the module ``noun``. Ends the process through AnsibleModule, as every module does."""
    gc.set_threshold(50000, 20, 20)  # importing makes many objects and hardly any garbage
    delivery = delivered()
    home = os.path.join(delivery.base, delivery.digest)
    if fits(home, delivery):
        delivery.home = home
        adopt(home)
        engine = PACKAGE + ".engine"
    else:
        engine = __name__.rpartition(".")[0] + ".engine"
    importlib.import_module(f"{engine}.task.{noun}").main(delivery)


def adopt(home: str) -> None:
    """Make ``daemonless_oci`` importable from the copy at ``home``; the search path of other modules stays as it is."""
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.join(home, PACKAGE)]
    sys.modules[PACKAGE] = package
    bundle = importlib.import_module(f"{PACKAGE}.engine.base.bundle")
    bundle.use(home)


def base_directory() -> str:
    """Return where copies live for the user that we are. HOME is not asked: become leaves another user's there."""
    uid = os.geteuid()
    if uid == 0 and "_CONTAINERS_ROOTLESS_UID" not in os.environ:
        return SYSTEM_BASE
    import pwd

    try:
        home = pwd.getpwuid(uid).pw_dir
    except KeyError:
        home = os.environ.get("HOME", "/nonexistent")
    return os.path.join(home, USER_BASE)


def delivered() -> Delivery:
    """Describe the engine that travelled with this very file."""
    loader = globals().get("__loader__")
    archive = getattr(loader, "archive", None)
    if isinstance(archive, str):
        prefix = __file__[len(archive) + 1 :].rpartition("/")[0] + "/engine/"
        listing = _listing_of_archive(loader, archive, prefix)
        return Delivery(digest_of(listing), listing, archive, prefix, base_directory())
    source = os.path.dirname(os.path.abspath(__file__))
    listing = listing_of_directory(os.path.join(source, "engine"))
    return Delivery(digest_of(listing), listing, source, "engine/", base_directory())


def digest_of(listing: Listing) -> str:
    """Name a set of files by their paths, sizes and CRCs: 32 hex digits.

    It tells versions of our own code apart; who may write a copy is settled by ownership, not by this digest.
    """
    lines = [f"{name} {crc} {size}\n" for name, (crc, size) in sorted(listing.items())]
    return hashlib.sha256(f"daemonless {FORMAT}\n{''.join(lines)}".encode()).hexdigest()[:32]


def _listing_of_archive(loader: object, archive: str, prefix: str) -> Listing:
    """Read the zip directory; zipimport has parsed it already, zipfile serves should its cache change shape."""
    table: dict[str, tuple[int, ...]] = getattr(loader, "_files", None) or {}
    listing: Listing = {}
    try:
        for name in table:
            if name.startswith(prefix) and name.endswith(".py"):
                entry = table[name]
                listing[name[len(prefix) :]] = (int(entry[7]), int(entry[3]))
    except (TypeError, IndexError, ValueError):
        listing = {}
    if not listing:
        import zipfile

        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if info.filename.startswith(prefix) and info.filename.endswith(".py"):
                    listing[info.filename[len(prefix) :]] = (info.CRC, info.file_size)
    return {name: entry for name, entry in listing.items() if entry[1]}


def listing_of_directory(engine: str) -> Listing:
    """List the non-empty Python files below ``engine``; empty package markers say nothing and may be synthesised."""
    listing: Listing = {}
    for path, name in python_files(engine):
        with open(path, "rb") as opened:
            data = opened.read()
        if data:
            listing[name] = (zlib.crc32(data), len(data))
    return listing


def python_files(engine: str) -> Iterator[tuple[str, str]]:
    """Yield (absolute path, path relative to ``engine`` with slashes) of every Python file."""
    for folder, folders, files in os.walk(engine):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                yield path, os.path.relpath(path, engine).replace(os.sep, "/")


def fits(home: str, delivery: Delivery) -> bool:
    """Whether the copy at ``home`` is ours, complete and unaltered, and nobody else could have written it.

    Cheap enough for every task: one small file read and one lstat per file. A copy that does not pass is not used;
    the next task that may write replaces it.
    """
    uid = os.geteuid()
    try:
        if not (trusted_path(delivery.base, uid) and _private(home, uid, stat.S_IFDIR)):
            return False
        manifest_path = os.path.join(home, "manifest.json")
        if not _private(manifest_path, uid, stat.S_IFREG):
            return False
        with open(manifest_path, "rb") as opened:
            manifest = json.loads(opened.read())
        files = manifest["files"]
        if manifest["digest"] != delivery.digest or manifest["format"] != FORMAT:
            return False
        folders = set()
        for name, entry in files.items():
            path = f"{home}/{name}"
            found = os.lstat(path)
            if (
                found.st_uid != uid
                or found.st_mode & FOREIGN_WRITE
                or not stat.S_ISREG(found.st_mode)
                or found.st_size != entry[1]
                or found.st_mtime_ns != entry[2]
            ):
                return False
            folders.add(os.path.dirname(path))
        return all(_private(folder, uid, stat.S_IFDIR) for folder in folders) and _covers(files, delivery.listing)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return False


def _covers(files: dict[str, list[int]], listing: Listing) -> bool:
    """Whether the manifest names every file of the engine that we carry, with the same content."""
    return all(files[f"{PACKAGE}/engine/{name}"][:2] == [crc, size] for name, (crc, size) in listing.items())


def trusted_path(base: str, uid: int) -> bool:
    """Whether ``base`` is a real directory of ``uid`` alone, and nobody but root and ``uid`` decides what is above it.

    Above it a group may write (Debian gives /usr/local to the group staff, from where root's Python imports anyway);
    what such a group moves in is still not owned by us.
    """
    if not _private(base, uid, stat.S_IFDIR):
        return False
    path = os.path.realpath(os.path.dirname(base))
    while True:
        found = os.stat(path)
        if found.st_uid not in (0, uid) or (found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX):
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def _private(path: str, uid: int, kind: int) -> bool:
    found = os.lstat(path)
    return stat.S_IFMT(found.st_mode) == kind and found.st_uid == uid and not found.st_mode & FOREIGN_WRITE
