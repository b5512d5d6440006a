# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`pod inspect` as podman 5 prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import flag, table, tables, text, texts
from ..container.membership import SHARES

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.model import Container
    from ..session.session import Session
    from .model import Pod

_LIMITS = (
    ("cpu_period", "cpu", "period"),
    ("cpu_quota", "cpu", "quota"),
    ("cpu_shares", "cpu", "shares"),
    ("cpuset_cpus", "cpu", "cpus"),
)
_MORE_LIMITS = (
    ("memory_limit", "memory", "limit"),
    ("memory_swap", "memory", "swap"),
    ("blkio_weight", "blockIO", "weight"),
    ("cpuset_mems", "cpu", "mems"),
)


def inspect(session: Session, pod: Pod) -> Json:
    """podman's document; what is left out when empty is podman's too."""
    config = pod.config
    infra = pod.infra
    document = _inspected(session, infra)
    shown: Json = {"Id": pod.id, "Name": pod.name, "Created": pod.created}
    if texts(config, "CreateCommand"):
        shown["CreateCommand"] = texts(config, "CreateCommand")
    shown.update({"ExitPolicy": text(config, "ExitPolicy"), "State": pod.status, "Hostname": text(config, "hostname")})
    if pod.labels:
        shown["Labels"] = pod.labels
    shown.update(
        {
            "CreateCgroup": flag(config, "sharesCgroup"),
            "CgroupParent": text(config, "cgroupParent"),
            "CgroupPath": pod.cgroup,
            "CreateInfra": infra is not None,
        }
    )
    if infra is not None:
        shown["InfraContainerID"] = infra.id
        shown["InfraConfig"] = _infra(config, infra, document)
        shown["SharedNamespaces"] = [word for word, key, _kind in SHARES if flag(config, key)]
    shown["NumContainers"] = len(pod.containers)
    shown["Containers"] = [{"Id": one.id, "Name": one.name, "State": one.status} for one in pod.containers]
    shown.update(_limits(config, _LIMITS))
    host = table(document, "HostConfig")
    for key, value in (
        ("devices", host.get("Devices")),
        ("mounts", document.get("Mounts")),
        ("volumes_from", host.get("VolumesFrom")),
        ("security_opt", host.get("SecurityOpt")),
    ):
        if value:
            shown[key] = value
    shown.update(_limits(config, _MORE_LIMITS))
    if text(config, "RestartPolicy"):
        shown["RestartPolicy"] = text(config, "RestartPolicy")
    shown["LockNumber"] = pod.lock_id
    return shown


def _inspected(session: Session, infra: Container | None) -> Json:
    if infra is None:
        return {}
    from ..container.inspect import inspect as container_inspect

    return container_inspect(session, infra)


def _limits(config: Json, names: tuple[tuple[str, str, str], ...]) -> Json:
    limits = table(config, "ResourceLimits")
    found = {name: table(limits, part).get(key) for name, part, key in names}
    return {name: value for name, value in found.items() if value}


def _infra(config: Json, infra: Container, document: Json) -> Json:
    row = infra.config
    names = list(table(row, "newNetworks"))
    spaces = {str(entry.get("type")) for entry in tables(table(infra.spec, "linux"), "namespaces")}
    shown: Json = {
        "PortBindings": table(table(document, "HostConfig"), "PortBindings"),
        "HostNetwork": "network" not in spaces and not row.get("netNsCtr"),
        "StaticIP": "",
        "StaticMAC": "",
        "NoManageResolvConf": flag(row, "UseImageResolvConf"),
        "DNSServer": texts(row, "dnsServer") or None,
        "DNSSearch": texts(row, "dnsSearch") or None,
        "DNSOption": texts(row, "dnsOption") or None,
        "NoManageHostname": flag(row, "useImageHostname"),
        "NoManageHosts": flag(row, "UseImageHosts"),
        "HostAdd": texts(row, "hostsAdd") or None,
        "HostsFile": text(row, "baseHostsFile"),
        "Networks": names or None,
        "NetworkOptions": table(row, "network_options") or None,
    }
    shown.update({key: value for key, value in _limits(config, _LIMITS).items() if key != "cpu_shares"})
    for key, kind in (("pid_ns", "pid"), ("userns", "user"), ("uts_ns", "uts")):
        shown[key] = "private" if kind in spaces else "host"
    return shown
