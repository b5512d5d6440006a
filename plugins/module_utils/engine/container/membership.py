# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What being in a pod makes of a container: the namespaces of the pod's infra container, its cgroup, its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput
from ..base.values import dataclass, replace
from ..spec import namespaces, networks
from ..spec.namespaces import Mode
from ..spec.restart import RestartPolicy

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..libpod.rows import PodRow
    from .desired import ContainerDesired
    from .surroundings import Peer, Surroundings

SANDBOX = "io.kubernetes.cri-o.SandboxID"  # podman notes there to whom a container of a pod belongs
_SECCOMP = "io.podman.annotations.seccomp"
_USERNS = "io.podman.annotations.userns"
#: A word of `share`, the key of a pod's config, and the namespace's type in a runtime spec.
SHARES = (
    ("pid", "sharesPid", "pid"),
    ("ipc", "sharesIpc", "ipc"),
    ("net", "sharesNet", "network"),
    ("user", "sharesUser", "user"),
    ("uts", "sharesUts", "uts"),
    ("cgroup", "sharesCgroupNS", "cgroup"),
)
_OPTION = {"pid": "pid", "ipc": "ipc", "user": "userns", "uts": "uts", "cgroup": "cgroupns"}
_OF_THE_NETWORK = ("publish", "publish_all", "ip", "ip6", "mac_address", "network_aliases")


@dataclass(frozen=True)
class PodFacts:
    """A pod as a container that joins it, or its `infra` container itself (`is_infra`), has to know it.

    `shares` are words of `share`; `cgroup` the group that its containers are in, "" for none; `hostname` only where the
    pod was given one; `restart` the policy of containers that have none.
    """

    id: str
    name: str
    infra: Peer | None = None
    shares: frozenset[str] = frozenset()
    cgroup: str = ""
    hostname: str = ""
    restart: RestartPolicy | None = None
    is_infra: bool = False


def shares_of(config: Json) -> frozenset[str]:
    return frozenset(word for word, key, _kind in SHARES if jsonval.flag(config, key))


def policy_of(config: Json) -> RestartPolicy | None:
    name = jsonval.text(config, "RestartPolicy")
    return RestartPolicy(name, jsonval.number(config, "RestartRetries")) if name else None


def facts_of(row: PodRow, infra: Peer | None, *, own_groups: bool) -> PodFacts:
    """`own_groups` where this user's containers are put into cgroups by us: without, podman notes none for members."""
    config = row.config
    return PodFacts(
        id=row.id,
        name=row.name,
        infra=infra,
        shares=shares_of(config) if infra is not None else frozenset(),
        cgroup=jsonval.text(row.state, "cgroupPath") if own_groups else "",
        hostname=jsonval.text(config, "hostname"),
        restart=policy_of(config),
    )


def joined(wish: ContainerDesired, pod: PodFacts) -> ContainerDesired:
    """The wish with what the pod decides filled in. Raises BadInput for what only the pod can be given."""
    _check(wish, pod)
    if wish.restart_policy is None and pod.restart is not None:
        wish = replace(wish, restart_policy=pod.restart)
    if pod.infra is None:
        return wish
    if wish.shm_size is None and wish.ipc is None and "ipc" in pod.shares:
        wish = replace(wish, shm_size=jsonval.number(pod.infra.config, "shmSize") or None)
    found: dict[str, Mode] = {}
    if "net" in pod.shares and wish.network is None:
        mode = _mode(pod.infra, "network")
        kind = networks.HOST if mode.kind == namespaces.HOST else networks.CONTAINER
        wish = replace(wish, network=networks.NetworkWish(kind, mode.value))
    for word, option in _OPTION.items():
        if word in pod.shares and getattr(wish, option) is None:
            kind = next(kind for name, _key, kind in SHARES if name == word)
            if word == "user" and not has_user_namespace(pod.infra.config):
                continue
            found[option] = _mode(pod.infra, kind)
    if "userns" in found and wish.user is None and _keeps_id(pod.infra.config):
        wish = replace(wish, user=jsonval.text(pod.infra.config, "user"))
    return replace(wish, **found)  # type: ignore[arg-type]  # options that are modes


