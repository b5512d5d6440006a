# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is and what is wanted to a plan. Pure: everything known about the world is in the arguments.

A wish is compared with what there is by writing the config it would become and reading both alike. What the task does
not mention is not compared, except what this collection noted that an earlier task had mentioned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict
from ..base.jsonval import table, text, texts
from ..base.tuples import NamedTuple
from ..base.values import dataclass, replace
from ..plan import compare
from ..plan.change import IN_PLACE, RECREATE, REFUSED, Change, Plan, Step
from . import config as configuration
from . import effective, rewiring, update
from .desired import ABSENT, CREATED, HEALTHY, KILLED, PAUSED, START_FIRST, STARTED, STOPPED
from .surroundings import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..base.jsonval import Json
    from .desired import ContainerDesired, ContainerFlags
    from .surroundings import Surroundings

PULL, CREATE, START, STOP, RESTART = "pull", "create", "start", "stop", "restart"
REMOVE, UPDATE, RECREATE_STEP, UNPAUSE = "remove", "update", "recreate", "unpause"
PAUSE, KILL = "pause", "kill"
#: Compared only when mentioned: what the host or its configuration decides for every container anew.
HOST_DEPENDENT = frozenset(("capabilities", "sdnotify", "image", "rootfs", "network_interface"))
_PARTIAL = "the container would have to be made anew, and a task that names no image does not describe it"
#: What changes of itself along with another option.
_FOLLOWS = {
    "expose": ("publish",),
    "hostname": ("network",),
    "init_path": ("init",),
    "memory_swap": ("memory",),
    "security_opt": ("privileged", "network"),
    "sysctl": ("network",),
}


class Observed(NamedTuple):
    """A container that exists: its config row and what it is doing (podman's word)."""

    id: str
    config: Json
    status: str

    @property
    def running(self) -> bool:
        return self.status in ("running", "paused", "stopping")


@dataclass(frozen=True)
class World:
    """`around.image` is the wished image (that of the container when the task names none), None when it is not there;
    `pulls` tells that it will be fetched first."""

    around: Surroundings
    pulls: bool = False


def plan(observed: Observed | None, wish: ContainerDesired, flags: ContainerFlags, world: World) -> Plan:
    """Raises BadInput, NotFound and HostLacks where the wish cannot be had at all."""
    deed = f"container {wish.name} {flags.state}"
    if flags.state == ABSENT:
        return _absent(observed, wish, deed)
    if observed is None:
        return _create(wish, flags, world, deed)
    return _change(observed, wish, flags, world, deed)


def changes(observed: Observed, wish: ContainerDesired, flags: ContainerFlags, world: World) -> tuple[Change, ...]:
    """Every compared option that differs, in order of name."""
    config = observed.config
    if world.around.image is None and wish.rootfs is None and not text(config, "rootfs"):
        return ()
    named = wish.image is not None or wish.rootfs is not None
    wish = _completed(wish, config)
    mentioned = set(effective.keys_of(wish))
    # A task that names no image ("web is started") describes no container: it says nothing by leaving options out.
    noted = effective.known(effective.recorded(config)) if named else set()
    built = configuration.build(wish, world.around).config
    modes = dict(flags.comparisons)
    keys = mentioned | noted
    if text(config, "rootfs") and not mentioned & {"image", "rootfs"}:
        keys -= {"image", "rootfs"}
    found = differences(config, built, keys, modes, exact=effective.is_ours(config))
    if flags.image_strict and world.around.image is not None and wish.image is not None:
        name = text(config, "rootfsImageName")
        if name != world.around.image.name and not any(change.option == "image" for change in found):
            found.append(Change("image", name, world.around.image.name, RECREATE))
    if not named:
        return tuple(sorted(_refused(found, flags)))
    if any(change.how == RECREATE for change in found) or flags.recreate:
        configuration.check_command(wish.name, _args(built))
        # What a hand gave the container and no task mentions does not outlive a recreate: say so.
        seen = {change.option for change in found}
        follows = {option for option, causes in _FOLLOWS.items() if seen.intersection(causes)}
        rest = set(effective.READERS) - keys - HOST_DEPENDENT - follows
        found += differences(config, built, rest, modes, exact=False)
    return tuple(sorted(found))


def _refused(found: list[Change], flags: ContainerFlags) -> list[Change]:
    """A container cannot be made anew from a task that does not describe it: its other options would be lost."""
    if flags.recreate:
        found = [*found, Change("recreate", False, True, RECREATE)]
    return [change._replace(how=REFUSED, reason=_PARTIAL) if change.how == RECREATE else change for change in found]


def differences(config: Json, built: Json, keys: Iterable[str], modes: dict[str, str], *, exact: bool) -> list[Change]:
    """Between a config that is and one that would be, under these keys; `exact` for one that we wrote ourselves."""
    wanted = effective.read(built, keys)
    before = effective.aligned(effective.read(config, keys), wanted)
    if not exact:
        before = effective.tolerant(before, wanted)
    found = []
    for key, after in wanted.items():
        if not compare.satisfied(before[key], after, _mode(modes, key)):
            easy = update.possible(key, after) or rewiring.possible(key, config, built, wanted)
            how = IN_PLACE if easy else RECREATE
            found.append(Change(key, before[key], after, how))
    return found


def _mode(modes: dict[str, str], key: str) -> str:
    """The comparison of a key, also under the name of an option that is seen under it, or of all with `*`."""
    for name in (key, key.partition(".")[0]):
        if name in modes:
            return modes[name]
    for option, keys in effective.SEEN_UNDER.items():
        if key in keys and option in modes:
            return modes[option]
    return modes.get("*", compare.STRICT)


