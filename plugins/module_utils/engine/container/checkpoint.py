# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezing a container into files: its processes, their memory and connections, and what stands in the way of it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Conflict, EngineError, HostLacks
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..base.version import VERSION
from ..criu import archive, logs, probe
from ..libpod.rows import STOPPED
from ..runtime import checkpoint as verb
from ..runtime import exits
from ..runtime.checkpoint import Dump, Keep
from . import adopted, frozen, frozen_members, landing, lookup, parts, stillness
from .events import event
from .holding import held, save
from .settle import exit_paths, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..runtime.program import Runtime
    from ..session.session import Session
    from .model import Container

_END_SECONDS = 60.0


class Wish(NamedTuple):
    """`early` writes memory while the container goes on, `after_early` builds on that; `criu` is the path of another
    CRIU than the host's; `exported`: it goes into an archive, so nothing needs to stay of the container; `along` are
    ids of all that are frozen together, whose network is the caller's to care for."""

    keep: Keep = Keep()
    leave_running: bool = False
    early: bool = False
    after_early: bool = False
    criu: str = ""
    exported: bool = False
    along: frozenset[str] = frozenset()


def obstacles(session: Session, container: Container, wish: Wish) -> list[str]:
    """Everything that keeps it from being frozen now, found without touching it; [] when nothing is known to."""
    found = list(_by_nature(session, container, wish))
    if container.running and not session.identity.rootless:
        found += _by_state(container, wish.keep)
    criu, reason = probe.seen(session.runner, wish.criu)
    if reason:
        found.append(reason)
    elif criu is not None and (wish.early or wish.after_early) and not criu.tracks_memory:
        found.append("this kernel does not tell which pages of memory were written, so there are no earlier rounds")
    try:
        runtime = parts.runtime_of(session, container.config)
        if not verb.able(session.runner, runtime):
            found.append(cannot(runtime))
    except EngineError as error:
        found.append(error.cause)
    return found


def cannot(runtime: Runtime) -> str:
    return f"{runtime.name} ({runtime.path}) was built without CRIU: make the container with runc or another crun"


def _by_nature(session: Session, container: Container, wish: Wish) -> Iterator[str]:
    if session.identity.rootless:
        yield "CRIU and the runtimes need root for it, and this is the container of a plain user"
    if container.paused:
        yield "it is paused"
    elif not container.running:
        yield f"it is not running but {container.status}"
    yield from frozen_members.obstacles(session, container)
    for other in () if container.infra else session.database.dependents(container.id):
        found = lookup.by_id(session, other)
        if found is not None and found.running and other not in wish.along:
            yield f"container {found.name}, which runs, needs it"
    if container.auto_remove and not wish.exported and not wish.leave_running:
        yield "it is removed when it ends (--rm): only an export keeps it"
    if wish.exported and adopted.has_own_ids(container.config):
        yield "it has ids of its own (userns), which archives do not carry"
    if wish.exported and container.config.get("Dependencies"):
        yield "it needs other containers (requires), which archives do not carry"
    if wish.after_early and not frozen.earlier(container):
        yield "no earlier round was made of it (pre_checkpoint)"


def _by_state(container: Container, keep: Keep) -> Iterator[str]:
    """What CRIU refuses unless it is told to keep it."""
    from ..runtime.processes import processes

    try:
        pids = [one.host_pid for one in processes(container.init, container.name)]
    except EngineError:
        return
    if not keep.tcp_established:
        count = _connections(container.pid, _sockets(pids))
        if count:
            yield f"it has {count} open TCP connection{'s' * (count > 1)} (say tcp_established to keep them)"
    if not keep.file_locks and _locks(pids):
        yield "its processes hold locks on files (say file_locks to keep them)"


def _sockets(pids: list[int]) -> set[str]:
    found: set[str] = set()
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        try:
            for name in os.listdir(folder):
                target = os.readlink(f"{folder}/{name}")
                if target.startswith("socket:["):
                    found.add(target[8:-1])
        except OSError:
            continue
    return found


def _connections(pid: int, inodes: set[str]) -> int:
    """How many of the sockets are connected (proc_pid_net(5): state 01, the inode is the tenth column)."""
    count = 0
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        count += sum(1 for row in rows if len(row) > 9 and row[3] == "01" and row[9] in inodes)
    return count


def _locks(pids: list[int]) -> bool:
    """Whether an open file of theirs is locked (proc_pid_fdinfo(5)); who took the lock may have ended since."""
    for pid in pids:
        folder = f"/proc/{pid}/fdinfo"
        try:
            for name in os.listdir(folder):
                with open(f"{folder}/{name}", encoding="ascii", errors="replace") as file:
                    if any(line.startswith("lock:") for line in file):
                        return True
        except OSError:
            continue
    return False


