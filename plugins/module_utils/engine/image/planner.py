# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is and what is wanted to a plan; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import InUse, Refused
from ..plan.change import Plan, Step

if TYPE_CHECKING:
    from .desired import ImageDesired
    from .observed import Local, Observed

    Json = dict[str, object]

PULL = "pull image"
LOAD = "load image"
IMPORT = "import image"
NAME = "name image"
UNNAME = "remove name"
REMOVE = "remove image"
REMOVE_CONTAINER = "remove container"


def plan(observed: Observed, desired: ImageDesired) -> Plan:
    """Raises InUse, Refused when removing would take what the user did not name."""
    if desired.present:
        return _present(observed, desired)
    return _absent(observed, desired)


def _present(observed: Observed, desired: ImageDesired) -> Plan:
    deed = f"image {desired.name} present"
    offer, before = observed.offer, _state(observed.local)
    if offer is None or offer.same:
        return Plan(deed, (), (), before, before)
    if desired.place is None:
        step = Step(PULL, offer.name)
    else:
        step = Step(IMPORT if desired.place.transport == "tar" else LOAD, f"{desired.place} as {offer.name}")
    after: Json = {"name": offer.name, "state": "present", "digest": offer.digest}
    return Plan(deed, (step,), (), before, after)


def _absent(observed: Observed, desired: ImageDesired) -> Plan:
    deed = f"image {desired.name} absent"
    local, before = observed.local, _state(observed.local)
    after: Json = {"name": desired.name, "state": "absent"}
    if local is None:
        return Plan(deed, (), (), after, after)
    others = [name for name in local.names if name != local.matched]
    by_name = local.matched in local.names
    if by_name and others:
        return Plan(deed, (Step(UNNAME, local.matched),), (), before, after)
    if not by_name and len(local.names) > 1 and not desired.force:
        names = ", ".join(local.names)
        raise Refused(
            f"remove image {desired.name}", f"the id or digest has several names ({names})", "Set force to remove all"
        )
    if local.users and not desired.force:
        raise InUse(
            f"remove image {desired.name}",
            f"it is used by container {', '.join(local.users)}",
            "Remove those first, or set force to remove them along",
        )
    steps = [Step(REMOVE_CONTAINER, user) for user in local.users]
    return Plan(deed, (*steps, Step(REMOVE, local.matched or local.id)), (), before, after)


def _state(local: Local | None) -> Json:
    if local is None:
        return {"state": "absent"}
    return {"name": local.matched or local.id, "state": "present", "digest": _shown_digest(local)}


def _shown_digest(local: Local) -> str:
    """The index an image was chosen from, where there is one: that is what a registry answers with for the name."""
    return local.digests[-1] if local.digests else ""
