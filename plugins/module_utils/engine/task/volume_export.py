# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `volume_export`: what is in a volume as a tar."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True, "aliases": ["volume"]},
    "dest": {"type": "path", "required": True, "aliases": ["path"]},
    "force": {"type": "bool", "default": True},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    return export(request, request.text("name"))


def export(request: Request, name: str) -> Result:
    """An existing file is read beside the volume: equal bytes are no change. Raises NotFound."""
    from ..base.errors import NotFound
    from ..image import exporting
    from ..volume import observed, transfer

    dest = request.text("dest")
    session = request.session()
    view = observed.find(session, name)
    if view is None:
        raise NotFound(f"export volume {name}", "there is none of this name")
    there = os.path.exists(dest)
    if there and not request.flag("force"):
        return Result({"dest": dest, "volume": name, "digest": "", "size": 0}, changed=False)
    found = None
    with transfer.mounted(session, view) as path:
        if there or request.check:
            found = exporting.held_against(transfer.pieces(path, view), dest)
        if not request.check and (found is None or not found.same):
            found = exporting.written(transfer.pieces(path, view), dest)
    changed = found is not None and not found.same
    digest = found.digest if found else ""
    return Result(
        {"dest": dest, "volume": name, "digest": digest, "size": found.size if found else 0},
        changed=changed,
        actions=[f"Exported volume {name} to {dest}"] if changed else [],
        before={"dest": dest, "state": "other" if there else "absent"} if changed else None,
        after={"dest": dest, "digest": digest} if changed else None,
        extra={"stdout": "", "stderr": ""},
    )


NOUN = Noun("export", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
