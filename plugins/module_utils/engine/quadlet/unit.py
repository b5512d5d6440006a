# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a unit file for podman's generator, and what of it counts when two are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from .words import section

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = "# Written by daemonless.oci; changes made here are lost with the next run of its task."


class Unit(NamedTuple):
    """The settings of its own section, those for [Service], and what to tell whoever asked for it."""

    name: str
    settings: tuple[tuple[str, str], ...]
    service: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def render(unit: Unit, options: Sequence[str] = ()) -> str:
    """`options` are lines for the unit's own section, or whole sections; a [Service] among them takes ours away."""
    own = [text.strip("\n") for text in options if not text.lstrip().startswith("[")]
    sections = [text.strip("\n") for text in options if text.lstrip().startswith("[")]
    made = f"{MARK}\n" + section(unit.name, unit.settings) + "".join(f"{text}\n" for text in own)
    if unit.service and not any("[Service]" in text for text in options):
        made += "\n" + section("Service", unit.service)
    if sections:
        made += "\n" + "\n".join(sections) + "\n"
    return made


def meant(text: str) -> list[str]:
    """Its lines without comments: two files that agree in these are the same."""
    return [line.rstrip() for line in text.splitlines() if not line.startswith(("#", ";"))]


def ours(text: str) -> bool:
    return text.startswith(MARK)