def _args(built: Json) -> tuple[str, ...]:
    return tuple(texts(table(table(built, "spec"), "process"), "args"))


def _completed(wish: ContainerDesired, config: Json) -> ContainerDesired:
    """A task that names neither image nor rootfs means those that the container has."""
    if wish.image is None and wish.rootfs is None and text(config, "rootfs"):
        return replace(wish, rootfs=text(config, "rootfs"))
    return wish


def _absent(observed: Observed | None, wish: ContainerDesired, deed: str) -> Plan:
    if observed is None:
        return Plan(deed)
    steps = [Step(STOP, wish.name)] if observed.running else []
    return Plan(deed, (*steps, Step(REMOVE, wish.name)), (), {"state": observed.status}, {"state": ABSENT})


def _create(wish: ContainerDesired, flags: ContainerFlags, world: World, deed: str) -> Plan:
    if wish.image is None and wish.rootfs is None:
        raise BadInput(f"create container {wish.name}", "it does not exist, and the task names no image")
    steps = [Step(PULL, wish.image or "")] if world.pulls else []
    after: dict[str, object] = {"state": PAUSED if flags.then == PAUSED else flags.state}
    if world.around.image is not None or wish.rootfs is not None:
        built = configuration.build(wish, world.around).config
        configuration.check_command(wish.name, _args(built))
        _require_check(built, wish, flags)
        after.update(effective.read(built, effective.keys_of(wish)))
    if wish.image is not None:
        after["image"] = wish.image
    steps.append(Step(CREATE, wish.name))
    if flags.state == STARTED:
        steps += [Step(START, wish.name), *_pause(wish, flags)]
    return Plan(deed, tuple(steps), (), {"state": ABSENT}, after)


def _change(observed: Observed, wish: ContainerDesired, flags: ContainerFlags, world: World, deed: str) -> Plan:
    # As with podman_container: a container that shall not run is stopped, whatever else the task says of it.
    found = () if flags.state == STOPPED and not flags.recreate else changes(observed, wish, flags, world)
    steps: list[Step] = []
    if world.pulls and flags.state != STOPPED:
        steps.append(Step(PULL, wish.image or ""))
    remake = any(change.how == RECREATE for change in found)
    remake = remake or (flags.recreate and not any(change.how == REFUSED for change in found))
    runs_after = flags.state == STARTED or (flags.state == CREATED and observed.running)
    if remake:
        steps.append(Step(RECREATE_STEP, wish.name))
        if runs_after:
            steps += [Step(START, wish.name), *_pause(wish, flags)]
            if starts_first(flags, running=observed.running):
                _refuse_rivalry(observed, wish, world)
    else:
        if not any(change.option == "healthcheck" for change in found):
            _require_check(observed.config, wish, flags)
        if found:
            steps.append(Step(UPDATE, ", ".join(change.option for change in found)))
        steps += _state_steps(observed, wish, flags)
    status = _status_after(observed, flags, runs_after, remake)
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if status != observed.status:
        before["state"], after["state"] = observed.status, status
    if flags.recreate and not found:
        before["recreate"], after["recreate"] = False, True
    return Plan(deed, tuple(steps), found, before, after)


def starts_first(flags: ContainerFlags, *, running: bool) -> bool:
    """Whether a container that is made anew, and shall run, runs beside the old one before that is stopped."""
    return flags.update_order == START_FIRST and running


def _refuse_rivalry(observed: Observed, wish: ContainerDesired, world: World) -> None:
    from .overlap import rivalries

    found = rivalries(observed.config, configuration.build(_completed(wish, observed.config), world.around).config)
    if found:
        raise Conflict(
            f"start the new container {wish.name} before the old one stops",
            f"both want {', '.join(found)}",
            "Leave ports and addresses to the host, or set update_order: stop-first",
        )


def _state_steps(observed: Observed, wish: ContainerDesired, flags: ContainerFlags) -> list[Step]:
    if flags.state == STOPPED:
        return [Step(KILL if flags.then == KILLED else STOP, wish.name)] if observed.running else []
    restarts = flags.force_restart and observed.running
    if flags.state == STARTED and not restarts:
        if observed.status == "paused":
            return [] if flags.then == PAUSED else [Step(UNPAUSE, wish.name)]
        if not observed.running or observed.status == "stopping":
            return [Step(START, wish.name), *_pause(wish, flags)]
    return [*([Step(RESTART, wish.name)] * restarts), *_pause(wish, flags)]


def _pause(wish: ContainerDesired, flags: ContainerFlags) -> list[Step]:
    return [Step(PAUSE, wish.name)] if flags.then == PAUSED else []


def _require_check(config: Json, wish: ContainerDesired, flags: ContainerFlags) -> None:
    test = texts(table(config, "healthcheck"), "Test")
    if flags.then == HEALTHY and (not test or test[0] == "NONE"):
        raise BadInput(
            f"container {wish.name} healthy",
            "it has no health check",
            "Set healthcheck for it, or use an image with one",
        )


def _status_after(observed: Observed, flags: ContainerFlags, runs_after: bool, remake: bool) -> str:
    if runs_after:
        if flags.then == PAUSED:
            return "paused"
        return "running" if flags.state == STARTED or remake else observed.status
    if remake:
        return "created"
    return "exited" if flags.state == STOPPED and observed.running else observed.status


def peer_of(wish: ContainerDesired, around: Surroundings) -> Peer:
    """A container that is not there yet, as others see it; its name stands for the id that it has not got."""
    return Peer(wish.name, wish.name, configuration.build(wish, around).config)
