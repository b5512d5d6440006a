# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is and what is wanted to a plan; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import InUse, Refused
from ..plan.change import Plan, Step
from .naming import NAME, UNNAME

if TYPE_CHECKING:
    from .desired import ImageDesired
    from .observed import Local, Observed, Offer

    Json = dict[str, object]

PULL = "pull image"
LOAD = "load image"
IMPORT = "import image"
REMOVE = "remove image"
REMOVE_PARENT = "remove parent image"
REMOVE_CONTAINER = "remove container"


def plan(observed: Observed, desired: ImageDesired) -> Plan:
    """Raises InUse, Refused when removing would take what the user did not name."""
    if desired.present:
        return _present(observed, desired)
    return _absent(observed, desired)


def _present(observed: Observed, desired: ImageDesired) -> Plan:
    deed = f"image {desired.name} present"
    offer, before = observed.offer, _state(observed.local)
    after, steps = before, []
    if offer is not None and not offer.same:
        after = {"name": offer.name, "state": "present", "digest": offer.digest, "id": offer.id}
        steps.append(_arrival(offer, desired))
    wanted, moves = _names(observed, desired)
    if moves:
        before = {**before, "names": list(observed.local.names) if observed.local else []}
        after = {**after, "names": wanted}
    return Plan(deed, (*steps, *moves), (), before, after)


def _arrival(offer: Offer, desired: ImageDesired) -> Step:
    if desired.place is None:
        return Step(PULL, offer.name)
    return Step(IMPORT if desired.place.transport == "tar" else LOAD, f"{desired.place} as {offer.name}")


def outcome(observed: Observed) -> tuple[str, tuple[str, ...]]:
    """The id and the digests of the image that will be there; "" when none will."""
    offer, local = observed.offer, observed.local
    if offer is not None and not offer.same:
        return offer.id, offer.digests
    return (local.id, local.digests) if local else ("", ())


def names(observed: Observed, desired: ImageDesired) -> list[str]:
    """The names that the image will have."""
    return _names(observed, desired)[0]


def _names(observed: Observed, desired: ImageDesired) -> tuple[list[str], list[Step]]:
    """The names afterwards, and what leads there: new ones first, so that the image is never without."""
    held, name = (observed.local.names, observed.local.matched) if observed.local else ((), "")
    offer = observed.offer
    if offer is not None and not offer.same:
        name, held = offer.name, (offer.name, *(other for other in offer.names if other != offer.name))
    if desired.tags is None:
        return list(held), []
    wanted = dict.fromkeys((name, *desired.tags) if name and "@" not in name else desired.tags)
    new = [tag for tag in wanted if tag not in held]
    surplus = [tag for tag in held if tag not in wanted and tag != name] if desired.exact else []
    kept = [*new[::-1], *(tag for tag in held if tag not in surplus)]
    return kept, [*(Step(NAME, tag) for tag in new), *(Step(UNNAME, tag) for tag in surplus)]


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
    steps.append(Step(REMOVE, local.matched or local.id))
    steps.extend(Step(REMOVE_PARENT, parent) for parent in local.parents)
    return Plan(deed, tuple(steps), (), before, after)


def _state(local: Local | None) -> Json:
    if local is None:
        return {"state": "absent"}
    return {"name": local.matched or local.id, "state": "present", "digest": _shown_digest(local), "id": local.id}


def _shown_digest(local: Local) -> str:
    """The index an image was chosen from, where there is one: that is what a registry answers with for the name."""
    return local.digests[-1] if local.digests else ""
