# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource limits of a process, `--ulimit NAME=SOFT[:HARD]` of podman-run(1)."""

from __future__ import annotations

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

UNLIMITED = 2**64 - 1  # how the OCI runtime spec writes RLIM_INFINITY
#: What podman gives where nobody says anything, and the host can.
DEFAULT = 1048576
_NAMES = frozenset(
    ("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio")
    + ("rttime", "sigpending", "stack")
)


class Ulimit(NamedTuple):
    """`name` in lower case without RLIMIT_; `soft` and `hard` in the kernel's unit, UNLIMITED for none."""

    name: str
    soft: int
    hard: int

    @property
    def rlimit(self) -> str:
        return f"RLIMIT_{self.name.upper()}"

    def __str__(self) -> str:
        soft, hard = ("-1" if value == UNLIMITED else str(value) for value in (self.soft, self.hard))
        return f"{self.name}={soft}:{hard}"


def parse(text: str) -> Ulimit:
    """Raises BadInput."""
    name, equals, limits = text.strip().partition("=")
    name = name.strip().lower()
    name = name[7:] if name.startswith("rlimit_") else name
    if name not in _NAMES:
        raise _bad(text, f"{name[:40]!r} is not a limit; known: {', '.join(sorted(_NAMES))}")
    if not equals:
        raise _bad(text, "expected NAME=SOFT[:HARD], as in nofile=1024:4096")
    soft_text, colon, hard_text = limits.partition(":")
    soft = _value(soft_text, text)
    hard = _value(hard_text, text) if colon else soft
    if soft > hard:
        raise _bad(text, "the soft limit is above the hard limit")
    return Ulimit(name, soft, hard)


def parse_all(texts: list[str]) -> tuple[Ulimit, ...]:
    """The last of two limits of one name counts, as on the command line; sorted by name."""
    found = {limit.name: limit for limit in map(parse, texts)}
    return tuple(found[name] for name in sorted(found))


def _value(text: str, whole: str) -> int:
    word = text.strip().lower()
    if word in ("-1", "unlimited"):
        return UNLIMITED
    if not (word.isascii() and word.isdigit()) or int(word) > UNLIMITED:
        raise _bad(whole, f"{text[:40]!r} is not a limit: a number, -1 or unlimited")
    return int(word)


def _bad(text: str, cause: str) -> BadInput:
    return BadInput(f"read ulimit {text[:80]!r}", cause)