def checkpoint(session: Session, container: Container, wish: Wish) -> Json:
    """Freeze it; CRIU's statistics. After an error it runs as before, and what was kept of it is still there.

    What stands in the way is looked for when it did not work: asking CRIU beforehand takes as long as a small dump.
    Raises Conflict naming it, HostLacks, ToolFailed.
    """
    try:
        return _checkpoint(session, container, wish)
    except EngineError as error:
        fresh = lookup.by_id(session, container.id) or container
        found = obstacles(session, fresh, wish) if fresh.running or not container.running else []
        if not found:
            raise
        raise refusal(container, found, error) from error


def refusal(container: Container, found: list[str], error: EngineError | None = None) -> Conflict:
    told = Conflict(f"checkpoint container {container.name}", f"it cannot be checkpointed: {'; '.join(found)}")
    told.cleanup = error.cleanup if error else []
    return told


def _checkpoint(session: Session, container: Container, wish: Wish) -> Json:
    if session.identity.rootless:
        raise refusal(container, list(_by_nature(session, container, wish)))
    path = probe.find(wish.criu)
    version = probe.version(session.runner, path)[0]
    ends = not (wish.early or wish.leave_running or wish.along)  # and CRIU leaves the network still
    place = stillness.owner_of(session, container) if ends else None
    with stillness.around(session, place), held(session, container, "checkpoint") as current:
        current = settle(session, current)
        found = list(_by_nature(session, current, wish))
        if found:
            raise refusal(container, found)
        dump = _Dump(session, current, wish, (path, version))
        if wish.early:
            dump.early()
        else:
            dump.final()
    event(session, container, "checkpoint")
    return logs.statistics(os.path.join(container.static_dir, logs.DUMP_STATS))


class _Dump:
    """One dump of a container that the caller holds."""

    def __init__(self, session: Session, container: Container, wish: Wish, criu: tuple[str, str]) -> None:
        path, self.version = criu
        self.session = session
        self.container = container
        self.wish = wish
        self.runtime = parts.runtime_of(session, container.config)
        self.search = probe.path_for(os.path.join(container.run_dir, "criu"), path)

    def early(self) -> None:
        """A round before the checkpoint: memory is written, the container goes on."""
        static = self.container.static_dir
        images, draft = os.path.join(static, archive.EARLIER), os.path.join(static, f"{archive.EARLIER}.new")
        shutil.rmtree(draft, ignore_errors=True)
        os.mkdir(draft, 0o700)
        try:
            self._call(Dump(draft, static, self.search, self.wish.keep, pre_dump=True), static)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        shutil.rmtree(images, ignore_errors=True)
        os.rename(draft, images)
        reached("checkpoint-early")

    def final(self) -> None:
        session, container, wish = self.session, self.container, self.wish
        places = frozen.begin(container, self._notes())
        parent = f"../{archive.EARLIER}" if wish.after_early else ""
        dump = Dump(places.images, places.work, self.search, wish.keep, wish.leave_running, parent=parent)
        try:
            self._call(dump, places.work)
        except BaseException:
            self._keep_log(places.work)
            frozen.abandon(container)
            raise
        reached("checkpoint-dumped")
        if not frozen.finish(container):
            raise HostLacks(f"checkpoint container {container.name}", "the runtime left no whole checkpoint")
        if wish.leave_running:
            return
        exits.wait(exit_paths(session, container.id), container.init, container.name, _END_SECONDS)
        fresh = lookup.by_id(session, container.id) or container
        if fresh.ended_unseen:
            now = clock.now()
            save(session, fresh, state=STOPPED, exited=True, finishedTime=now, **frozen.marks(fresh.static_dir))
            session.database.add_exit_code(container.id, 0)
        reached("checkpoint-recorded")
        settle(session, lookup.by_id(session, container.id) or fresh)

    def _call(self, dump: Dump, work: str) -> None:
        container = self.container
        try:
            verb.checkpoint(self.session.runner, self.runtime, container.id, container.name, dump)
        except EngineError as error:
            text, hint = logs.cause(os.path.join(work, logs.DUMP_LOG))
            if not text:
                raise
            raise Conflict(f"checkpoint container {container.name}", f"CRIU says: {text}", hint) from error

    def _keep_log(self, work: str) -> None:
        try:
            os.replace(os.path.join(work, logs.DUMP_LOG), os.path.join(self.container.static_dir, logs.DUMP_LOG))
        except OSError:
            pass

    def _notes(self) -> Json:
        return {
            **self.wish.keep.to_json(),
            **landing.of_host(),
            "time": clock.now(),
            "name": self.container.name,
            "criu": self.version,
            "runtime": self.runtime.name,
            "engine": VERSION,
            "image": jsonval.text(self.container.config, "rootfsImageName"),
        }


def forget(session: Session, container: Container) -> None:
    """Remove what is kept of a checkpoint; the container stays."""
    with held(session, container, "remove the checkpoint of") as current:
        frozen.forget(current)
        save(session, current, checkpointed=None, checkpointPath=None, checkpointLog=None, checkpointedTime=clock.ZERO)
