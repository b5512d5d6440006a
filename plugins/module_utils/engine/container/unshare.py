# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program in the user namespace that a plain user's store is in, or in a container's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..host import programs
from ..host.process import child_environment

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..host.process import Completed
    from ..session.session import Session
    from .model import Container


class Wish(NamedTuple):
    """What to run. `env` goes on top of ours; `seconds` ends it with SIGKILL."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    directory: str = ""
    stdin: bytes = b""
    seconds: float | None = None


def run(session: Session, wish: Wish, container: Container | None = None) -> Completed:
    """Run to the end. With a container, ids mean what they mean inside it, whether it runs or not.

    Raises BadInput where there is no such namespace, HostLacks when the program is not there, TimedOut.
    """
    check(session, container)
    namespace = None if container is None else _namespace(session, container)
    if namespace is None or container is None:
        return _run(session, wish, wish.argv, ())
    try:
        nsenter = programs.require("nsenter", f"enter the user namespace of container {container.name}")
        into = (nsenter, f"--user=/proc/self/fd/{namespace}", "--setuid", "0", "--setgid", "0", "--")
        return _run(session, wish, (*into, *wish.argv), (namespace,))
    finally:
        os.close(namespace)


def check(session: Session, container: Container | None) -> None:
    """Raises BadInput where nothing is meant: root's store is in no user namespace."""
    if container is None and not session.identity.rootless:
        raise BadInput(
            "run in a user namespace",
            "the containers of root are in none",
            "Run it as the user whose containers are meant, or name a container",
        )


def _run(session: Session, wish: Wish, argv: tuple[str, ...], fds: tuple[int, ...]) -> Completed:
    """podman unshare tells the program where the store is; so do we."""
    options = session.store_options
    where = {"CONTAINERS_GRAPHROOT": options.graph_root, "CONTAINERS_RUNROOT": options.run_root}
    env = child_environment({**where, **dict(wish.env)})
    return session.runner.run(
        argv, input=wish.stdin, env=env, cwd=wish.directory or None, timeout=wish.seconds, pass_fds=fds
    )


def _namespace(session: Session, container: Container) -> int | None:
    """A descriptor of the container's namespace; None where that is the one that its store is in."""
    if container.running:
        path = f"/proc/{container.pid}/ns/user"
        if os.readlink(path) != os.readlink("/proc/self/ns/user"):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    else:
        options = jsonval.table(container.config, "idMappingsOptions")
        uids, gids = (jsonval.tables(options, name) for name in ("UIDMap", "GIDMap"))
        if uids and gids:
            from ..host import mapped

            return mapped.namespace([_line(row) for row in uids], [_line(row) for row in gids])
    if not session.identity.rootless:
        raise BadInput(
            f"enter the user namespace of container {container.name}",
            "it has none of its own" if container.running else "it does not run, and no ids of its own are recorded",
        )
    return None


def _line(row: Json) -> tuple[int, int, int]:
    return (jsonval.number(row, "container_id"), jsonval.number(row, "host_id"), jsonval.number(row, "size"))
