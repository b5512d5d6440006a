# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`container inspect` as podman 5 prints it, from a container's rows.

Three files make the document: this one the container and its state, `inspect_config` the Config, `inspect_host` the
HostConfig. The keys,
their order and what is left out when empty are podman's, field by field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import clock
from ..base.jsonval import table, tables, texts
from ..base.values import dataclass, field
from ..libpod.rows import status_word
from ..spec import start_spec
from . import inspect_config, inspect_host, inspect_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json


@dataclass(frozen=True)
class InspectFacts:
    """What the rows do not hold. All of it may be left empty, then podman's empty values are shown.

    `spec` is the bundle's config.json of a container that was started (else the stored spec is shown); `graph_data`
    the overlay directories under podman's keys; `volumes` name -> (driver, directory); `network_ids` name -> id;
    `network_of` config and state of the container whose network this one shares; `health` the health log document;
    `cgroup_path` where the running container is; `device_paths` "major:minor" -> /dev path.
    """

    image_digest: str = ""
    spec: Mapping[str, object] | None = None
    graph_driver: str = "overlay"
    graph_data: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    network_ids: Mapping[str, str] = field(default_factory=dict)
    network_of: tuple[Json, Json] | None = None
    health: Mapping[str, object] | None = None
    cgroup_path: str = ""
    device_paths: Mapping[str, str] = field(default_factory=dict)
    host_name: str = ""
    peer_hostname: str = ""
    default_capabilities: tuple[str, ...] = ()
    default_network: str = "podman"
    size_rw: int | None = None
    size_root: int | None = None


_NO_FACTS = InspectFacts()


def inspect(config: Json, state: Json, facts: InspectFacts = _NO_FACTS) -> Json:
    """The whole document."""
    spec = dict(facts.spec) if facts.spec is not None else table(config, "spec")
    return {
        **_origin(config, state, spec, facts),
        **_workings(config, state, spec, facts),
        **_surroundings(config, state, spec, facts),
    }


def _origin(config: Json, state: Json, spec: Json, facts: InspectFacts) -> Json:
    """From the id to the files that were written for it."""
    args = texts(table(table(config, "spec"), "process"), "args")
    binds = table(state, "bindMounts")
    shown: Json = {
        "Id": config["id"],
        "Created": config.get("createdTime", clock.ZERO),
        "Path": args[0] if args else "",
        "Args": args[1:] if len(args) > 1 else args,
        "State": _state(config, state, spec, facts),
        "Image": config.get("rootfsImageID", ""),
        "ImageDigest": facts.image_digest,
        "ImageName": config.get("rootfsImageName", ""),
        "Rootfs": config.get("rootfs", ""),
        "Pod": config.get("pod", ""),
        "ResolvConfPath": binds.get("/etc/resolv.conf", ""),
        "HostnamePath": binds.get("/etc/hostname", ""),
        "HostsPath": binds.get("/etc/hosts", ""),
        "StaticDir": config.get("staticDir", ""),
    }
    if state.get("configPath"):
        shown["OCIConfigPath"] = state["configPath"]
    return shown


def _workings(config: Json, state: Json, spec: Json, facts: InspectFacts) -> Json:
    """What it runs by: runtime, monitor, labels, capabilities, storage."""
    process = table(spec, "process")
    capabilities = table(process, "capabilities")
    shown: Json = {
        "OCIRuntime": config.get("runtime", ""),
        "ConmonPidFile": config.get("conmonPidFile", ""),
        "PidFile": config.get("pid_file", ""),
        "Name": config.get("name", ""),
        "RestartCount": state.get("restartCount", 0),
        "Driver": facts.graph_driver,
        "MountLabel": config.get("MountLabel", ""),
        "ProcessLabel": config.get("ProcessLabel", ""),
        "AppArmorProfile": process.get("apparmorProfile", ""),
        "EffectiveCaps": capabilities.get("effective"),
        "BoundingCaps": capabilities.get("bounding"),
        "ExecIDs": list(table(state, "newExecSessions")),
        "GraphDriver": {"Name": facts.graph_driver, "Data": dict(facts.graph_data)},
    }
    for key, size in (("SizeRw", facts.size_rw), ("SizeRootFs", facts.size_root)):
        if size is not None:
            shown[key] = size
    return shown


