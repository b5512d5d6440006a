# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wish for a volume comes to. Pure.

A volume is never changed or remade by a deed that only needs it: its content is worth more than its options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .desired import VolumeDesired
    from .observed import VolumeView


class Difference(NamedTuple):
    """One option in which an existing volume differs from the wish."""

    option: str
    before: object
    after: object


class VolumePlan(NamedTuple):
    """`create`, or an existing volume with the `differences` that stay."""

    create: bool
    differences: tuple[Difference, ...] = ()


def plan(desired: VolumeDesired, observed: VolumeView | None) -> VolumePlan:
    """Only what the wish mentions is compared."""
    if observed is None:
        return VolumePlan(True)
    pairs: list[Difference] = []
    if desired.driver != observed.driver:
        pairs.append(Difference("driver", observed.driver, desired.driver))
    if desired.options and dict(desired.options) != observed.options:
        pairs.append(Difference("options", observed.options, dict(desired.options)))
    if desired.labels and not dict(desired.labels).items() <= observed.labels.items():
        pairs.append(Difference("labels", observed.labels, dict(desired.labels)))
    return VolumePlan(False, tuple(pairs))
