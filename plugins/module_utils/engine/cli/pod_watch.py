# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless pod logs, top, stats"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from . import log_lines
from .context import Usage
from .rows import Listing, Row, pretty, render, table

if TYPE_CHECKING:
    from argparse import Namespace

    from ..container.model import Container
    from ..container.stats import Sample
    from ..pod.model import Pod
    from .arguments import Parser
    from .context import Context

_COLUMNS = (
    ("POD", "Pod"),
    ("CID", "CID"),
    ("NAME", "Name"),
    ("CPU %", "CPU"),
    ("MEM USAGE/ LIMIT", "MemUsage"),
    ("MEM %", "Mem"),
    ("NET IO", "NetIO"),
    ("BLOCK IO", "BlockIO"),
    ("PIDS", "PIDS"),
)
_KEYS = ("CPU", "MemUsage", "MemUsageBytes", "Mem", "NetIO", "BlockIO", "PIDS", "Pod", "CID", "Name")
_SECONDS = 5.0
_CLEAR = "\033[2J\033[H"


def arguments(parser: Parser, name: str) -> None:
    verb = name.split()[-1]
    if verb == "logs":
        parser.names("POD")
        parser.add_argument("-c", "--container", default="", help="of this container of the pod only")
        log_lines.arguments(parser, "names instead of ids", "the last N lines of each container")
        return
    parser.latest()
    if verb == "top":
        import argparse

        parser.add_argument("words", nargs=argparse.REMAINDER, metavar="POD [DESCRIPTOR...]")
        return
    parser.names("POD")
    parser.flag("-a", "--all", help="every pod")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.flag("--no-reset", help="do not clear the screen between reports")
    parser.flag("--no-stream", help="one report only")


def run(context: Context, options: Namespace) -> int:
    verb = options.command_name.split()[-1]
    return {"logs": _logs, "stats": _stats, "top": _top}[verb](context, options)


def _one(context: Context, names: list[str], latest: bool) -> Pod:
    from ..pod import model

    if latest:
        return model.latest(context.session)
    if not names:
        raise Usage("you must provide the name or id of a pod")
    return model.find(context.session, names[0])


# -- logs ------------------------------------------------------------------------------------------------------------


def _logs(context: Context, options: Namespace) -> int:
    if len(options.names) > 1:
        raise Usage("specify at most one pod")
    pod = _one(context, options.names, options.latest)
    wanted = [one for one in pod.members if _is(one, options.container)]
    if options.container and not wanted:
        raise Usage(f"container {options.container} is not in pod {pod.name}")
    style = log_lines.Style("name" if options.prefix else "id", options.timestamps, options.color)
    log_lines.together(context, wanted, log_lines.query(options), style)
    return 0


def _is(container: Container, text: str) -> bool:
    return not text or container.name == text or container.id.startswith(text)


# -- top -------------------------------------------------------------------------------------------------------------


def _top(context: Context, options: Namespace) -> int:
    from ..runtime import processes
    from .top import account_names

    rest = list(options.words)
    pod = _one(context, [] if options.latest else rest[:1], options.latest)
    rest = rest if options.latest else rest[1:]
    fields = [part for word in rest if word not in ("-o", "-eo") for part in word.split(",") if part]
    headings: list[str] = []
    lines: list[list[str]] = []
    for container in pod.containers:
        if not container.running:
            continue
        found = processes.processes(container.init, container.name)
        titles, rows = processes.rows(found, fields or processes.DEFAULT, account_names(container))
        headings = list(titles)
        lines += [list(row) for row in rows]
    if not headings:
        raise Usage(f"pod {pod.name} does not run: top can only be used on running pods")
    context.out(table(headings, lines))
    return 0


# -- stats -----------------------------------------------------------------------------------------------------------


def _stats(context: Context, options: Namespace) -> int:
    if options.all + options.latest + bool(options.names) > 1:
        raise Usage("--all, --latest and names of pods cannot be used together")
    before: dict[str, Sample] = {}
    while True:
        rows = _rows(context, options, before)
        listing = Listing(_COLUMNS, rows, lambda: [{key: row[key] for key in _KEYS} for row in rows], "CID")  # noqa: B023
        clear = "" if options.no_stream or options.no_reset or options.format else _CLEAR
        shown = pretty(listing.objects(), 5) + "\n" if options.format == "json" else render(listing, options.format)
        context.out(clear + shown)
        sys.stdout.flush()
        if options.no_stream:
            return 0
        time.sleep(_SECONDS)


def _rows(context: Context, options: Namespace, before: dict[str, Sample]) -> list[Row]:
    from ..container.stats import sample
    from ..pod import model
    from .stats import at_rest, row_of

    session = context.session
    pods = [model.latest(session)] if options.latest else [model.find(session, name) for name in options.names]
    if not pods:
        pods = [pod for pod in model.every(session) if options.all or pod.active]
    rows = []
    for pod in pods:
        for container in pod.containers:
            found = sample(session, container, before.get(container.id))
            if found is not None:
                before[container.id] = found
            made = row_of(found or at_rest(container), full=False)
            rows.append(_row(pod, made))
    return rows


def _row(pod: Pod, of: Row) -> Row:
    """podman shows two dashes where there is nothing."""
    return Row(
        Pod=pod.id[:12],
        CID=of["ID"],
        Name=of["Name"],
        CPU=of["CPUPerc"],
        MemUsage=_dashed(of["MemUsage"]),
        MemUsageBytes=_dashed(of["MemUsageBytes"]),
        Mem=of["MemPerc"],
        NetIO=_dashed(of["NetIO"]),
        BlockIO=_dashed(of["BlockIO"]),
        PIDS="--" if of["PIDS"] == "0" else of["PIDS"],
    )


def _dashed(text: object) -> str:
    return "-- / --" if str(text) == "0B / 0B" else str(text)