def _surroundings(config: Json, state: Json, spec: Json, facts: InspectFacts) -> Json:
    """Mounts, other containers, network, and the two configs."""
    named, mounts = _user_mounts(config, spec)
    return {
        "Mounts": _mounts(config, facts, named, mounts),
        "Dependencies": _dependencies(config),
        "NetworkSettings": inspect_network.settings(config, state, facts),
        "Namespace": config.get("namespace", ""),
        "IsInfra": bool(config.get("pause", False)),
        "IsService": bool(config.get("isService", False)),
        "KubeExitCodePropagation": "invalid",
        "lockNumber": config.get("lockID", 0),
        "Config": inspect_config.shown_config(config, spec, facts),
        "HostConfig": inspect_host.host_config(config, spec, facts, (named, mounts)),
        "UseImageHosts": bool(config.get("UseImageHosts", False)),
        "UseImageHostname": bool(config.get("useImageHostname", False)),
    }


def _state(config: Json, state: Json, spec: Json, facts: InspectFacts) -> Json:
    word = status_word(state.get("state"), "bad state")
    shown: Json = {
        "OciVersion": spec.get("ociVersion", ""),
        "Status": word,
        "Running": word == "running",
        "Paused": word == "paused",
        "Restarting": False,
        "OOMKilled": bool(state.get("oomKilled", False)),
        "Dead": word == "bad state",
        "Pid": state.get("pid", 0),
    }
    if state.get("conmonPid"):
        shown["ConmonPid"] = state["conmonPid"]
    shown["ExitCode"] = state.get("exitCode", 0)
    shown["Error"] = state.get("error", "")
    shown["StartedAt"] = state.get("startedTime", clock.ZERO)
    shown["FinishedAt"] = state.get("finishedTime", clock.ZERO)
    test = texts(table(config, "healthcheck"), "Test")
    if test and test != ["NONE"]:
        shown["Health"] = dict(facts.health or {"Status": "", "FailingStreak": 0, "Log": None})
    if state.get("checkpointed"):
        shown["Checkpointed"] = True
    if facts.cgroup_path:
        shown["CgroupPath"] = facts.cgroup_path
    shown["CheckpointedAt"] = state.get("checkpointedTime", clock.ZERO)
    shown["RestoredAt"] = state.get("restoredTime", clock.ZERO)
    for key, source in (
        ("CheckpointLog", "checkpointLog"),
        ("CheckpointPath", "checkpointPath"),
        ("RestoreLog", "restoreLog"),
        ("Restored", "restored"),
        ("StoppedByUser", "stoppedByUser"),
    ):
        if state.get(source):
            shown[key] = state[source]
    return shown


def _dependencies(config: Json) -> list[str]:
    found = [*texts(config, "Dependencies"), *start_spec.container_ids(config).values()]
    return list(dict.fromkeys(found))


def _user_mounts(config: Json, spec: Json) -> tuple[list[Json], list[Json]]:
    """The named volumes and the spec's mounts that the user asked for."""
    targets = set(texts(config, "userVolumes"))
    named = [entry for entry in tables(config, "namedVolumes") if str(entry.get("dest")) in targets]
    taken = {str(entry.get("dest")) for entry in named}
    wanted = targets - taken
    return named, [mount for mount in tables(spec, "mounts") if str(mount.get("destination")) in wanted]


def _mounts(config: Json, facts: InspectFacts, named: list[Json], mounts: list[Json]) -> list[Json]:
    shown: list[Json] = []
    for entry in named:
        name, options = str(entry["volumeName"]), texts(entry, "options")
        driver, directory = facts.volumes.get(name, ("local", ""))
        shown.append(_mount("volume", directory, str(entry["dest"]), options, name=name, driver=driver))
    for entry in tables(config, "ctrImageVolumes"):
        image: Json = {
            "Type": "image",
            "Source": entry.get("source", ""),
            "Destination": entry.get("dest", ""),
            "Driver": "",
            "Mode": "",
            "Options": None,
            "RW": bool(entry.get("rw", False)),
            "Propagation": "",
        }
        if entry.get("subPath"):
            image["SubPath"] = entry["subPath"]
        shown.append(image)
    for mount in mounts:
        if mount.get("type") != "tmpfs":
            source, target = str(mount.get("source", "")), str(mount["destination"])
            shown.append(_mount("bind", source, target, texts(mount, "options")))
    return shown


def _mount(kind: str, source: str, target: str, options: list[str], *, name: str = "", driver: str = "") -> Json:
    shown: Json = {"Type": kind}
    if name:
        shown["Name"] = name
    propagation, relabel = "", ""
    others = []
    for word in options:
        if word in ("shared", "slave", "private", "rshared", "rslave", "rprivate", "unbindable", "runbindable"):
            propagation = word
        elif word in ("z", "Z"):
            relabel = word
        elif word not in ("ro", "rw"):
            others.append(word)
    shown.update(
        {
            "Source": source,
            "Destination": target,
            "Driver": driver,
            "Mode": relabel,
            "Options": others,
            "RW": "ro" not in options,
            "Propagation": propagation,
        }
    )
    return shown
