# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless pod ps, inspect"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ..base import jsonval
from . import words
from .arguments import key_values
from .context import Usage
from .filters import label_matches
from .rows import Listing, Row, pretty, render

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..pod.model import Pod
    from .arguments import Parser
    from .context import Context

    Test = Callable[[Pod, str], bool]

_INDENT = 5  # podman's own
_COLUMNS = (
    ("POD ID", "ID"),
    ("NAME", "Name"),
    ("STATUS", "Status"),
    ("CREATED", "Created"),
    ("INFRA ID", "InfraID"),
)
_SPACES = (("CGROUP", "Cgroup"), ("NAMESPACES", "Namespace"))
_NUMBER = ("# OF CONTAINERS", "NumberOfContainers")
_OF_CONTAINERS = (
    ("ctr_names", "NAMES", "ContainerNames"),
    ("ctr_ids", "IDS", "ContainerIds"),
    ("ctr_status", "STATUS", "ContainerStatuses"),
)


def arguments(parser: Parser, name: str) -> None:
    if name.endswith("inspect"):
        parser.names("POD")
        parser.add_argument("-f", "--format", default="json", help="json, or a Go template")
        parser.latest()
        return
    parser.flag("--ctr-ids", help="with the ids of the containers")
    parser.flag("--ctr-names", help="with the names of the containers")
    parser.flag("--ctr-status", help="with what the containers do")
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="id, name, label, status, ctr-names, network, until, ...")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.latest()
    parser.flag("--no-trunc", help="ids in full")
    parser.flag("-n", "--noheading", help="no headings")
    parser.flag("--ns", help="with the control group, and libpod's own namespace, which is always empty")
    parser.flag("-q", "--quiet", help="only ids")
    parser.add_argument("--sort", default="created", choices=("created", "id", "name", "number", "status"))


def run(context: Context, options: Namespace) -> int:
    if options.command_name.endswith("inspect"):
        return _inspect(context, options)
    from ..pod import model

    found = model.every(context.session)
    for key, values in key_values(options.filter).items():
        found = _matching(found, key, values)
    found.sort(key=lambda pod: pod.created, reverse=True)
    if options.latest:
        found = found[:1]
    keys: dict[str, Callable[[Pod], tuple[int, str]]] = {
        "id": lambda pod: (0, pod.id),
        "name": lambda pod: (0, pod.name),
        "number": lambda pod: (len(pod.containers), ""),
        "status": lambda pod: (0, pod.status),
    }
    if options.sort in keys:
        found.sort(key=keys[options.sort])
    now = time.time_ns()
    rows = [_row(pod, options, now) for pod in found]
    more = [(title, field) for name, title, field in _OF_CONTAINERS if getattr(options, name)]
    more = [*more, *(_SPACES if options.ns else ()), *(() if more else (_NUMBER,))]
    listing = Listing((*_COLUMNS, *more), rows, lambda: [_object(pod) for pod in found], "Id")
    context.out(render(listing, options.format, quiet=options.quiet, heading=not options.noheading))
    return 0


def _inspect(context: Context, options: Namespace) -> int:
    from ..pod import model
    from ..pod.inspect import inspect

    if options.latest and options.names:
        raise Usage("--latest takes no names of pods")
    if not options.names and not options.latest:
        raise Usage("you must provide the name or id of a running pod")
    names = [model.latest(context.session).id] if options.latest else options.names
    pods = [(name, model.lookup(context.session, name)) for name in names]
    found = [inspect(context.session, pod) for _name, pod in pods if pod is not None]
    if options.format == "json":
        context.out(pretty(found, _INDENT) + "\n")
    else:
        from .gotemplate import Template

        template = Template(options.format.replace("\\t", "\t").replace("\\n", "\n"))
        for document in found:
            context.out(template.execute(document) + "\n")
    missing = [name for name, pod in pods if pod is None]
    for name in missing:
        context.error(f"no such pod {name}")
    return 125 if missing else 0


def networks(pod: Pod) -> list[str]:
    return list(jsonval.table(pod.infra.config, "newNetworks")) if pod.infra is not None else []


def _row(pod: Pod, options: Namespace, now: int) -> Row:
    def cut(text: str) -> str:
        return text if options.no_trunc else text[:12]

    row = Row(
        ID=cut(pod.id),
        Id=pod.id,
        Name=pod.name,
        Status=pod.status,
        Created=words.ago(pod.created, now),
        InfraID=cut(pod.infra_id),
        InfraId=cut(pod.infra_id),
        NumberOfContainers=len(pod.containers),
        Networks=",".join(networks(pod)),
        Labels=pod.labels,
        Cgroup=jsonval.text(pod.config, "cgroupParent"),
        Namespace="",
        ContainerNames=",".join(one.name for one in pod.containers),
        ContainerIds=",".join(cut(one.id) for one in pod.containers),
        ContainerStatuses=",".join(one.status for one in pod.containers),
        RestartPolicy=jsonval.text(pod.config, "RestartPolicy"),
    )
    row.source = lambda: _object(pod)
    return row


def _object(pod: Pod) -> Json:
    """One element of --format json, with podman's keys."""
    return {
        "Cgroup": jsonval.text(pod.config, "cgroupParent"),
        "Containers": [
            {"Id": one.id, "Names": one.name, "Status": one.status, "RestartCount": one.restart_count}
            for one in pod.containers
        ],
        "Created": pod.created,
        "Id": pod.id,
        "InfraId": pod.infra_id,
        "Name": pod.name,
        "Namespace": "",
        "Networks": networks(pod),
        "Status": pod.status,
        "Labels": pod.labels,
    }


def _matching(found: list[Pod], key: str, values: list[str]) -> list[Pod]:
    test = _TESTS.get(key)
    if test is None:
        raise Usage(f"{key} is an invalid filter")
    every = all if key in ("label", "label!") else any
    return [pod for pod in found if every(test(pod, value) for value in values)]


def _name(pod: Pod, value: str) -> bool:
    try:
        return re.search(value, pod.name) is not None
    except re.error as error:
        raise Usage(f"filter name={value}: {error}") from error


def _until(pod: Pod, value: str) -> bool:
    from ..base.clock import parse
    from ..base.filters import moment_or_none

    limit = moment_or_none(value)
    return limit is None or parse(pod.created) < limit


_TESTS: dict[str, Test] = {
    "id": lambda pod, value: pod.id.startswith(value.lower()),
    "name": _name,
    "label": lambda pod, value: label_matches(pod.labels, value),
    "label!": lambda pod, value: not label_matches(pod.labels, value),
    "status": lambda pod, value: pod.status.lower() == value.lower(),
    "ctr-ids": lambda pod, value: any(one.id.startswith(value) for one in pod.containers),
    "ctr-names": lambda pod, value: any(value in one.name for one in pod.containers),
    "ctr-number": lambda pod, value: value == str(len(pod.containers)),
    "ctr-status": lambda pod, value: any(one.status == value for one in pod.containers),
    "network": lambda pod, value: value in networks(pod),
    "until": _until,
}
