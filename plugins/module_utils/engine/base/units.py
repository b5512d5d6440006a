# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and durations in the spellings of the podman and docker command lines."""

from __future__ import annotations

import re

from . import patterns
from .errors import BadInput

_SIZE = patterns.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgtpe]?)(?:i?b)?\s*$", patterns.IGNORECASE | patterns.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_PART = patterns.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)", patterns.ASCII)
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}


def parse_size(value: str | int, what: str = "size") -> int:
    """Bytes of `512m`, `0.5g`, `1.5GiB`, `64b` or a number; units are powers of 1024 (docker/go-units RAMInBytes).

    Raises BadInput; a negative number is not a size.
    """
    found = _SIZE.match(str(value))
    if not found:
        raise BadInput(f"read {what}", f"{str(value)[:60]!r} is not a size such as 512m, 1.5g or 1048576")
    number, unit = found.groups()
    scale = 1 << (10 * _POWERS[unit.lower()])
    if "." in number:
        whole, fraction = number.split(".", 1)
        exact = int(whole or "0") * scale
        return exact + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
    return int(number) * scale


def parse_duration(value: str | int | float, what: str = "duration") -> int:
    """Nanoseconds of `1m30s`, `500ms` (Go's time.ParseDuration) or of a bare number of seconds. Raises BadInput."""
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text, re.ASCII):
        text += "s"
    total, position = 0, 0
    for part in _PART.finditer(text):
        if part.start() != position:
            break
        position = part.end()
        whole, dot, fraction = part.group(1).partition(".")
        unit = _NANOSECONDS[part.group(2)]
        total += int(whole or "0") * unit
        if dot and fraction:
            total += int(fraction) * unit // 10 ** len(fraction)
    if not text or position != len(text):
        raise BadInput(f"read {what}", f"{text[:60]!r} is not a duration such as 30s, 1m30s or 500ms")
    return total


def human_size(count: int) -> str:
    """`1.5 MB`, in powers of 1000 with up to four digits, as podman images prints sizes."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{count} B"


def human_duration(seconds: float) -> str:
    """`5 minutes`, `About an hour`, as podman ps prints ages (docker/go-units HumanDuration)."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for limit, divisor, noun in (
        (48, 1, "hours"),
        (24 * 14, 24, "days"),
        (24 * 60, 168, "weeks"),
        (24 * 730, 720, "months"),
    ):
        if hours < limit:
            return f"{hours // divisor} {noun}"
    return f"{hours // 8760} years"
