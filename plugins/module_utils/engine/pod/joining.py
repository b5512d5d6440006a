# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`pod: new:NAME` of a container: the pod is made along with it, and gets what of its options is a pod's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.values import replace
from ..container.desired import ContainerDesired
from . import create, model, planner
from .desired import CREATED, PodDesired, PodFlags
from .reconcile import reconcile
from .together import planned_facts

if TYPE_CHECKING:
    from ..container.membership import PodFacts
    from ..plan.change import Plan
    from ..session.session import Session

NEW = "new:"
#: What podman hands from a container to the pod that is made for it: the network, and the host name.
_OF_THE_POD = (
    "dns dns_option dns_search etc_hosts hostname hosts_file ip ip6 mac_address network network_aliases no_hosts"
    " publish"
).split()


def parted(wish: ContainerDesired) -> tuple[PodDesired, ContainerDesired]:
    """The pod, and the container without what the pod has now. Raises BadInput."""
    from .params import parse

    name = (wish.pod or "")[len(NEW) :]
    if not name:
        raise BadInput("read pod", "new: needs a name, as in new:shop")
    pod = parse({"name": name})
    given = {option: getattr(wish, option) for option in _OF_THE_POD}
    base = replace(pod.base, **given)
    return replace(pod, base=base), replace(wish, pod=name, **dict.fromkeys(_OF_THE_POD))  # type: ignore[arg-type]


def ensure(
    session: Session, wish: ContainerDesired, *, check: bool, command: tuple[str, ...] = ()
) -> tuple[ContainerDesired, PodFacts | None, Plan]:
    """Make the pod unless it is there; the container's wish, the pod that check mode did not make, the pod's plan."""
    pod, rest = parted(wish)
    if command and not check and model.by_name(session, pod.name) is None:
        create.create(session, pod, command)
    plan = reconcile(session, pod, PodFlags(CREATED), check=check).plan
    planned = None
    if check and model.by_name(session, pod.name) is None:
        planned = planned_facts(pod, planner.build(pod, create.surroundings(session, pod, real=False)))
    return rest, planned, plan
