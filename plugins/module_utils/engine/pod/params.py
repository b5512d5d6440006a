# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to a PodDesired: the options of podman_pod of containers.podman 1.20."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..container import params as containers
from ..container import readers
from ..container.desired import ContainerDesired
from ..spec import restart
from .desired import CONTINUE, DEFAULT_SHARE, STOP, PodDesired, PodFlags

if TYPE_CHECKING:
    from collections.abc import Mapping

    Params = Mapping[str, object]

_STATES = ("absent", "created", "killed", "paused", "restarted", "started", "stopped", "unpaused")
#: An option of a pod, and the option of its infra container that it is.
_INFRA = {
    "add_host": "etc_hosts",
    "device": "device",
    "dns": "dns",
    "dns_opt": "dns_option",
    "dns_search": "dns_search",
    "gidmap": "gidmap",
    "gpus": "gpus",
    "hostname": "hostname",
    "hosts_file": "hosts_file",
    "infra_command": "entrypoint",
    "infra_conmon_pidfile": "conmon_pidfile",
    "infra_image": "image",
    "ip": "ip",
    "ip6": "ip6",
    "mac_address": "mac_address",
    "network": "network",
    "network_alias": "network_aliases",
    "no_hostname": "no_hostname",
    "no_hosts": "no_hosts",
    "pid": "pid",
    "publish": "publish",
    "security_opt": "security_opt",
    "shm_size": "shm_size",
    "shm_size_systemd": "shm_size_systemd",
    "subgidname": "subgidname",
    "subuidname": "subuidname",
    "sysctl": "sysctl",
    "uidmap": "uidmap",
    "userns": "userns",
    "uts": "uts",
    "volume": "volume",
    "volumes_from": "volumes_from",
}
LIMITS = (
    "blkio_weight",
    "blkio_weight_device",
    "cpu_shares",
    "cpus",
    "cpuset_cpus",
    "cpuset_mems",
    "device_read_bps",
    "device_write_bps",
    "memory",
    "memory_swap",
)
_SHARED = ("cgroup", "ipc", "net", "pid", "user", "uts")


def parse(params: Params, files: Mapping[str, bytes] | None = None) -> PodDesired:
    """`files` holds the content of what `files_needed` names. Raises BadInput."""
    given = {key: value for key, value in params.items() if value is not None}
    name = containers.parse({"name": given.get("name", "")}).name
    labels = _labels(given, name, files or {})
    found: dict[str, object] = {
        "label": labels,
        "share": _share(given),
        "infra": _flag(given, "infra"),
        "share_parent": _flag(given, "share_parent"),
        "restart_policy": _restart(given),
    }
    for option in ("infra_name", "cgroup_parent", "pod_id_file"):
        if option in given:
            found[option] = readers.text(given[option], option)
    if found.get("infra_name"):
        containers.parse({"name": found["infra_name"]})
    if "exit_policy" in given:
        found["exit_policy"] = readers.one_of(CONTINUE, STOP)(given["exit_policy"], "exit_policy")
    made = PodDesired(name, _base(given, name, files or {}), _limits(given, name), **found)  # type: ignore[arg-type]
    _check(made, given)
    return made


def parse_flags(params: Params) -> PodFlags:
    state = readers.one_of(*_STATES)(params.get("state") or "created", "state")
    return PodFlags(state, bool(params.get("recreate")))


def files_needed(params: Params) -> tuple[str, ...]:
    return containers.files_needed(_translated({key: value for key, value in params.items() if value is not None}))


def _translated(given: Params) -> dict[str, object]:
    found = {inner: given[outer] for outer, inner in _INFRA.items() if outer in given}
    if "label_file" in given:
        found["label_file"] = given["label_file"]
    return found


def _base(given: Params, name: str, files: Mapping[str, bytes]) -> ContainerDesired:
    options = _translated(given)
    options.pop("label_file", None)
    return containers.parse({"name": name, **options}, files)


def _limits(given: Params, name: str) -> ContainerDesired:
    options = {option: given[option] for option in LIMITS if option in given}
    pairs = options.get("blkio_weight_device")
    if isinstance(pairs, (list, tuple)):
        options["blkio_weight_device"] = dict(str(item).rpartition(":")[::2] for item in pairs)
    return containers.parse({"name": name, **options})


def _labels(given: Params, name: str, files: Mapping[str, bytes]) -> Mapping[str, str] | None:
    options = {option: given[option] for option in ("label", "label_file") if option in given}
    return containers.parse({"name": name, **options}, files).label if options else None


def _flag(given: Params, option: str) -> bool | None:
    return readers.flag(given[option], option) if option in given else None


def _restart(given: Params) -> restart.RestartPolicy | None:
    value = given.get("restart_policy")
    if value is None:
        return None
    return restart.parse(value if isinstance(value, bool) else readers.text(value, "restart_policy"))


def _share(given: Params) -> frozenset[str] | None:
    """`ipc,net`; `+pid` is the default and pid; `none` or "" is nothing."""
    if "share" not in given:
        return None
    text = readers.text(given["share"], "share").strip()
    adds = text.startswith("+")
    words = [word.strip().lstrip("+") for word in text.split(",") if word.strip()]
    if words == ["none"]:
        return frozenset()
    for word in words:
        if word not in _SHARED:
            raise BadInput("read share", f"{word[:20]!r} is not one of {', '.join(_SHARED)}, none")
    return frozenset(words) | (DEFAULT_SHARE if adds else frozenset())


def _check(made: PodDesired, given: Params) -> None:
    if made.has_infra:
        if made.base.userns is not None and made.base.userns.kind == "container":
            raise BadInput("read userns", "a pod has a user namespace of its own or the host's")
        if made.base.network is not None and made.base.network.mode == "container":
            raise BadInput("read network", "a pod cannot share the network of a container; name the network itself")
        return
    lost = sorted(option for option in (*_INFRA, "infra_name") if given.get(option))
    if lost:
        raise BadInput(
            f"read the options of pod {made.name}", f"without an infra container there is nothing for {', '.join(lost)}"
        )
