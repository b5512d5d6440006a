# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits as properties of a systemd unit (systemd.resource-control(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from .cgroup_limits import weight_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Union

    from ..base.jsonval import Json

    Value = Union[int, bytes, list[tuple[str, int]]]

_FREE = 2**64 - 1


def properties(limits: Json, before: Json) -> list[tuple[str, str, Value]]:
    """(name, D-Bus type, value); what only `before` had is set free."""
    found = {name: (name, kind, free) for name, kind, _value, free in _settings(before)}
    found.update({name: (name, kind, value) for name, kind, value, _free in _settings(limits)})
    return list(found.values())


def _settings(limits: Json) -> Iterator[tuple[str, str, Value, Value]]:
    memory, cpu, block = (jsonval.table(limits, part) for part in ("memory", "cpu", "blockIO"))
    limit, swap = jsonval.number(memory, "limit"), jsonval.number(memory, "swap")
    if limit:
        yield "MemoryMax", "t", limit, _FREE
    if swap:
        yield "MemorySwapMax", "t", max(0, swap - limit), _FREE
    shares, quota = jsonval.number(cpu, "shares"), jsonval.number(cpu, "quota")
    if shares:
        yield "CPUWeight", "t", weight_of(shares), _FREE
    if quota > 0:
        period = jsonval.number(cpu, "period") or 100_000
        yield "CPUQuotaPerSecUSec", "t", quota * 1_000_000 // period, _FREE
    for key, name in (("cpus", "AllowedCPUs"), ("mems", "AllowedMemoryNodes")):
        if jsonval.text(cpu, key):
            yield name, "ay", _mask(jsonval.text(cpu, key)), b""
    if jsonval.number(block, "weight"):
        yield "IOWeight", "t", jsonval.number(block, "weight"), _FREE
    for key, name, value in (
        ("weightDevice", "IODeviceWeight", "weight"),
        ("throttleReadBpsDevice", "IOReadBandwidthMax", "rate"),
        ("throttleWriteBpsDevice", "IOWriteBandwidthMax", "rate"),
    ):
        devices = [
            (f"/dev/block/{device['major']}:{device['minor']}", jsonval.number(device, value))
            for device in jsonval.tables(block, key)
        ]
        if devices:
            yield name, "a(st)", devices, []


def _mask(text: str) -> bytes:
    """`0-2,5` as the bits of a little-endian number."""
    bits = 0
    for part in text.split(","):
        first, _dash, last = part.strip().partition("-")
        for number in range(int(first), int(last or first) + 1):
            bits |= 1 << number
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
