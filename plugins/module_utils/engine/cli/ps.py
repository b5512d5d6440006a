# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless ps"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.clock import is_zero, parse
from ..base.tuples import NamedTuple
from . import words
from .arguments import key_values
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..base.jsonval import Json
    from ..container.model import Container
    from .arguments import Parser
    from .context import Context

_COLUMNS = (
    ("CONTAINER ID", "ID"),
    ("IMAGE", "Image"),
    ("COMMAND", "Command"),
    ("CREATED", "CreatedHuman"),
    ("STATUS", "Status"),
    ("PORTS", "Ports"),
    ("NAMES", "Names"),
)
_OF_PODS = (("POD ID", "Pod"), ("PODNAME", "PodName"))
_NEVER = -62135596800  # Go's zero time in Unix seconds


def arguments(parser: Parser, name: str) -> None:
    parser.flag("-a", "--all", help="also those that do not run")
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="ancestor, exited, id, label, name, network, status, ...")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.flag("--no-trunc", help="ids and commands in full")
    parser.flag("--noheading", help="no headings")
    parser.flag("-p", "--pod", help="with the pod of each")
    parser.flag("-q", "--quiet", help="only ids")
    parser.flag("--sync", help="as always: what has ended is noticed whenever somebody looks")
    parser.add_argument("-n", "--last", type=int, default=0, help="the last N created")
    parser.latest()
    parser.add_argument("--sort", default="created", choices=("command", "created", "id", "image", "names", "status"))


def run(context: Context, options: Namespace) -> int:
    from ..container.lookup import all_containers

    everyone = all_containers(context.session)
    chosen = _choose(everyone, options)
    now = time.time_ns()
    around = _around(context, everyone)
    rows = [_row(container, options, now, around) for container in chosen]
    if options.sort != "created":
        field = {"command": "Command", "id": "ID", "image": "Image", "names": "Names", "status": "Status"}[options.sort]
        rows.sort(key=lambda row: str(row[field]))
    columns = (*_COLUMNS, *(_OF_PODS if options.pod else ()))
    listing = Listing(columns, rows, lambda: [_object(container, now, around) for container in chosen], "ID")
    context.out(render(listing, options.format, quiet=options.quiet, heading=not options.noheading))
    return 0


class _Around(NamedTuple):
    """Names of pods by id, and all containers by id."""

    pods: dict[str, str]
    containers: dict[str, Container]

    def ports(self, container: Container) -> list[Json]:
        """One in another's network is reached by the other's ports."""
        other = self.containers.get(jsonval.text(container.config, "netNsCtr"))
        return (other or container).ports


def _around(context: Context, everyone: list[Container]) -> _Around:
    pods = context.session.database.pods() if any(one.pod_id for one in everyone) else []
    return _Around({pod.id: pod.name for pod in pods}, {one.id: one for one in everyone})


def _choose(containers: list[Container], options: Namespace) -> list[Container]:
    containers = sorted(containers, key=lambda container: container.created)
    wanted = key_values(options.filter)
    last = 1 if options.latest else options.last
    if wanted:
        from .filters import matching

        containers = matching(containers, wanted)
    if last:
        return containers[-last:]
    if options.all or "status" in wanted:
        return containers
    return [container for container in containers if container.status in ("running", "paused", "stopping")]


def _row(container: Container, options: Namespace, now: int, around: _Around) -> Row:
    full = options.no_trunc
    row = Row(
        ID=container.id if full else container.id[:12],
        Image=container.image_name,
        ImageID=container.image_id if full else container.image_id[:12],
        Command=words.command(container.command, full),
        CreatedHuman=words.ago(container.created, now),
        Created=words.go_time(container.created),
        CreatedAt=words.go_time(container.created),
        RunningFor=words.ago(container.created, now),
        Status=status(container, now),
        State=container.status,
        Ports=", ".join(words.port(port) for port in around.ports(container)),
        Names=container.name,
        Mounts=mounts(container),
        Networks=",".join(networks(container)),
        Labels=container.labels,
        Pid=container.pid if container.running else 0,
        Pod=container.pod_id if full else container.pod_id[:12],
        PodName=around.pods.get(container.pod_id, ""),
        ExitCode=container.exit_code,
        Exited=container.status == "exited",
        Restarts=container.restart_count,
        AutoRemove=container.auto_remove,
        IsInfra=container.infra,
        StartedAt=_seconds(container.started_at),
        ExitedAt=_seconds(container.finished_at),
    )
    row.source = lambda: _object(container, now, around)
    return row


def status(container: Container, now: int) -> str:
    """`Up 2 hours`, `Exited (3) 5 minutes ago`, `Created`."""
    word = container.status
    if word in ("running", "paused"):
        up = f"Up {words.age(container.started_at, now)}" if not is_zero(container.started_at) else "Up"
        if word == "paused":
            return f"{up} (Paused)"
        health = health_status(container)
        return f"{up} ({health})" if health else up
    if word in ("exited", "stopped"):
        when = words.ago(container.finished_at, now)
        return f"Exited ({container.exit_code}) {when}".rstrip()
    return word.capitalize()


def health_status(container: Container) -> str:
    from ..container.health_log import status as read

    return read(container) if jsonval.table(container.config, "healthcheck") else ""


def mounts(container: Container) -> list[str]:
    return jsonval.texts(container.config, "userVolumes")


def networks(container: Container) -> list[str]:
    named = jsonval.table(container.config, "newNetworks")
    return sorted(named) or [jsonval.text(item, "name") for item in jsonval.tables(container.config, "orderedNetworks")]


def _object(container: Container, now: int, around: _Around) -> Json:
    """One element of --format json, with podman's keys."""
    return {
        "AutoRemove": container.auto_remove,
        "Command": container.command,
        "CreatedAt": words.ago(container.created, now),
        "CIDFile": "",
        "Exited": container.status == "exited",
        "ExitedAt": _seconds(container.finished_at),
        "ExitCode": container.exit_code,
        "ExposedPorts": container.config.get("exposedPorts"),
        "Id": container.id,
        "Image": container.image_name,
        "ImageID": container.image_id,
        "IsInfra": container.infra,
        "Labels": container.labels or None,
        "Mounts": mounts(container),
        "Names": [container.name],
        "Namespaces": {},
        "Networks": networks(container),
        "Pid": container.pid if container.running else 0,
        "Pod": container.pod_id,
        "PodName": around.pods.get(container.pod_id, ""),
        "Ports": [_port(port) for port in around.ports(container)] or None,
        "Restarts": container.restart_count,
        "Size": None,
        "StartedAt": _seconds(container.started_at),
        "State": container.status,
        "Status": status(container, now),
        "Created": _seconds(container.created),
    }


def _port(port: Json) -> Json:
    return {
        "host_ip": jsonval.text(port, "host_ip"),
        "container_port": jsonval.number(port, "container_port"),
        "host_port": jsonval.number(port, "host_port"),
        "range": jsonval.number(port, "range", 1),
        "protocol": jsonval.text(port, "protocol", "tcp"),
    }


def _seconds(moment: str) -> int:
    return _NEVER if is_zero(moment) else parse(moment) // 1_000_000_000
