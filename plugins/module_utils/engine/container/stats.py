# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers use right now, as podman stats counts it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import HostLacks
from ..base.tuples import NamedTuple
from ..host import cgroup_usage
from ..host.cgroup_usage import Usage
from ..host.cgroups import V2

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


class Link(NamedTuple):
    """One network interface, as the container counts: what it received, and what it sent."""

    received_bytes: int
    received_packets: int
    received_errors: int
    received_dropped: int
    sent_bytes: int
    sent_packets: int
    sent_errors: int
    sent_dropped: int


class Sample(NamedTuple):
    """`at_ns` Unix nanoseconds; `cpu` percent of one processor since the sample before, `average` since its start;
    `links` None where the container has no network of its own.
    """

    id: str
    name: str
    at_ns: int
    usage: Usage
    cpu: float
    average: float
    links: dict[str, Link] | None

    @property
    def memory_percent(self) -> float:
        return self.usage.memory / self.usage.memory_limit * 100 if self.usage.memory_limit else 0.0


def sample(session: Session, container: Container, before: Sample | None = None) -> Sample | None:
    """None when it does not run. Raises HostLacks where nobody counts: containers without control groups."""
    facts = session.cgroups
    if facts.rootless and facts.mode != V2:
        raise HostLacks(
            f"measure container {container.name}", "a plain user's containers have no control groups without cgroup v2"
        )
    if not container.running:
        return None
    at = time.time_ns()
    try:
        usage = cgroup_usage.usage(facts, container.pid)
    except OSError:
        return None
    started = at if clock.is_zero(container.started_at) else clock.parse(container.started_at)
    average = _percent(usage.cpu_ns, at - started)
    cpu = average if before is None else _percent(usage.cpu_ns - before.usage.cpu_ns, at - before.at_ns)
    return Sample(container.id, container.name, at, usage, cpu, average, _links(container))


def _percent(used: int, span: int) -> float:
    return used / span * 100 if span > 0 and used > 0 else 0.0


def _links(container: Container) -> dict[str, Link] | None:
    """From the process' own view in /proc; interfaces of the host are nobody's own."""
    mode = jsonval.text(container.config, "networkMode") or jsonval.text(container.config, "networkNS")
    if mode in ("host", "none") or not jsonval.text(container.state, "netns"):
        return None
    found = {}
    try:
        with open(f"/proc/{container.pid}/net/dev", encoding="ascii", errors="replace") as file:
            for line in file.read().splitlines()[2:]:
                name, _colon, rest = line.partition(":")
                numbers = [int(word) for word in rest.split()]
                if name.strip() != "lo" and len(numbers) >= 12:
                    found[name.strip()] = Link(*numbers[:4], *numbers[8:12])
    except (OSError, ValueError):
        return None
    return found
