# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks, volumes, images and pods as the texts of `.network`, `.volume`, `.image` and `.pod` files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import flags, settings
from .unit import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

_NETWORK = settings.table(
    """
    text name NetworkName
    text internal Internal
    text driver Driver
    each gateway Gateway
    text disable_dns DisableDNS
    each subnet Subnet
    each ip_range IPRange
    text ipv6 IPv6
    pairs opt Options
    each dns DNS
    text ipam_driver IPAMDriver
    words label Label
    text interface_name InterfaceName
    """
)
_VOLUME = settings.table("text name VolumeName\ntext driver Driver\nwords label Label")
_IMAGE = settings.table(
    """
    text arch Arch
    text auth_file AuthFile
    text ca_cert_dir CertDir
    text name Image
    text validate_certs TLSVerify
    """
)
#: What an older podman knows as settings of a pod; the rest goes to its command line.
_POD = settings.table("text name PodName\neach network Network\neach publish PublishPort\neach volume Volume")
_POD_FLAGS = flags.table(
    """
    each add_host
    one blkio_weight
    each blkio_weight_device
    one cgroup_parent
    one cpu_shares
    one cpus
    one cpuset_cpus
    one cpuset_mems
    each device
    each device_read_bps
    each device_write_bps
    each dns
    each dns_opt --dns-option
    each dns_search
    one exit_policy
    each gidmap
    one gpus
    one hostname
    one hosts_file
    truth infra
    one infra_command
    one infra_conmon_pidfile
    one infra_image
    one infra_name
    one ip
    one ip6
    pairs label
    one label_file
    one mac_address
    one memory
    one memory_swap
    each network_alias
    truth no_hostname
    truth no_hosts
    one pid
    one pod_id_file
    one restart_policy --restart
    each security_opt
    one share
    truth share_parent
    one shm_size
    one shm_size_systemd
    one subgidname
    one subuidname
    pairs sysctl
    each uidmap
    one userns
    one uts
    each volumes_from
    """
)


def pod(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    if params.get("containers"):
        raise BadInput(
            "write a unit file for the pod",
            "a .pod file names no containers",
            f"Write each by the module container, with state quadlet and pod: {params['name']}.pod",
        )
    values = dict(params)
    found = [*settings.of(values, _POD)]
    if values.get("debug") is True:
        found.append(("GlobalArgs", "--log-level debug"))
    found += [("PodmanArgs", argument) for argument in flags.of(values, _POD_FLAGS)]
    return Unit("Pod", tuple(found))


def network(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    values = dict(params)
    listed = values.get("net_config")
    if isinstance(listed, list):
        for key in ("subnet", "gateway", "ip_range"):
            values[key] = [item.get(key) for item in listed if item.get(key)]
    if values.get("macvlan"):
        values["driver"] = "macvlan"
        values["opt"] = {**_mapping(values.get("opt")), "parent": values["macvlan"]}
    found = [*settings.of(values, _NETWORK)]
    return Unit("Network", (*found, *_arguments(values, "each route")))


def volume(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    return Unit("Volume", (*settings.of(params, _VOLUME), *_arguments(params, "each options --opt\none uid\none gid")))


def image(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    if params.get("password"):
        raise BadInput(
            "write password into a unit file",
            "everybody who may look at processes would see it, on podman's command line",
            "Log in to the registry, and name the file with auth_file",
        )
    values = dict(params)
    tag = str(params.get("tag") or "latest")
    name = str(params["name"])
    if ":" not in name.rpartition("/")[2] and "@" not in name and tag != "latest":
        values["name"] = f"{name}:{tag}"
    return Unit("Image", (*settings.of(values, _IMAGE), *_arguments(values, "one os\none platform\none variant")))


def _arguments(values: Mapping[str, object], table: str) -> list[tuple[str, str]]:
    return [("PodmanArgs", argument) for argument in flags.of(values, flags.table(table))]


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
