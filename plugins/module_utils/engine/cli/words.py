# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for people: ages, ports, commands, as podman prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.clock import is_zero, parse
from ..base.units import human_duration

if TYPE_CHECKING:
    from ..base.jsonval import Json

_COMMAND_WIDTH = 20


def ago(moment: str, now_ns: int) -> str:
    """`2 hours ago`; "" for a time that never was."""
    return "" if is_zero(moment) else f"{age(moment, now_ns)} ago"


def age(moment: str, now_ns: int) -> str:
    return human_duration(max(0.0, (now_ns - parse(moment)) / 1e9))


def go_time(moment: str) -> str:
    """`2026-01-31 12:00:00.5 +0000 UTC`, as Go prints a time in UTC."""
    if is_zero(moment):
        return "0001-01-01 00:00:00 +0000 UTC"
    return moment.replace("T", " ", 1).rstrip("Z") + " +0000 UTC"


def command(words: list[str], full: bool) -> str:
    text = " ".join(words)
    return text if full or len(text) <= _COMMAND_WIDTH else text[: _COMMAND_WIDTH - 3] + "..."


def size(count: int) -> str:
    """`2.04 MB`: three digits, powers of 1000."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def port(mapping: Json) -> str:
    """`127.0.0.1:9000-9001->90-91/udp` of one of libpod's port mappings."""
    count = max(jsonval.number(mapping, "range", 1), 1)
    inside = _range(jsonval.number(mapping, "container_port"), count)
    outside = _range(jsonval.number(mapping, "host_port"), count)
    address = jsonval.text(mapping, "host_ip") or "0.0.0.0"
    return f"{address}:{outside}->{inside}/{jsonval.text(mapping, 'protocol', 'tcp')}"


def _range(first: int, count: int) -> str:
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def go_duration(nanoseconds: int) -> str:
    """`22.679067ms`, `1m2.5s`, as Go prints a duration."""
    if nanoseconds == 0:
        return "0s"
    for unit, scale in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < scale * 1000:
            return f"{_decimal(nanoseconds, scale)}{unit}"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    seconds = f"{_decimal(rest, 1_000_000_000)}s"
    if not minutes:
        return seconds
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}"


def _decimal(number: int, scale: int) -> str:
    whole, rest = divmod(number, scale)
    digits = len(str(scale)) - 1
    fraction = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
