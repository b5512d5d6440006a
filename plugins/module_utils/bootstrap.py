# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries the whole engine to a host, and runs a task from it or from the copy that is there.

Ansible packs what import statements name, so the block under TYPE_CHECKING makes every payload that imports this file
carry the whole engine: one digest, and one installed copy, serve all modules. Tasks normally come without it
(``installed.py``, chosen by the action plugin); this is for the first task on a host, and for whoever runs a module
without its action plugin.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from .installed import Delivery, adopt, base_directory, calm, digest_of, fits, listing_of_directory

if TYPE_CHECKING:
    from .engine.cli import main as command  # noqa: F401
    from .engine.task import (  # noqa: F401
        checkpoint,
        checkpoint_info,
        checkpoint_transfer,
        container,
        container_commit,
        container_copy,
        container_exec,
        container_export,
        container_healthcheck,
        container_info,
        container_logs,
        container_rename,
        container_wait,
        containers,
        host_info,
        image,
        image_copy,
        image_export,
        image_import,
        image_info,
        image_load,
        image_prune,
        image_save,
        image_sign,
        image_tag,
        image_transfer,
        install,
        manifest_list,
        network,
        network_endpoint,
        network_info,
        network_reload,
        pod,
        pod_info,
        prune,
        registry_info,
        registry_login,
        registry_login_info,
        registry_logout,
        registry_tag,
        secret,
        secret_info,
        store_check,
        userns_exec,
        volume,
        volume_export,
        volume_import,
        volume_info,
        volume_transfer,
    )
    from .installed import Listing


def run(noun: str) -> None:
    """Run the task behind the module ``noun``. Ends the process through AnsibleModule, as every module does."""
    calm()
    delivery = delivered()
    home = os.path.join(delivery.base, delivery.digest)
    if os.path.isfile(delivery.source) and fits(home, delivery):  # a checkout, as tools import it, runs as it stands
        delivery.home = home
        engine = adopt(home) + ".engine"
    else:
        engine = __name__.rpartition(".")[0] + ".engine"
    importlib.import_module(f"{engine}.task.{noun}").main(delivery)


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
