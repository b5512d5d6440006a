# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled copy of the engine on the host: finding the one that is wanted, and importing from it.

This file, and nothing of the engine, travels with a task whose engine is on the host already. It runs before anything
else is known, and therefore imports only what ``ansible.module_utils.basic`` has already loaded.

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

    Listing = dict[str, tuple[int, int]]

SYSTEM_BASE = "/usr/local/lib/daemonless"
USER_BASE = ".local/lib/daemonless"
PACKAGE = "daemonless_oci"
FORMAT = 1
ORDER = "_daemonless_order"
ABSENT = "runtime_absent"
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


def run_ordered() -> None:
    """Run the task that the action plugin ordered, from the copy that it named; where that is not here, say so.

    The order travels beside the module's own arguments: ``{"noun": "container", "digest": 32 hex digits}``.
    """
    from ansible.module_utils import basic

    sent = json.loads(basic._ANSIBLE_ARGS or b"{}")
    arguments = sent.setdefault("ANSIBLE_MODULE_ARGS", {})
    order = arguments.pop(ORDER, {})
    noun, digest = order.get("noun", ""), order.get("digest", "")
    delivery = Delivery(digest, {}, "", "", base_directory())
    home = os.path.join(delivery.base, digest)
    if noun.isidentifier() and digest.isalnum() and fits(home, delivery):
        delivery.home = home
        arguments["_ansible_module_name"] = f"daemonless.oci.{noun}"
        basic._ANSIBLE_ARGS = json.dumps(sent).encode()
        calm()
        importlib.import_module(f"{adopt(home)}.engine.task.{noun}").main(delivery)
        return
    sent["ANSIBLE_MODULE_ARGS"] = {name: value for name, value in arguments.items() if name.startswith("_ansible_")}
    basic._ANSIBLE_ARGS = json.dumps(sent).encode()
    module = basic.AnsibleModule({}, supports_check_mode=True)
    if not order:
        module.fail_json(msg="This module runs what the action plugins of the collection order, and nothing else")
    module.exit_json(changed=False, **{ABSENT: True})


def calm() -> None:
    """Collect garbage rarely: importing makes many objects and hardly any garbage."""
    gc.set_threshold(50000, 20, 20)


def adopt(home: str) -> str:
    """Make the copy at ``home`` importable, and return its package; the search path of other modules stays as it is."""
    package = types.ModuleType(PACKAGE)
    package.__path__ = [os.path.join(home, PACKAGE)]
    sys.modules[PACKAGE] = package
    bundle = importlib.import_module(f"{PACKAGE}.engine.base.bundle")
    bundle.use(home)
    return PACKAGE


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


def digest_of(listing: Listing) -> str:
    """Name a set of files by their paths, sizes and CRCs: 32 hex digits.

    It tells versions of our own code apart; who may write a copy is settled by ownership, not by this digest.
    """
    lines = [f"{name} {crc} {size}\n" for name, (crc, size) in sorted(listing.items())]
    return hashlib.sha256(f"daemonless {FORMAT}\n{''.join(lines)}".encode()).hexdigest()[:32]


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
        folders = {""}
        lstat = os.lstat
        for name, entry in files.items():
            found = lstat(f"{home}/{name}")
            if (
                found.st_uid != uid
                or found.st_mode & (FOREIGN_WRITE | 0o170000) != stat.S_IFREG  # type and rights in one look
                or found.st_size != entry[1]
                or found.st_mtime_ns != entry[2]
            ):
                return False
            folders.add(name.rpartition("/")[0])
        return all(_private(f"{home}/{name}".rstrip("/"), uid, stat.S_IFDIR) for name in folders) and _covers(
            files, delivery.listing
        )
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