def settled(wish: ContainerDesired, around: Surroundings) -> tuple[ContainerDesired, Surroundings]:
    """`joined` for a member of a pod, and the infra container among those that the wish may refer to, by its id."""
    pod = around.pod
    if pod is None or pod.is_infra:
        return wish, around
    wish = joined(wish, pod)
    return wish, around if pod.infra is None else replace(around, peers={**around.peers, pod.infra.id: pod.infra})


def _check(wish: ContainerDesired, pod: PodFacts) -> None:
    deed = f"create container {wish.name} in pod {pod.name}"
    if "net" in pod.shares and wish.network is None:
        given = [option for option in _OF_THE_NETWORK if getattr(wish, option)]
        if given:
            raise BadInput(deed, f"the network is the pod's, and so are {', '.join(given)}", "Give them to the pod")
    if "uts" in pod.shares and wish.uts is None and wish.hostname:
        raise BadInput(deed, "the hostname is the pod's", "Give hostname to the pod, or the container a uts of its own")
    if wish.userns is not None or wish.uidmap or wish.gidmap:
        raise BadInput(deed, "a user namespace belongs to the whole pod", "Give userns, uidmap or gidmap to the pod")


def _mode(infra: Peer, kind: str) -> Mode:
    """The infra container's namespace, or the host's where it has none of its own."""
    spaces = jsonval.tables(jsonval.table(jsonval.table(infra.config, "spec"), "linux"), "namespaces")
    if kind != "user" and not any(space.get("type") == kind for space in spaces):
        return Mode(namespaces.HOST)
    return Mode(namespaces.CONTAINER, infra.id)


def has_user_namespace(config: Json) -> bool:
    options = jsonval.table(config, "idMappingsOptions")
    return bool(options.get("UIDMap")) or jsonval.flag(options, "AutoUserNs")


def _keeps_id(infra: Json) -> bool:
    """Whether the caller is to be themselves inside; then they are the user of all containers, unless one is named."""
    mode = jsonval.text(jsonval.table(jsonval.table(infra, "spec"), "annotations"), _USERNS)
    return mode.partition(":")[0] == "keep-id"


def _inherit_walls(config: Json, wish: ContainerDesired, infra: Json) -> None:
    """The profile that the pod's containers are to be under, for one that has none of its own."""
    theirs = jsonval.table(infra, "spec")
    profile = jsonval.text(jsonval.table(theirs, "annotations"), _SECCOMP)
    own = wish.security_opt.seccomp if wish.security_opt is not None else ""
    if not profile or own or wish.privileged:
        return
    spec = dict(jsonval.table(config, "spec"))
    linux = dict(jsonval.table(spec, "linux"))
    filters = jsonval.table(theirs, "linux").get("seccomp")
    if filters is None:
        linux.pop("seccomp", None)
    else:
        linux["seccomp"] = filters
    spec["linux"] = linux
    spec["annotations"] = {**jsonval.table(spec, "annotations"), _SECCOMP: profile}
    config["spec"] = spec


def adopted(config: Json, wish: ContainerDesired, pod: PodFacts) -> None:
    """Write into a config what the row of a pod's container holds beside the namespaces."""
    config["pod"] = pod.id
    if pod.is_infra:
        config["pause"] = True
    else:
        maps = dict(jsonval.table(config, "idMappingsOptions"))
        config["idMappingsOptions"] = {**maps, "HostUIDMapping": False, "HostGIDMapping": False}
        if pod.infra is not None:
            _inherit_walls(config, wish, pod.infra.config)
    if wish.cgroups != "disabled" and wish.cgroup_parent is None and pod.cgroup:
        config["cgroupParent"] = pod.cgroup


def notes(pod: PodFacts) -> dict[str, str]:
    """Annotations of a member."""
    return {} if pod.is_infra else {SANDBOX: pod.infra.id if pod.infra is not None else pod.id}
