# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wish for a volume comes to. Pure.

Labels, options and owner change in place, with the content as it is and containers running on. Only a mount that is in
use cannot become another one. Nothing is removed but by `absent` and `recreate`, and never under a container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import InUse, Refused
from ..base.tuples import NamedTuple
from ..plan.change import Change, Plan, Step

if TYPE_CHECKING:
    from .desired import VolumeDesired
    from .observed import VolumeView

PRESENT, ABSENT, MOUNTED, UNMOUNTED = "present", "absent", "mounted", "unmounted"
CREATE, CHANGE, REMOVE = "create volume", "change volume", "remove volume"
MOUNT, UNMOUNT = "mount volume", "unmount volume"


class Mode(NamedTuple):
    """`given` are the parts of the wish that the task named: driver, labels, options, owner."""

    state: str = PRESENT
    recreate: bool = False
    given: frozenset[str] = frozenset()


class Users(NamedTuple):
    """Names of the containers that have the volume, and how many of them run with it mounted."""

    names: tuple[str, ...] = ()
    running: tuple[str, ...] = ()


def plan(wish: VolumeDesired, found: VolumeView | None, users: Users, mode: Mode) -> Plan:
    """Raises Refused, InUse with the names of the containers in the way."""
    if mode.state == ABSENT:
        return _absent(wish, found, users)
    if found is None:
        made = _create(wish, ())
    elif mode.recreate:
        _nobody(f"recreate volume {wish.name}", users)
        made = _create(wish, (Step(REMOVE, wish.name),))
    else:
        made = _change(wish, found, users, mode)
    return _mounting(wish, found, users, mode, made)


def _absent(wish: VolumeDesired, found: VolumeView | None, users: Users) -> Plan:
    deed = f"volume {wish.name} absent"
    if found is None:
        return Plan(deed)
    _nobody(f"remove volume {wish.name}", users)
    return Plan(deed, (Step(REMOVE, wish.name),), (Change("state", "present", "absent"),))


def _nobody(deed: str, users: Users) -> None:
    if users.names:
        raise InUse(deed, f"containers use it: {', '.join(users.names)}", "Remove them first")


def _create(wish: VolumeDesired, first: tuple[Step, ...]) -> Plan:
    changes = (Change("state", "present" if first else "absent", "present"),)
    return Plan(f"volume {wish.name} present", (*first, Step(CREATE, wish.name)), changes)


def _change(wish: VolumeDesired, found: VolumeView, users: Users, mode: Mode) -> Plan:
    deed = f"change volume {wish.name}"
    if "driver" in mode.given and wish.driver != found.driver:
        raise Refused(
            deed,
            f"its driver is {found.driver}, and another one would have other content",
            "Choose another name, or remove it with state: absent",
        )
    changes = []
    if "labels" in mode.given and dict(wish.labels) != found.labels:
        changes.append(Change("label", found.labels, dict(wish.labels)))
    if "options" in mode.given and wish.stored_options() != found.options:
        if users.running:
            raise InUse(
                f"change the options of volume {wish.name}",
                f"containers run with it: {', '.join(users.running)}",
                "Stop them first; the content stays",
            )
        changes.append(Change("options", found.options, wish.stored_options()))
    wanted = wish.owner()
    for name, asked, now in (("uid", wanted[0], found.uid), ("gid", wanted[1], found.gid)):
        if asked is not None and asked != now:
            changes.append(Change(name, now, asked))
    steps = tuple(Step(CHANGE, f"{wish.name} {change.option}") for change in changes)
    return Plan(f"volume {wish.name} present", steps, tuple(changes))


def _mounting(wish: VolumeDesired, found: VolumeView | None, users: Users, mode: Mode, made: Plan) -> Plan:
    """Containers that run hold a mount each; what is beyond that is what `mounted` asked for."""
    if mode.state not in (MOUNTED, UNMOUNTED):
        return made
    from .observed import needs_mount

    options = wish.stored_options() if "options" in mode.given or found is None else found.options
    extra = found.mount_count - len(users.running) if found is not None and not made.has(REMOVE) else 0
    if mode.state == MOUNTED and needs_mount(wish.driver, options) and extra <= 0:
        step, change = Step(MOUNT, wish.name), Change("mounted", False, True)
    elif mode.state == UNMOUNTED and extra > 0:
        step, change = Step(UNMOUNT, wish.name), Change("mounted", True, False)
    else:
        return made
    return made._replace(steps=(*made.steps, step), changes=(*made.changes, change))


def parts_of(made: Plan) -> frozenset[str]:
    """What `steps.change` is to change."""
    names = {"label": "labels", "options": "options", "uid": "owner", "gid": "owner"}
    return frozenset(names[change.option] for change in made.changes if change.option in names)
