# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless stats"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ..base.units import human_size
from . import words
from .context import Usage
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..base.jsonval import Json
    from ..container.model import Container
    from ..container.stats import Link, Sample
    from .arguments import Parser
    from .context import Context

_COLUMNS = (
    ("ID", "ID"),
    ("NAME", "Name"),
    ("CPU %", "CPUPerc"),
    ("MEM USAGE / LIMIT", "MemUsage"),
    ("MEM %", "MemPerc"),
    ("NET IO", "NetIO"),
    ("BLOCK IO", "BlockIO"),
    ("PIDS", "PIDS"),
    ("CPU TIME", "UpTime"),
    ("AVG CPU %", "AVGCPU"),
)
_CLEAR = "\033[2J\033[H"


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.flag("-a", "--all", help="also those that do not run")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.add_argument("-i", "--interval", type=int, default=5, help="seconds between two reports")
    parser.latest()
    parser.switch("--no-reset", help="do not clear the screen between reports")
    parser.switch("--no-stream", help="one report only")
    parser.switch("--no-trunc", help="ids in full")


def run(context: Context, options: Namespace) -> int:
    if options.all + options.latest + bool(options.names) > 1:
        raise Usage("--all, --latest and containers cannot be used together")
    if options.interval < 1:
        raise Usage("invalid interval, must be a positive number greater zero")
    before: dict[str, Sample] = {}
    clears = not (options.no_reset or options.no_stream or options.format)
    while True:
        found = _samples(context, options, before)
        context.out((_CLEAR if clears else "") + _report(options, found))
        sys.stdout.flush()
        if options.no_stream or (not found and (options.names or options.latest)):
            return 0
        before = {sample.id: sample for sample in found}
        time.sleep(options.interval)


def _samples(context: Context, options: Namespace, before: dict[str, Sample]) -> list[Sample]:
    from ..container.stats import sample

    found = []
    for container in _chosen(context, options):
        one = sample(context.session, container, before.get(container.id))
        if one is not None:
            found.append(one)
        elif options.all or options.names or options.latest:
            found.append(at_rest(container))
    return found


def at_rest(container: Container) -> Sample:
    from ..container.stats import Sample
    from ..host.cgroup_usage import Usage as Nothing

    return Sample(container.id, container.name, time.time_ns(), Nothing(), 0.0, 0.0, None)


def _chosen(context: Context, options: Namespace) -> list[Container]:
    if options.names or options.latest:
        names = context.chosen(options.names, latest=options.latest)
        return [context.container(name) for name in names]
    from ..container.lookup import all_containers

    return [one for one in all_containers(context.session) if options.all or one.running]


def _report(options: Namespace, found: list[Sample]) -> str:
    rows = [row_of(one, bool(options.no_trunc)) for one in found]
    listing = Listing(_COLUMNS, rows, lambda: [_object(row) for row in rows], "ID")
    if options.format == "json":
        from .rows import pretty

        return pretty(listing.objects(), 1) + "\n"
    return render(listing, options.format)


def row_of(one: Sample, full: bool) -> Row:
    used = one.usage
    row = Row(
        ID=one.id if full else one.id[:12],
        ContainerID=one.id,
        Name=one.name,
        CPUPerc=f"{one.cpu:.2f}%",
        AVGCPU=f"{one.average:.2f}%",
        MemUsage=f"{_size(used.memory)} / {_size(used.memory_limit)}",
        MemUsageBytes=f"{_binary(used.memory)} / {_binary(used.memory_limit)}",
        MemPerc=f"{one.memory_percent:.2f}%",
        NetIO=_net(one.links),
        BlockIO=f"{_size(used.read_bytes)} / {_size(used.written_bytes)}",
        PIDS=str(used.processes),
        PIDs=used.processes,
        CPU=one.cpu,
        AvgCPU=one.average,
        CPUNano=used.cpu_ns,
        CPUSystemNano=used.system_ns,
        SystemNano=one.at_ns,
        MemLimit=used.memory_limit,
        BlockInput=used.read_bytes,
        BlockOutput=used.written_bytes,
        UpTime=words.go_duration(used.cpu_ns),
        Duration=used.cpu_ns,
    )
    row.source = lambda: _whole(one)
    return row


def _size(count: int) -> str:
    return human_size(count).replace(" ", "")


def _binary(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g}{unit}"
        size /= 1024
    return f"{size:.4g}TiB"


def _net(links: dict[str, Link] | None) -> str:
    found = (links or {}).values()
    received, sent = sum(link.received_bytes for link in found), sum(link.sent_bytes for link in found)
    return f"{_size(received)} / {_size(sent)}"


def _object(row: Row) -> Json:
    """One element of --format json, with podman's keys."""
    return {
        "id": row["ID"],
        "name": row["Name"],
        "cpu_time": row["UpTime"],
        "cpu_percent": row["CPUPerc"],
        "avg_cpu": row["AVGCPU"],
        "mem_usage": row["MemUsage"],
        "mem_percent": row["MemPerc"],
        "net_io": row["NetIO"],
        "block_io": row["BlockIO"],
        "pids": row["PIDS"],
    }


def _whole(one: Sample) -> Json:
    used = one.usage
    network = {
        name: {
            "RxBytes": link.received_bytes,
            "RxDropped": link.received_dropped,
            "RxErrors": link.received_errors,
            "RxPackets": link.received_packets,
            "TxBytes": link.sent_bytes,
            "TxDropped": link.sent_dropped,
            "TxErrors": link.sent_errors,
            "TxPackets": link.sent_packets,
        }
        for name, link in (one.links or {}).items()
    }
    return {
        "AvgCPU": one.average,
        "ContainerID": one.id,
        "Name": one.name,
        "PerCPU": None,
        "CPU": one.cpu,
        "CPUNano": used.cpu_ns,
        "CPUSystemNano": used.system_ns,
        "SystemNano": one.at_ns,
        "MemUsage": used.memory,
        "MemLimit": used.memory_limit,
        "MemPerc": one.memory_percent,
        "Network": network or None,
        "BlockInput": used.read_bytes,
        "BlockOutput": used.written_bytes,
        "PIDs": used.processes,
        "UpTime": used.cpu_ns,
        "Duration": used.cpu_ns,
    }
