# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `volume_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..volume.observed import VolumeView
    from .frame import Delivery, Json, Options

OPTIONS: Options = {
    "name": {"type": "str"},
    "label": {"type": "dict"},
    "dangling": {"type": "bool"},
    "size": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("volumes", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    from ..volume import observed

    session = request.session()
    name = request.text("name")
    if name:
        one = observed.find(session, name)
        found = [one] if one is not None else []
    else:
        found = observed.all_volumes(session)
    return Result([_shown(request, volume) for volume in found if _fits(request, volume)])


def _fits(request: Request, volume: VolumeView) -> bool:
    labels = request.params.get("label")
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if str(key) not in volume.labels or (value is not None and volume.labels[str(key)] != str(value)):
            return False
    dangling = request.params.get("dangling")
    return not isinstance(dangling, bool) or dangling is not bool(volume.users)


def _shown(request: Request, volume: VolumeView) -> Json:
    from ..volume.observed import shown

    found = shown(volume)
    if request.flag("size"):
        from ..host.sizes import tree_bytes

        found["Size"] = tree_bytes(volume.mountpoint)
    return found
