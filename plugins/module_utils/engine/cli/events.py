# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless events"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from ..base.filters import moment_or_none
from ..libpod.event_reader import Window, moment, read
from . import words
from .arguments import key_values
from .context import Usage
from .rows import Row

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..libpod.events import Event
    from .arguments import Parser
    from .context import Context

    Test = Callable[[Event, str], bool]
    Shape = Callable[[Event], str]


def arguments(parser: Parser, name: str) -> None:
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="container, event, image, label, pod, type, volume, ...")
    parser.add_argument("--format", default="", help="json, or a Go template")
    parser.switch("--no-trunc", help="ids in full, as they are unless this is false")
    parser.add_argument("--since", default="", help="not older than this: a time, or an age such as 10m")
    parser.switch("--stream", help="go on with what happens, unless this is false")
    parser.add_argument("--until", default="", help="not younger than this: a time, or 10m from now")


def run(context: Context, options: Namespace) -> int:
    follow = options.stream is not False
    since = moment_or_none(options.since)
    if since is None and follow:
        import time

        since = time.time_ns()
    until = _end(options.until)
    wanted = _wanted(options.filter)
    shape = _shape(options)
    for event in read(context.session.events, context.session.runner, Window(since, until, follow)):
        if all(any(test(event, value) for value in values) for test, values in wanted):
            context.out(f"{shape(event)}\n")
            if follow:
                sys.stdout.flush()
    return 0


def _end(text: str) -> int | None:
    """A time, or so long from now, as podman takes it."""
    if text and text[-1].isalpha() and text[-1] not in "zZ":
        import time

        from ..base.units import parse_duration

        return time.time_ns() + parse_duration(text, "until")
    return moment_or_none(text)


def _wanted(filters: list[str]) -> list[tuple[Test, list[str]]]:
    """Raises Usage for a key that does not exist."""
    found = []
    for key, values in key_values(filters).items():
        test = _TESTS.get(key.lower())
        if test is None:
            raise Usage(f"failed to parse event filters: {key} is an invalid filter")
        found.append((test, values))
    return found


def _named(kind: str) -> Test:
    return lambda event, value: event.type == kind and (event.name == value or event.id.startswith(value))


_TESTS: dict[str, Test] = {
    "container": _named("container"),
    "event": lambda event, value: event.status == value,
    "image": _named("image"),
    "label": lambda event, value: value in [f"{key}={text}" for key, text in event.attributes.items()],
    "network": lambda event, value: event.type == "network" and value in (event.network, event.id),
    "pod": _named("pod"),
    "secret": _named("secret"),
    "status": lambda event, value: event.status == value,
    "type": lambda event, value: event.type == value,
    "volume": _named("volume"),
}


def _shape(options: Namespace) -> Shape:
    if options.format == "json":
        return lambda event: json.dumps(_object(event), ensure_ascii=False, separators=(",", ":"))
    if options.format:
        from .gotemplate import Template

        template = Template(options.format.replace("\\t", "\t").replace("\\n", "\n"))
        return lambda event: template.execute(_row(event))
    short = options.no_trunc is False
    return lambda event: _line(event._replace(id=event.id[:12]) if short and event.type != "network" else event)


def _line(event: Event) -> str:
    start = f"{words.go_time(event.time)} {event.type} {event.status}"
    if event.type in ("container", "pod"):
        facts = [f"image={event.image}", f"name={event.name}"]
        facts += [f"pod_id={event.pod_id}"] if event.pod_id else []
        facts += [f"health_status={event.health.status}"] if event.health else []
        facts += [f"{key}={value}" for key, value in event.attributes.items()]
        return f"{start} {event.id} ({', '.join(facts)})"
    if event.type == "network":
        facts = [f"name={event.network}"]
        facts += [f"type={event.attributes['driver']}"] if event.attributes.get("driver") else []
        return f"{start} {event.id} ({', '.join(facts)})"
    if event.type == "image":
        return f"{start} {event.id} {event.name}"
    if event.type == "secret":
        return f"{start} {event.id}"
    return f"{start} {event.name}".rstrip()


def _object(event: Event) -> Json:
    """podman's keys, in its order; what is empty is left out."""
    made: Json = {} if event.exit_code is None else {"ContainerExitCode": event.exit_code}
    pairs = (("ID", event.id), ("Image", event.image), ("Name", event.name), ("network", event.network))
    made.update({key: value for key, value in pairs if value})
    made["Status"] = event.status
    made.update(time=moment(event) // 1_000_000_000, timeNano=moment(event), Type=event.type)
    if event.health:
        made["HealthStatus"] = event.health.status
    if event.pod_id:
        made["PodID"] = event.pod_id
    made["Attributes"] = dict(event.attributes) if event.attributes or event.type == "container" else None
    return made


def _row(event: Event) -> Row:
    row = Row(
        Attributes=dict(event.attributes),
        ContainerExitCode=event.exit_code,
        Error="",
        HealthStatus=event.health.status if event.health else "",
        ID=event.id,
        Image=event.image,
        Name=event.name,
        Network=event.network,
        PodID=event.pod_id,
        Status=event.status,
        Time=moment(event) // 1_000_000_000,
        TimeNano=moment(event),
        Type=event.type,
    )
    row.source = lambda: _object(event)
    return row
