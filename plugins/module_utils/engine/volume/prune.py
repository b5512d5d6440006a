# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that no container uses, and removing them with all that is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import BadInput, NotFound
from ..base.filters import by_label_and_age, refuse_others, truth
from ..host.sizes import tree_bytes
from ..plan.pruning import VOLUME, Doomed
from . import observed, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..base.filters import Filter
    from ..session.session import Session
    from .observed import VolumeView

_KEYS = ("after", "all", "anonymous", "driver", "label", "name", "opt", "since", "until")


def unused(session: Session, filters: Sequence[Filter], gone: Iterable[str] = ()) -> list[Doomed]:
    """`gone` are ids of containers that will not be there any more. Raises BadInput, NotFound for filters."""
    refuse_others(filters, _KEYS, "volumes to remove")
    absent = set(gone)
    found = []
    for volume in observed.all_volumes(session):
        if set(volume.users) - absent or not _fits(session, volume, filters):
            continue
        found.append(Doomed(VOLUME, volume.name, (volume.name,), tree_bytes(volume.mountpoint)))
    return found


def _fits(session: Session, volume: VolumeView, filters: Sequence[Filter]) -> bool:
    if not by_label_and_age(filters, volume.labels, clock.parse_or_zero(volume.created)):
        return False
    return all(_passes(session, volume, one) for one in filters if one.key not in ("label", "until"))


def _passes(session: Session, volume: VolumeView, one: Filter) -> bool:
    if one.key in ("all", "anonymous"):
        return volume.anonymous is truth(one) if one.key == "anonymous" else truth(one) or volume.anonymous
    if one.key in ("since", "after"):
        pivot = observed.find(session, one.value)
        if pivot is None:
            raise NotFound(f"read filter {one}", "there is no volume of this name")
        passes = clock.parse_or_zero(volume.created) > clock.parse_or_zero(pivot.created)
    elif one.key == "opt":
        key, _equals, value = one.value.partition("=")
        passes = key in volume.options and (not value or volume.options[key] == value)
    elif one.key == "driver":
        passes = volume.driver == one.value
    else:
        try:
            passes = re.search(one.value, volume.name) is not None
        except re.error as error:
            raise BadInput(f"read filter {one}", str(error)) from None
    return passes is not one.negated


def remove(session: Session, doomed: Doomed) -> None:
    """Raises InUse when a container uses it meanwhile."""
    steps.remove(session, doomed.names[0])
