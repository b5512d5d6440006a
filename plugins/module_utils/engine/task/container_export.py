# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_export`: the file system of a container as a tar."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "container": {"type": "str", "aliases": ["name"]},
    "volume": {"type": "str"},
    "dest": {"type": "path", "required": True, "aliases": ["path"]},
    "force": {"type": "bool", "default": True},
    "executable": EXECUTABLE,
}
RULES = {"mutually_exclusive": [["container", "volume"]], "required_one_of": [["container", "volume"]]}


def reconcile(request: Request) -> Result:
    """An existing file is read beside the container: equal bytes are no change."""
    from ..container import tree
    from ..container.lookup import find
    from ..image import exporting

    name, dest = request.text("container"), request.text("dest")
    if request.text("volume"):
        from .volume_export import export

        return export(request, request.text("volume"))
    session = request.session()
    container = find(session, name, "export container")
    there = os.path.exists(dest)
    if there and not request.flag("force"):
        return Result({"dest": dest, "id": container.id, "digest": "", "size": 0}, changed=False)
    found = None
    if there or request.check:
        found = exporting.held_against(tree.tar(session, container), dest)
    if not request.check and (found is None or not found.same):
        found = exporting.written(tree.tar(session, container), dest)
    changed = found is not None and not found.same
    return Result(
        {"dest": dest, "id": container.id, "digest": found.digest if found else "", "size": found.size if found else 0},
        changed=changed,
        actions=[f"Exported container {name} to {dest}"] if changed else [],
        before={"dest": dest, "state": "other" if there else "absent"} if changed else None,
        after={"dest": dest, "digest": found.digest if found else ""} if changed else None,
        extra={"stdout": "", "stderr": ""},
    )


NOUN = Noun("export", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
