# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless ps"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.clock import is_zero, parse
from ..base.tuples import NamedTuple
from . import words
from .arguments import key_values
from .context import Usage
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..base.jsonval import Json
    from ..container.model import Container
    from ..image.catalogue import Catalogue
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
_CLEAR = "\033[2J\033[1;1H"
_SORTS = ("command", "id", "image", "names", "runningfor", "size", "status")
_NEVER = -62135596800  # Go's zero time in Unix seconds


def arguments(parser: Parser, name: str) -> None:
    parser.flag("-a", "--all", help="also those that do not run")
    parser.flag("--external", help="also containers of the storage that only builds, or nobody, know of")
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="ancestor, exited, id, label, name, network, status, ...")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.flag("--no-trunc", help="ids and commands in full")
    parser.flag("--noheading", help="no headings")
    parser.flag("--ns", help="with the namespaces of each")
    parser.flag("-p", "--pod", help="with the pod of each")
    parser.flag("-q", "--quiet", help="only ids")
    parser.flag("-s", "--size", help="with what each takes on the disk")
    parser.flag("--sync", help="as always: what has ended is noticed whenever somebody looks")
    parser.add_argument("-n", "--last", type=int, default=0, help="the last N created")
    parser.latest()
    parser.add_argument("--sort", default="created", choices=("created", *_SORTS))
    parser.add_argument("-w", "--watch", type=int, default=0, metavar="SECONDS", help="again and again")


def run(context: Context, options: Namespace) -> int:
    _check(options)
    if not options.watch or options.format == "json" or (options.quiet and not options.format):
        context.out(_shown(context, options))
        return 0
    while True:
        context.out(_CLEAR + _shown(context, options))
        sys.stdout.flush()
        time.sleep(options.watch)


def _check(options: Namespace) -> None:
    if options.last and options.latest:
        raise Usage("last and latest are mutually exclusive")
    if options.quiet and (options.size or options.ns):
        raise Usage("quiet conflicts with size and namespace")
    if options.size and options.ns:
        raise Usage("size and namespace options conflict")
    if options.watch < 0:
        raise Usage(f'invalid argument "{options.watch}" for "-w, --watch" flag: it is a number of seconds')
    if options.watch and options.latest:
        raise Usage("the watch and latest flags cannot be used together")
    if ".Size" in options.format and not options.size:
        sys.stderr.write("Error: Size format requires --size option\n")


def _shown(context: Context, options: Namespace) -> str:
    from ..container.lookup import all_containers

    everyone = all_containers(context.session)
    chosen = _choose(everyone, options)
    now = time.time_ns()
    around = _around(context, everyone, options)
    rows = [_row(container, options, now, around) for container in chosen]
    if options.external and around.catalogue is not None:
        from . import ps_more

        dated = [(parse(container.created), row) for container, row in zip(chosen, rows)]
        for record in ps_more.strangers(around.catalogue, around.containers, key_values(options.filter)):
            row = ps_more.stranger_row(around.catalogue, record, now, full=options.no_trunc)
            dated.append((parse(record.created), row))
        dated.sort(key=lambda item: item[0])
        rows = [row for _created, row in dated[: options.last or None]]
    if options.sort in _SORTS:
        rows.sort(key=lambda row: _sort_key(row, options.sort))
    listing = Listing(_columns(options), rows, lambda: [row.source() for row in rows if row.source], "ID")
    quiet = options.quiet and not options.format
    return render(listing, options.format, quiet=quiet, heading=not options.noheading)


def _sort_key(row: Row, by: str) -> tuple[int, str]:
    if by == "size":
        shown = row.source() if row.source else None
        size = shown.get("Size") if isinstance(shown, dict) else None
        return (jsonval.number(size, "rootFsSize") if isinstance(size, dict) else 0), ""
    if by == "runningfor":
        return int(str(row["StartedAt"])), ""
    field = {"command": "Command", "id": "ID", "image": "Image", "names": "Names", "status": "State"}[by]
    return 0, str(row[field])


def _columns(options: Namespace) -> tuple[tuple[str, str], ...]:
    if options.ns:
        from .ps_more import NAMESPACE_COLUMNS

        return NAMESPACE_COLUMNS
    return (*_COLUMNS, *(_OF_PODS if options.pod else ()), *((("SIZE", "Size"),) if options.size else ()))


class _Around(NamedTuple):
    """Names of pods by id, all containers by id, and the storage where somebody asked for what only it knows."""

    pods: dict[str, str]
    containers: dict[str, Container]
    catalogue: Catalogue | None = None

    def ports(self, container: Container) -> list[Json]:
        """One in another's network is reached by the other's ports."""
        other = self.containers.get(jsonval.text(container.config, "netNsCtr"))
        return (other or container).ports


def _around(context: Context, everyone: list[Container], options: Namespace) -> _Around:
    pods = context.session.database.pods() if any(one.pod_id for one in everyone) else []
    catalogue = None
    if options.external or options.size:
        from ..image.catalogue import Catalogue

        catalogue = Catalogue(context.session.store)
    return _Around({pod.id: pod.name for pod in pods}, {one.id: one for one in everyone}, catalogue)


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
        Size="",
    )
    spaces: Json = {}
    size: Json | None = None
    if options.ns or options.format:
        from . import ps_more

        found = ps_more.namespaces(container.pid if options.ns and container.running else 0)
        row.update(found, Namespaces=found)
        spaces = ps_more.namespaces_object(found)
    if options.size and around.catalogue is not None:
        from ..container.sizes import sizes
        from .ps_more import size_text

        taken = sizes(around.catalogue, container)
        row["Size"], size = size_text(taken), {"rootFsSize": taken.whole, "rwSize": taken.own}
    row.source = lambda: {**_object(container, now, around), "Namespaces": spaces, "Size": size}
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
        "CIDFile": container.annotations.get("io.podman.annotations.cid-file", ""),
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
