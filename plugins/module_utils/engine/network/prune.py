# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that no container names, and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import clock
from ..base.filters import by_label_and_age, refuse_others
from ..plan.pruning import NETWORK, Doomed
from .observed import named_networks
from .steps import remove_unused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..base.filters import Filter
    from ..session.session import Session

_KEYS = ("label", "until")


def unused(session: Session, filters: Sequence[Filter], gone: Iterable[str] = ()) -> list[Doomed]:
    """All but the default network; `gone` are ids of containers that will not be there any more. Raises BadInput."""
    refuse_others(filters, _KEYS, "networks to remove")
    absent = set(gone)
    used = {session.net.settings.default_network}
    for row in session.database.containers():
        if row.id not in absent:
            used.update(named_networks(row.config))
    found = []
    for network in session.networks.all():
        if network.name in used:
            continue
        if by_label_and_age(filters, network.labels, clock.parse_or_zero(network.created)):
            found.append(Doomed(NETWORK, network.id, (network.name,)))
    return found


def remove(session: Session, doomed: Doomed) -> None:
    """Raises InUse when a container names it meanwhile."""
    remove_unused(session, f"remove network {doomed.names[0]}", doomed.names[0])
