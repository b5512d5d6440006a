# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `image_import`: an image from the tar of a root file system, in a file or on a web server."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..image.importing import Wish
    from .frame import Delivery, Options

OPTIONS: Options = {
    "src": {"type": "str", "required": True},
    "name": {"type": "str", "aliases": ["reference"]},
    "changes": {"type": "list", "elements": "raw", "aliases": ["change"]},
    "commit_message": {"type": "str"},
    "arch": {"type": "str"},
    "os": {"type": "str"},
    "variant": {"type": "str"},
    "checksum": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_cert_dir": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
    "volume": {"type": "str"},
    "executable": EXECUTABLE,
}
RULES = {"mutually_exclusive": [["volume", "commit_message"], ["volume", "changes"], ["volume", "name"]]}


def reconcile(request: Request) -> Result:
    if request.text("volume"):
        from .volume_import import bring

        brought = bring(request, request.text("volume"))
        brought.extra["volume"] = brought.value
        return brought
    from ..image import importing
    from ..registry.web_file import is_web

    wish = _wish(request)
    session = request.session()
    found = importing.present(session, wish)
    work = None
    fetched = ""
    try:
        if found is None:
            path = request.text("src")
            if is_web(path):
                path = fetched = _fetch(request, wish)
            work = importing.Import(session, path, wish)
            found = work.present
        plan = importing.plan(session, wish, found)
        identity = found.id if found is not None else ""
        if plan.changed and work is not None and not request.check:
            identity = work.store()
    finally:
        if work is not None:
            work.close()
        if fetched:
            os.unlink(fetched)
    return Result(
        _shown(request, identity),
        plan=plan,
        actions=[f"Imported image {wish.stored_name or wish.shown}"] if plan.changed else [],
        extra={"podman_actions": [f"podman import {wish.shown} {wish.stored_name}".rstrip()] if plan.changed else []},
    )


def _wish(request: Request) -> Wish:
    from ..image import changes
    from ..image.importing import Wish
    from ..image.view import host
    from ..registry.root_tree import Recipe
    from ..spec import platform

    checksum = request.text("checksum")
    if checksum and not re.fullmatch(r"sha256:[0-9a-f]{64}", checksum):
        raise BadInput("read the option checksum", f"{checksum!r} is not sha256: and 64 hexadecimal digits")
    chosen = host()
    names = [request.text(key) for key in ("os", "arch", "variant")]
    if any(names):
        chosen = platform.choose(chosen, os=names[0], architecture=names[1], variant=names[2])
    recipe = Recipe(chosen, changes.apply(instructions(request)), request.text("commit_message"))
    return Wish(request.text("name"), request.text("src"), recipe, checksum)


def instructions(request: Request) -> tuple[str, ...]:
    """Instructions as texts, or as dictionaries with one instruction or several, as in containers.podman."""
    given = request.params.get("changes")
    found: list[str] = []
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict):
            found += [f"{word}={_value(value)}" for word, value in one.items()]
        else:
            found.append(str(one))
    return tuple(found)


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        import json

        return json.dumps([str(item) for item in value])
    return str(value)


def _fetch(request: Request, wish: Wish) -> str:
    from ..registry.connections import Trust
    from ..registry.web_file import WebFile
    from ..session.below import layer_limits

    timeout = request.params.get("timeout")
    seconds = timeout if isinstance(timeout, int) and timeout > 0 else 30
    trust = Trust(request.session().identity, request.flag("validate_certs"), request.text("ca_cert_dir"))
    return WebFile(wish.shown, trust, seconds, layer_limits(request.session())).fetch(wish.checksum)


def _shown(request: Request, identity: str) -> list[object]:
    from ..image.inspect import inspect

    session = request.session()
    record = session.store.image(identity) if identity else None
    return [inspect(session, record)] if record is not None else []


NOUN = Noun("image", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
