# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operating system, architecture and variant of an image, and which instance of an index suits a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: uname -m -> (architecture, variant) in the words of the image specification (those of Go's GOARCH).
_MACHINES = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", "v8"),
    "arm64": ("arm64", "v8"),
    "armv8l": ("arm", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armv5tel": ("arm", "v5"),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
    "loongarch64": ("loong64", ""),
    "mips64": ("mips64le", ""),
}
#: Other spellings that people use for an architecture.
_ALIASES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
    "armhf": "arm",
    "armel": "arm",
}
#: From the most to the least capable; a host runs its own variant and everything after it.
_VARIANTS = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",), "amd64": ("v4", "v3", "v2", "v1")}


class Platform(NamedTuple):
    """``variant`` is empty where the architecture has none or nobody said."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def candidates(self) -> tuple[Platform, ...]:
        """Platforms whose images run here, best first: the named variant, weaker ones, then images that name none."""
        ladder = _VARIANTS.get(self.architecture, ())
        variants: tuple[str, ...]
        if self.variant in ladder:
            variants = ladder[ladder.index(self.variant) :] + ("",)
        elif self.variant:
            variants = (self.variant, "")
        elif self.architecture == "amd64":
            # The bare architecture is the baseline, so only its first level is sure to run.
            variants = ("", "v1")
        else:
            variants = ("", *ladder)
        return tuple(Platform(self.os, self.architecture, variant) for variant in variants)


def host_platform(machine: str) -> Platform:
    """The platform of ``os.uname().machine``.  An unknown machine keeps its name: an index has to say the same."""
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    return Platform("linux", architecture, variant)


def parse(text: str) -> Platform:
    """``linux/arm64/v8``, ``linux/arm64`` or ``arm64``.  Raises BadInput."""
    parts = text.strip().split("/")
    if not all(parts) or len(parts) > 3:
        raise BadInput(f"read platform {text!r}", "it must be OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64/v8")
    if len(parts) == 1:
        parts = ["linux", parts[0]]
    return choose(Platform(), os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) == 3 else "")


def choose(host: Platform, *, os: str = "", architecture: str = "", variant: str = "") -> Platform:
    """The wanted platform: what was asked for, the host's for the rest (its variant only with its own architecture)."""
    wanted_arch = _ALIASES.get(architecture.lower(), architecture.lower()) if architecture else host.architecture
    if not variant and wanted_arch == host.architecture:
        variant = host.variant
    return Platform(os.lower() or host.os, wanted_arch, variant)


def from_json(raw: Mapping[str, object]) -> Platform:
    """The ``platform`` object of an index entry; what is missing or no text stays empty, so that nothing matches it."""
    values = [raw.get(key) for key in ("os", "architecture", "variant")]
    return Platform(*(value if isinstance(value, str) else "" for value in values))
