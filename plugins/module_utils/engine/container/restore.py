# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thawing a container: a start whose processes come out of a checkpoint."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Conflict, Corrupt, EngineError, HostLacks, NotFound
from ..base.files import read_json
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..criu import archive, logs, probe
from ..runtime import checkpoint as verb
from ..runtime.checkpoint import Keep
from . import frozen, lookup, stillness
from .checkpoint import cannot
from .holding import held, save
from .journal import room_kept, told
from .networking import Kept as Address
from .settle import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container


class Wish(NamedTuple):
    """`keep` besides what the checkpoint's own notes say; `stay`: the checkpoint stays after it was restored; `along`:
    others come back with it, and the network that they share is the caller's to care for."""

    keep: Keep = Keep()
    stay: bool = False
    ignore_ip: bool = False
    ignore_mac: bool = False
    criu: str = ""
    along: bool = False


class Thaw(NamedTuple):
    """What a start needs to know of it."""

    images: str
    keep: Keep
    search: str
    addresses: dict[str, Address]


def obstacles(session: Session, container: Container, wish: Wish) -> list[str]:
    """Everything that keeps its checkpoint from being restored, as far as can be told without trying."""
    found = []
    if frozen.kept(container) is None:
        found.append("no checkpoint is kept of it")
    if container.running:
        found.append("it is running")
    return found + of_host(session, jsonval.text(container.config, "runtime"), wish.criu)


def of_host(session: Session, runtime: str, criu: str = "") -> list[str]:
    """What keeps this host from restoring containers of a runtime; [] when nothing is known to."""
    found = ["CRIU and the runtimes need root for it"] if session.identity.rootless else []
    reason = probe.seen(session.runner, criu)[1]
    if reason:
        found.append(reason)
    try:
        known = session.runtime_of(runtime or session.runtime.name)
        if not verb.able(session.runner, known):
            found.append(cannot(known))
    except EngineError as error:
        found.append(error.cause)
    return found


def restore(session: Session, container: Container, wish: Wish) -> Json:
    """Thaw it; CRIU's statistics. After an error the checkpoint is whole, and nothing of the container runs. What it
    needs, such as the infra container of its pod, is started before.

    What of this host stands in the way is looked for when it did not work. Raises NotFound when there is no
    checkpoint, Conflict (it runs; an address or port is taken; CRIU's own cause), HostLacks.
    """
    try:
        return _restore(session, container, wish)
    except EngineError as error:
        found = of_host(session, jsonval.text(container.config, "runtime"), wish.criu)
        if not found:
            raise
        raise refusal(container, found, error) from error


def go_on(session: Session, name: str, criu: str = "", *, along: bool = False) -> None:
    """Have a container that was frozen for something that failed run as before, and keep nothing of the checkpoint.
    `along` as Wish has it. Raises as `restore`."""
    container = lookup.find(session, name, "restore container")
    if container.running:
        frozen.forget(container)
    else:
        restore(session, container, Wish(criu=criu, along=along))


def refusal(container: Container, found: list[str], error: EngineError | None = None) -> Conflict:
    told = Conflict(f"restore container {container.name}", f"it cannot be restored: {'; '.join(found)}")
    told.cleanup = error.cleanup if error else []
    return told


def _restore(session: Session, container: Container, wish: Wish) -> Json:
    from .start import start_held

    deed = f"restore container {container.name}"
    if session.identity.rootless:
        raise HostLacks(deed, "CRIU and the runtimes need root for it", "Run this container as root")
    criu = probe.find(wish.criu)
    tcp = keep_of(_kept(container, deed), wish).tcp_established
    place = None if wish.along else stillness.owner_of(session, container)
    still = stillness.around(session, place)
    with still, _needed(session, container, deed), held(session, container, "restore") as current:
        if tcp:
            stillness.shut(session, place)
        if not current.running:
            frozen.finish(current)
        found = _kept(current, deed)
        thaw = _thaw(current, found, wish, criu)
        try:
            start_held(session, current, thaw=thaw)
        except EngineError as error:
            raise _explained(deed, current, error) from error
        statistics = logs.statistics(os.path.join(current.static_dir, logs.RESTORE_STATS))
        reached("restored")
        if not wish.stay:
            frozen.forget(current)
            reached("checkpoint-removed")
    return statistics


