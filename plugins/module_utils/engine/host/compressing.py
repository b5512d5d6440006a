# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed streams, the writing half: gzip and zstd, the same bytes for the same input on one host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..base.errors import BadInput, HostLacks
from ..base.optional import optional
from .compression import GZIP, NONE, ZSTD

if TYPE_CHECKING:
    from collections.abc import Callable

#: Kind -> the levels there are, and the usual one.
LEVELS = {GZIP: (1, 9, 5), ZSTD: (1, 20, 3)}


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Plain:
    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def check_level(kind: str, level: int | None) -> None:
    """Raises BadInput for a kind that is not written, or a level that it does not have."""
    deed = "choose a compression"
    if kind not in (NONE, GZIP, ZSTD):
        raise BadInput(deed, f"{kind!r} is not one of {NONE}, {GZIP}, {ZSTD}")
    if level is None:
        return
    if kind == NONE:
        raise BadInput(deed, "a level makes no sense without compression")
    least, most, _usual = LEVELS[kind]
    if not least <= level <= most:
        raise BadInput(deed, f"the levels of {kind} are {least} to {most}, not {level}")


def compressor(kind: str, level: int | None = None) -> Compressor:
    """Raises BadInput, HostLacks."""
    check_level(kind, level)
    if kind == NONE:
        return _Plain()
    strength = level or LEVELS[kind][2]
    if kind == GZIP:
        from .gzipping import Gzip

        return Gzip(strength)
    makers: tuple[Callable[[int], Compressor | None], ...] = (_zstd_library, _zstd_standard, _zstd_module)
    for maker in makers:
        found = maker(strength)
        if found is not None:
            return found
    raise HostLacks(
        "compress with zstd", "neither libzstd nor Python's zstandard module is on this host", "Install `zstd`"
    )


def _zstd_library(level: int) -> Compressor | None:
    from . import libzstd

    try:
        return libzstd.Compressor(level)
    except (OSError, AttributeError):
        return None


def _zstd_standard(level: int) -> Compressor | None:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    parameter = zstd.CompressionParameter
    made: Compressor = zstd.ZstdCompressor(options={parameter.compression_level: level, parameter.checksum_flag: 1})
    return made


def _zstd_module(level: int) -> Compressor | None:
    zstandard = optional("zstandard")
    if zstandard is None:
        return None
    made: Compressor = zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj()
    return made
