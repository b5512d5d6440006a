# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `volume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import quadlet
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..plan.change import Plan
    from ..session.session import Session
    from ..volume.desired import VolumeDesired
    from ..volume.planner import Mode, Users
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent", "mounted", "unmounted", "quadlet"]},
    "driver": {"type": "str"},
    "label": {"type": "dict"},
    "options": {"type": "list", "elements": "str"},
    "uid": {"type": "int"},
    "gid": {"type": "int"},
    "recreate": {"type": "bool", "default": False},
    "debug": {"type": "bool", "default": False},
    **quadlet.OPTIONS,
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("volume", OPTIONS, reconcile))


def reconcile(request: Request) -> Result:
    return quadlet.beside(request, "volume", _manage)


def _manage(request: Request) -> Result:
    from ..base.errors import Conflict
    from ..volume import desired as wishes

    wish = desired(request)
    mode = _mode(request)
    if mode.state != "absent":
        wishes.check(wish)
    session = request.session()
    try:
        return _reconcile(request, session, wish, mode)
    except Conflict:  # another task has made it meanwhile: compare with that
        return _reconcile(request, session, wish, mode)


def _reconcile(request: Request, session: Session, wish: VolumeDesired, mode: Mode) -> Result:
    from ..volume import observed, planner

    found = observed.find(session, wish.name)
    if found is not None and "driver" not in mode.given:
        wish = wish._replace(driver=found.driver)
    made = planner.plan(wish, found, _users(session, found.users if found else ()), mode)
    if made.changed and not request.check:
        _apply(session, wish, made)
    after = observed.find(session, wish.name) if mode.state != planner.ABSENT else None
    extra: dict[str, object] = {}
    if after is not None and mode.state == planner.MOUNTED:
        extra["mount_point"] = after.mountpoint
    return Result(observed.shown(after) if after is not None else {}, plan=made, extra=extra)


def _apply(session: Session, wish: VolumeDesired, made: Plan) -> None:
    from ..volume import mount, observed, planner, steps

    if made.has(planner.REMOVE):
        steps.remove(session, wish.name)
    if made.has(planner.CREATE):
        steps.ensure(session, wish)
    if made.has(planner.CHANGE):
        steps.change(session, wish, planner.parts_of(made))
    if made.has(planner.MOUNT):
        mount.attach(session, wish.name)
    if made.has(planner.UNMOUNT):
        found = observed.find(session, wish.name)
        running = len(_users(session, found.users).running) if found is not None else 0
        for _mount in range(found.mount_count - running if found is not None else 0):
            mount.detach(session, wish.name)


def _users(session: Session, ids: tuple[str, ...]) -> Users:
    from ..container import lookup
    from ..volume.planner import Users

    found = [container for container in (lookup.by_id(session, identity) for identity in ids) if container is not None]
    return Users(
        tuple(container.name for container in found),
        tuple(container.name for container in found if container.running),
    )


def desired(request: Request) -> VolumeDesired:
    """Raises BadInput."""
    from ..volume.desired import LOCAL, VolumeDesired, parse_options

    labels = request.params.get("label")
    uid, gid = request.params.get("uid"), request.params.get("gid")
    return VolumeDesired(
        name=request.text("name"),
        driver=request.text("driver") or LOCAL,
        options=parse_options(request.texts("options")),
        labels=tuple(sorted((str(key), str(value)) for key, value in labels.items()))
        if isinstance(labels, dict)
        else (),
        uid=uid if isinstance(uid, int) else None,
        gid=gid if isinstance(gid, int) else None,
    )


def _mode(request: Request) -> Mode:
    from ..volume.planner import Mode

    named = {"driver": "driver", "label": "labels", "options": "options"}
    given = frozenset(part for option, part in named.items() if request.params.get(option) is not None)
    return Mode(request.text("state"), request.flag("recreate"), given)
