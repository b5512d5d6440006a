# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `image_export`: the root tree of an image as a tar."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "image": {"type": "str", "required": True, "aliases": ["name"]},
    "dest": {"type": "path", "required": True, "aliases": ["path"]},
    "force": {"type": "bool", "default": True},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    """An existing file is read beside the image: equal bytes are no change."""
    from ..image import exporting
    from ..image.lookup import find_record

    session = request.session()
    name, dest = request.text("image"), request.text("dest")
    entry = find_record(session, name)
    if entry is None:
        raise NotFound(f"export image {name}", "there is no image with this name or id")
    there = os.path.exists(dest)
    if there and not request.flag("force"):
        return Result({"dest": dest, "id": entry[0].id}, changed=False)
    found = None
    if there or request.check:
        found = exporting.compared(session.store, entry[0], dest)
    if not request.check and (found is None or not found.same):
        found = exporting.write(session.store, entry[0], dest)
    changed = found is not None and not found.same
    return Result(
        {"dest": dest, "id": entry[0].id, "digest": found.digest if found else "", "size": found.size if found else 0},
        changed=changed,
        actions=[f"Exported image {name} to {dest}"] if changed else [],
        before={"dest": dest, "state": "other" if there else "absent"} if changed else None,
        after={"dest": dest, "digest": found.digest if found else ""} if changed else None,
    )


NOUN = Noun("export", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
