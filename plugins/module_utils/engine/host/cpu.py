# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instructions this host's processors have that a program may have found out at its start."""

from __future__ import annotations

_CPUINFO = "/proc/cpuinfo"
#: Beginnings of the names of x86's instruction sets in /proc/cpuinfo; its other flags are the kernel's own business.
_X86 = (
    *("3dnow", "abm", "adx", "aes", "amx", "avx", "bmi", "cldemote", "clflush", "clwb", "cmov", "cmpccxadd"),
    *("cx16", "cx8", "enqcmd", "erms", "f16c", "fma", "fpu", "fsgsbase", "fsrm", "fxsr", "gfni", "hle", "lahf_lm"),
    *("misalignsse", "mmx", "movbe", "movdir", "pclmulqdq", "pku", "pni", "popcnt", "prefetch", "rdpid", "rdrand"),
    *("rdseed", "rdtscp", "rtm", "serialize", "sha", "sm3", "sm4", "sse", "ssse3", "tbm", "tsc", "vaes", "vpclmul"),
    *("waitpkg", "xop", "xsave", "xgetbv"),
)
_NOT_SETS = ("tsc_adjust", "tsc_deadline_timer", "tsc_known_freq", "tsc_reliable", "tsc_scale")


def instruction_sets() -> tuple[str, ...]:
    """Sorted; () where the kernel does not tell."""
    try:
        with open(_CPUINFO, encoding="ascii", errors="replace") as file:
            return sets_in(file.read())
    except OSError:
        return ()


def sets_in(cpuinfo: str) -> tuple[str, ...]:
    """Those that every processor in the text of /proc/cpuinfo has: x86 calls them flags, arm features, riscv isa."""
    found: set[str] | None = None
    for line in cpuinfo.splitlines():
        key, _colon, value = line.partition(":")
        kind = key.strip().lower()
        if kind not in ("flags", "features", "isa"):
            continue
        words = set(value.split())
        if kind == "flags":
            words = {word for word in words if word.startswith(_X86) and word not in _NOT_SETS}
        found = words if found is None else found & words
    return tuple(sorted(found or ()))
