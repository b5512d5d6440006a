# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time stamps as Go's encoding/json writes them (RFC 3339 with up to nine fractional digits)."""

from __future__ import annotations

import time

from . import patterns
from .errors import BadInput

ZERO = "0001-01-01T00:00:00Z"  # Go's zero time: "never"
_SECOND = 1_000_000_000
_SHAPE = patterns.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:([Zz])|([+-])(\d\d):?(\d\d))$", patterns.ASCII
)
_YEAR_ONE_NS = -62135596800 * _SECOND


def now() -> str:
    """The present, UTC."""
    return from_unix_ns(time.time_ns())


def from_unix_ns(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as UTC text, trailing zeros of the fraction dropped as Go does."""
    seconds, fraction = divmod(nanoseconds, _SECOND)
    moment = time.gmtime(seconds)
    text = f"{moment.tm_year:04d}-" + time.strftime("%m-%dT%H:%M:%S", moment)
    if fraction:
        text = f"{text}.{fraction:09d}".rstrip("0")
    return text + "Z"


def parse(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time with any offset. Raises BadInput."""
    found = _SHAPE.match(text)
    if not found:
        raise BadInput("read time", f"{text[:60]!r} is not RFC 3339, as in 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second, fraction, utc, sign, off_hour, off_minute = found.groups()
    if not 1 <= int(month) <= 12:
        raise BadInput("read time", f"{text[:60]!r}: there is no month {month}")
    days = _days(int(year), int(month), int(day))
    seconds = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    if not utc:
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * _SECOND + int((fraction or "").ljust(9, "0"))


def parse_or_zero(text: str) -> int:
    """As `parse`, and 0 for what is no time: older than any."""
    try:
        return parse(text)
    except BadInput:
        return 0


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the Gregorian calendar (the module calendar would load datetime and locale for this).

    Years are counted from March, so that the leap day is the last of them.
    """
    year -= month < 3
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719468


def is_zero(text: str) -> bool:
    """Whether a time means "never": empty, or Go's year one."""
    return not text or text.startswith("0001-01-01T00:00:00") or parse(text) <= _YEAR_ONE_NS
