# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_copy`: files into a container, and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.copy_spots import Spot
    from ..container.copying import Copy, Options
    from ..session.session import Session
    from .frame import Delivery
    from .frame import Options as Table

OPTIONS: Table = {
    "container": {"type": "str", "required": True, "aliases": ["name"]},
    "src": {"type": "str"},
    "content": {"type": "str"},
    "dest": {"type": "str", "required": True},
    "from_container": {"type": "bool", "default": False},
    "archive": {"type": "bool", "default": True},
    "overwrite": {"type": "bool", "default": False},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
    "directory_mode": {"type": "str"},
    "executable": EXECUTABLE,
}
RULES = {"mutually_exclusive": [["src", "content"]], "required_one_of": [["src", "content"]]}
_CONTENT_MODE = 0o644


def reconcile(request: Request) -> Result:
    from ..container import copying

    options = _options(request)
    session = request.session()
    source, target = _spots(request, session)
    found = copying.foresee(session, source, target, options)
    if found.nests:
        request.warnings.append(
            f"{target.path} is made a copy of {source.path} now; the next run finds a directory there, and copies into"
            f" it. Write src as {source.path.rstrip('/')}/. to have both runs mean the same"
        )
    if found.plan.changed and not request.check:
        copying.carry_out(session, source, target, options)
    return _result(request, found)


def _options(request: Request) -> Options:
    """Raises BadInput."""
    from ..base.errors import BadInput
    from ..container.copying import Options
    from ..spec import file_modes

    if request.params.get("content") is not None and request.flag("from_container"):
        raise BadInput("copy from a container", "content is for copies into one", "Name a path with src")
    mode, directory_mode = (
        file_modes.parse(request.text(name)) if request.text(name) else None for name in ("mode", "directory_mode")
    )
    return Options(
        archive=request.flag("archive"),
        overwrite=request.flag("overwrite"),
        owner=request.text("owner"),
        group=request.text("group"),
        mode=mode,
        directory_mode=directory_mode,
        by_name=True,
    )


def _spots(request: Request, session: Session) -> tuple[Spot, Spot]:
    from ..container.copy_spots import Spot
    from ..container.lookup import find

    container = find(session, request.text("container"), "copy files of container")
    src, dest, content = request.text("src"), request.text("dest"), request.params.get("content")
    if request.flag("from_container"):
        return Spot(src, container), Spot(dest)
    return Spot(src, None, str(content).encode() if content is not None else None), Spot(dest, container)


def _result(request: Request, found: Copy) -> Result:
    value = {
        "container": request.text("container"),
        "src": request.text("src"),
        "dest": request.text("dest"),
        "path": found.path,
        "size": found.size,
        "checksum": found.checksum,
    }
    result = Result(value, plan=found.plan, extra={"stdout": "", "stderr": ""})
    if found.plan.changed and found.texts is not None and found.texts[0] != found.texts[1]:
        result.before, result.after = found.texts
    return result


NOUN = Noun("copy", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