def keep_of(found: frozen.Kept, wish: Wish) -> Keep:
    """What the checkpoint's own notes and the wish say together."""
    return Keep(*(one or other for one, other in zip(found.keep, wish.keep)))


def _kept(container: Container, deed: str) -> frozen.Kept:
    if container.running:
        raise Conflict(deed, "it is running", "Stop it first: its memory would be lost")
    found = frozen.kept(container)
    if found is None:
        raise NotFound(deed, "it cannot be restored: no checkpoint is kept of it")
    return found


@contextmanager
def _needed(session: Session, container: Container, deed: str) -> Iterator[None]:
    """With the containers that it needs running. Those started for it are stopped again when it does not come back."""
    from .start import start

    started: list[Container] = []
    try:
        with room_kept(container.static_dir, deed), told(deed):
            for cid in session.database.dependencies(container.id):
                other = lookup.by_id(session, cid)
                if other is None or other.running:
                    continue
                if frozen.kept(other) is not None:
                    raise Conflict(deed, f"container {other.name}, which it needs, is frozen", "Restore that one first")
                if start(session, other):
                    started.append(other)
            yield
    except EngineError as error:
        _settle_again(session, container, started, error)
        raise


def _settle_again(session: Session, container: Container, started: list[Container], error: EngineError) -> None:
    """There is some room on the disk again, which may have been missing for giving back what it held."""
    from .stop import stop

    try:
        with held(session, container, "clean up") as current:
            settle(session, current)
        for one in reversed(started):
            stop(session, one)
    except EngineError as failure:
        error.add_cleanup_failure(str(failure))
    else:
        error.cleanup = []


def recorded(session: Session, container: Container) -> Container:
    """The row of a container that has just come back."""
    return save(
        session,
        container,
        checkpointed=None,
        checkpointedTime=clock.ZERO,
        restored=True,
        restoredTime=clock.now(),
        restoreLog=os.path.join(container.static_dir, logs.RESTORE_LOG),
    )


def _thaw(container: Container, found: frozen.Kept, wish: Wish, criu: str) -> Thaw:
    search = probe.path_for(os.path.join(container.run_dir, "criu"), criu)
    return Thaw(found.path, keep_of(found, wish), search, _addresses(container, wish))


def _addresses(container: Container, wish: Wish) -> dict[str, Address]:
    """The addresses of the time of the checkpoint, by network: sockets are bound to them."""
    try:
        status = read_json(os.path.join(container.static_dir, archive.NETWORK), archive.SMALL[archive.NETWORK])
    except (OSError, Corrupt):
        return {}
    return addresses(status if isinstance(status, dict) else {}, wish)


def addresses(status: Json, wish: Wish) -> dict[str, Address]:
    """What of a network status it gets again. The status may come from elsewhere, so whatever it holds that makes no
    sense is no address."""
    found: dict[str, Address] = {}
    for network, content in status.items():
        for interface in jsonval.table(content if isinstance(content, dict) else {}, "interfaces").values():
            about = interface if isinstance(interface, dict) else {}
            ips = [jsonval.text(subnet, "ipnet").partition("/")[0] for subnet in jsonval.tables(about, "subnets")]
            found[str(network)] = Address(
                () if wish.ignore_ip else tuple(ip for ip in ips if ip),
                "" if wish.ignore_mac else jsonval.text(about, "mac_address"),
            )
    return found


def _explained(deed: str, container: Container, error: EngineError) -> EngineError:
    """With CRIU's own cause, where it got as far as that."""
    text, hint = logs.cause(os.path.join(container.static_dir, logs.RESTORE_LOG))
    if error.cause.count("criu") + error.cause.count("CRIU") == 0 or not text:
        error.deed = deed
        return error
    told = Conflict(deed, f"CRIU says: {text}", hint)
    told.cleanup = error.cleanup
    return told
