# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_commit`: an image from a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "container": {"type": "str", "required": True, "aliases": ["name"]},
    "image": {"type": "str"},
    "author": {"type": "str"},
    "commit_message": {"type": "str"},
    "changes": {"type": "list", "elements": "raw", "aliases": ["change"]},
    "format": {"type": "str", "default": "oci", "choices": ["oci", "docker"]},
    "include_volumes": {"type": "bool", "default": False},
    "pause": {"type": "bool"},
    "squash": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    """An image of this name that a commit would only repeat is no change."""
    from ..container import commit as room
    from ..container.lookup import find
    from ..image.inspect import inspect
    from .image_import import instructions

    pause = request.params.get("pause")
    wish = room.Wish(
        name=request.text("image"),
        author=request.text("author"),
        message=request.text("commit_message"),
        changes=instructions(request),
        format=request.text("format"),
        include_volumes=request.flag("include_volumes"),
        squash=request.flag("squash"),
        pause=pause if isinstance(pause, bool) else None,
    )
    session = request.session()
    container = find(session, request.text("container"), "commit container")
    found = room.present(session, container, wish)
    changed = found is None
    if found is None and not request.check:
        found = session.store.image(room.commit(session, container, wish))
    shown = wish.stored_name or "an image without a name"
    return Result(
        [inspect(session, found)] if found is not None else [],
        changed=changed,
        actions=[f"Committed container {container.name} as {shown}"] if changed else [],
        before={"image": shown, "container": "changed since, or never committed"} if changed else None,
        after={"image": shown, "container": "as committed"} if changed else None,
        extra={"stdout": "", "stderr": ""},
    )


NOUN = Noun("image", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
