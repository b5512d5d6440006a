# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of this host that containers run on, found through the session: runtime, monitor, cgroups, journal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import handover, jsonval
from ..host.identity import CONFIGURED, ROOTLESS_GID, ROOTLESS_UID
from . import config_row
from .journal import Journal

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..host.cgroups import Place
    from ..runtime.conmon import Monitor
    from ..runtime.program import Runtime
    from ..session.session import Session
    from .model import Container

_OWN = "daemonless"


def journal(session: Session) -> Journal:
    """Unfinished deeds outlive a reboot, as the storage that they are about does."""
    return Journal(os.path.join(session.paths.static_dir, _OWN))


def runtime_of(session: Session, config: Json) -> Runtime:
    """The runtime that made a container: no other one knows it. Raises HostLacks when it has been uninstalled."""
    return session.runtime_of(jsonval.text(config, "runtime") or session.runtime.name)


def place(session: Session, container: Container) -> Place:
    from ..host import cgroups

    mode = jsonval.text(container.config, "cgroupsMode", "enabled")
    return cgroups.place(session.cgroups, container.id, _parent(session, container), mode)


def _parent(session: Session, container: Container) -> str:
    """The recorded parent where it is not the default one, which the cgroup room knows for each kind of host."""
    from ..host.cgroups import SYSTEMD

    parent = jsonval.text(container.config, "cgroupParent")
    if parent in ("/libpod_parent", "machine.slice", "user.slice"):
        return ""
    facts = session.cgroups
    if container.pod_id and facts.rootless and (not facts.can_create or facts.manager != SYSTEMD):
        return ""  # podman notes a pod's group even where a plain user can make none
    return parent


def monitor(session: Session) -> Monitor:
    """How conmon is run here."""
    from ..host.cgroups import SYSTEMD
    from ..runtime.conmon import Monitor

    return Monitor(
        path=session.conmon.path,
        exit_dir=session.paths.exits,
        persist_root=os.path.join(session.paths.tmp_dir, "persist"),
        env=_monitor_environment(session),
        systemd_cgroup=session.cgroups.manager == SYSTEMD,
    )


def _monitor_environment(session: Session) -> tuple[tuple[str, str], ...]:
    """What the exit command needs to find the same user's store and namespaces again."""
    identity = session.identity
    env = [("HOME", identity.home)]
    if identity.rootless:
        env += [
            ("XDG_RUNTIME_DIR", identity.runtime_dir),
            (ROOTLESS_UID, str(identity.uid)),
            (ROOTLESS_GID, str(identity.gid)),
            (CONFIGURED, "done"),
        ]
    return tuple(env)


def exit_command(session: Session, container: Container) -> tuple[str, ...]:
    """What conmon runs when the container has ended; nothing when no copy of the engine is installed."""
    if session.command is None:
        return ()
    command = (session.command, "container", "cleanup", "--stopped-only")
    if container.auto_remove:
        return (*command, "--rm", container.id)
    return handover.guarded((*command, container.id), container.run_dir)


def hook_directories(session: Session, container: Container) -> tuple[str, ...]:
    """Directories with OCI hooks for its start that there are: the container's own, else containers.conf's."""
    named = config_row.hook_directories(container.annotations.get(config_row.NOTE_HOOKS, ""))
    found = session.conf.hooks_dir if named is None else named
    return tuple(path for path in found if os.path.isdir(path))
