# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that libpod keeps of a container, written just as podman 5 writes them.

`build` is the one place where a wish becomes a config; the planner uses it too, so what is compared is what would be
written.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base import clock, ids
from ..base.errors import BadInput, NotFound
from ..base.values import dataclass
from ..spec import runtime_spec
from . import config_parts, connections, filesystems, limits, membership, process
from .config_row import NOTE_HOOKS, NOTE_SECCOMP
from .surroundings import Birth, Surroundings

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..spec.namespaces import Mode
    from .desired import ContainerDesired


#: Our own notes in the annotations of the spec: podman carries them along and shows them.
NOTE_OPTIONS = "io.daemonless.options"
NOTE_RANDOM_PORTS = "io.daemonless.random-ports"


@dataclass(frozen=True)
class Built:
    """`config` and `state` are the rows; `new_volumes` anonymous volumes to make, `volumes` all that are used;
    `depends_on` the ids of containers that must exist and run first."""

    config: Json
    state: Json
    new_volumes: tuple[str, ...]
    volumes: tuple[str, ...]
    depends_on: tuple[str, ...]
    warnings: tuple[str, ...]


def build(
    wish: ContainerDesired,
    around: Surroundings,
    birth: Birth = Birth(),  # noqa: B008
    notes: tuple[str, ...] = (),
) -> Built:
    """Write the rows. `notes` are the compared options that the task mentioned (`effective.keys_of`).

    Raises BadInput, NotFound (a container, device or secret that is named), HostLacks (limits).
    """
    limits.check_host(wish, around.host)
    if wish.init_ctr is not None and around.pod is None:
        raise BadInput("read init_ctr", "there is no pod that it could be an init container of")
    wish, around = membership.settled(wish, around)
    builder = _Builder(wish, around, birth, notes)
    if birth.real:
        check_command(wish.name, builder.args)
    return builder.build()


def check_command(name: str, args: tuple[str, ...]) -> None:
    """Raises BadInput where there is nothing to run. Planning does not mind: a container may only be stopped."""
    own = args[2:] if args[:1] == (runtime_spec.INIT_PATH,) else args
    if not own or not own[0]:
        raise BadInput(f"create container {name}", "no command is given, and the image names none")


def static_dir(around: Surroundings, container_id: str) -> str:
    return f"{around.host.graph_root}/overlay-containers/{container_id}/userdata"


def run_dir(around: Surroundings, container_id: str) -> str:
    return f"{around.host.run_root}/overlay-containers/{container_id}/userdata"


def first_state(run: str) -> Json:
    """The state row of a container that was made and never started."""
    return {
        "state": 1,
        "runDir": run,
        "startedTime": clock.ZERO,
        "finishedTime": clock.ZERO,
        "Service": {"servicePods": None},
        "checkpointedTime": clock.ZERO,
        "restoredTime": clock.ZERO,
    }


class _Builder:
    def __init__(self, wish: ContainerDesired, around: Surroundings, birth: Birth, notes: tuple[str, ...]) -> None:
        self.wish = wish
        self.around = around
        self.birth = birth
        self.notes = notes
        self.static = static_dir(around, birth.id)
        self.run = run_dir(around, birth.id)
        self.modes = process.modes(wish, around)
        self.maps = process.maps(wish, around)
        self.entrypoint, self.command, self.args = process.command(wish, around)
        self.systemd = process.is_systemd(wish, self.args)
        self.user = process.effective_user(wish, around)
        self.hostname = self._hostname()
        own_names = self.hostname if wish.hostname or self.modes["uts"].kind == "container" else ""
        self.network = connections.describe(wish, around, birth, own_names)
        self.files = filesystems.collect(wish, around, birth.volume_name)
        self.warnings: list[str] = []

    def build(self) -> Built:
        config = self._config()
        named = [str(entry["volumeName"]) for entry in self.files.named]
        return Built(
            config,
            first_state(self.run),
            self.files.new_volumes,
            tuple(dict.fromkeys(named)),
            self._depends_on(),
            tuple(self.warnings),
        )

    def _config(self) -> Json:
        wish, image = self.wish, self.around.image
        config: Json = {"spec": self._spec(), "id": self.birth.id, "name": wish.name, "lockID": self.birth.lock_id}
        if self.birth.create_command:
            config["CreateCommand"] = list(self.birth.create_command)
        if wish.rootfs is not None:
            config["rootfs"] = wish.rootfs
        elif image is not None:
            config["RawImageName"] = image.raw_name or image.name
            config["rootfsImageID"] = image.id
            config["rootfsImageName"] = image.name
        config["idMappingsOptions"] = config_parts.id_mappings(self.wish, self.maps)
        config["Dependencies"] = [self._peer_id(name) for name in wish.requires or ()] or None
        self._storage(config)
        config.update(config_parts.identity(wish, self.around, self.user))
        config.update(self.network.config)
        exposed = connections.exposed(wish, self.around)
        if exposed:
            config["exposedPorts"] = exposed
        config.update(config_parts.name_files(wish, self.around))
        self._runtime(config)
        config.update(config_parts.health(self.wish, self.around))
        for key, mode in (("pidNsCtr", "pid"), ("ipcNsCtr", "ipc"), ("utsNsCtr", "uts"), ("cgroupNsCtr", "cgroupns")):
            self._shared(config, key, self.modes[mode])
        if "userns" in self.modes:
            self._shared(config, "userNsCtr", self.modes["userns"])
        if self.around.pod is not None:
            membership.adopted(config, self.wish, self.around.pod)
        return config

    def _spec(self) -> Json:
        wish, around = self.wish, self.around
        labels = (self.birth.process_label, self.birth.mount_label)
        nodes, rules, binds = process.device_entries(wish, around)
        made, warnings = limits.resources(wish, around.host, around.defaults.pids_limit)
        self.warnings += warnings
        read_only = around.defaults.read_only if wish.read_only is None else wish.read_only
        value = runtime_spec.SpecValue(
            args=self.args,
            env=process.environment(wish, around, self.hostname),
            cwd=process.working_dir(wish, around)[0],
            terminal=bool(wish.tty),
            read_only=read_only,
            read_only_dev=read_only and wish.read_only_tmpfs is False,
            hostname=self._spec_hostname(),
            rlimits=tuple({limit.name: limit for limit in (*around.defaults.ulimits, *(wish.ulimit or ()))}.values()),
            oom_score_adj=wish.oom_score_adj,
            mounts=(*self.files.mounts, *binds),
            namespaces={**self.modes, "network": self.network.mode},
            walls=process.walls(wish, around, self.user, labels),
            maps=self.maps,
            sysctl=config_parts.sysctls(wish, around, self.modes, self.network.mode),
            resources=made,
            device_rules=tuple(rules),
            devices=tuple(nodes),
            annotations=self._annotations(),
            personality=wish.personality or "",
            rdt_class=wish.rdt_class or "",
        )
        return runtime_spec.render(value)

    def _annotations(self) -> dict[str, str]:
        found = process.notes(self.wish, self.around)
        if self.around.pod is not None:
            found.update(membership.notes(self.around.pod))
        if self.notes:
            found[NOTE_OPTIONS] = json.dumps(sorted(self.notes), separators=(",", ":"))
        if self.wish.seccomp_policy == "image":
            found[NOTE_SECCOMP] = "image"
        if self.wish.hooks_dir:
            found[NOTE_HOOKS] = json.dumps(list(self.wish.hooks_dir), separators=(",", ":"))
        if self.network.random:
            found[NOTE_RANDOM_PORTS] = json.dumps(list(self.network.random), separators=(",", ":"))
        return found

    def _hostname(self) -> str:
        """The name the container knows itself by."""
        if self.wish.hostname:
            return self.wish.hostname
        uts = self.modes["uts"]
        if uts.kind == "container":
            return self.around.peers[uts.value].hostname
        if uts.kind == "host" or connections.wanted(self.wish, self.around).mode == "host":
            return self.around.host.hostname
        return ids.short(self.birth.id)

    def _spec_hostname(self) -> str:
        if self.wish.hostname:
            return self.wish.hostname
        uts = self.modes["uts"]
        if self.around.pod is not None and uts.kind == "container":
            return self.around.pod.hostname
        shares_network = self.network.mode.kind == "host" and uts.kind == "private"
        return self.hostname if uts.kind == "container" or shares_network else ""

    def _storage(self, config: Json) -> None:
        wish, files = self.wish, self.files
        shm = self._shm_dir()
        if shm:
            config["ShmDir"] = shm
        ipc = self.modes["ipc"]
        if ipc.kind == "none":
            config["NoShm"] = True
        elif ipc.kind == "private" and wish.ipc is not None:
            config["NOShmShare"] = True
        config["shmSize"] = self.around.defaults.shm_size if wish.shm_size is None else wish.shm_size
        config["shmSizeSystemd"] = wish.shm_size_systemd or 0
        config["staticDir"] = self.static
        if shm.startswith(self.static):
            config["mounts"] = [shm]
        for key, entries in (
            ("namedVolumes", files.named),
            ("overlayVolumes", files.overlays),
            ("ctrImageVolumes", files.images),
            ("userVolumes", files.user_targets),
        ):
            if entries:
                config[key] = list(entries)
        if process.working_dir(wish, self.around)[1]:
            config["createWorkingDir"] = True
        config["secretsPath"] = f"{self.static}/secrets"
        config.update(config_parts.secrets(self.wish, self.around))
        config["storageOpts"] = None
        config["privileged"] = process.is_privileged(wish, self.around)
        config["mountAllDevices"] = config["privileged"]
        read_only = self.around.defaults.read_only if wish.read_only is None else wish.read_only
        config["readWriteTmpfs"] = bool(read_only and wish.read_only_tmpfs is not False)
        nodes = [device for device in wish.device or () if not device.cdi]
        if nodes:
            config["device_host_src"] = [{"path": str(node), "type": "", "major": 0, "minor": 0} for node in nodes]
        names = [device.source for device in wish.device or () if device.cdi]
        if names:
            config["cdiDevices"] = names
        if self.birth.process_label:
            config["ProcessLabel"], config["MountLabel"] = self.birth.process_label, self.birth.mount_label
        label = self.wish.security_opt.label if self.wish.security_opt else ()
        config["labelopts"] = list(label) or ["disable"]
        config["label_nested"] = "nested" in label

    def _shm_dir(self) -> str:
        ipc = self.modes["ipc"]
        if ipc.kind == "host":
            return "/dev/shm"
        if ipc.kind == "container":
            return str(self.around.peers[ipc.value].config.get("ShmDir", "/dev/shm"))
        return "" if ipc.kind == "none" else f"{self.static}/shm"

    def _runtime(self, config: Json) -> None:
        wish, around = self.wish, self.around
        if self.entrypoint:
            config["entrypoint"] = list(self.entrypoint)
        if self.command:
            config["command"] = list(self.command)
        if wish.interactive:
            config["stdin"] = True
        config["stopSignal"] = process.stop_signal(wish, around, self.systemd)
        timeout = around.defaults.stop_timeout if wish.stop_timeout is None else wish.stop_timeout
        if timeout:
            config["stopTimeout"] = timeout
        if wish.timeout:
            config["timeout"] = wish.timeout
        config["createdTime"] = self.birth.created
        config.update(config_parts.cgroup(wish, around))
        config.update(config_parts.log(wish, around, self.static))
        config["conmonPidFile"] = wish.conmon_pidfile or f"{self.run}/conmon.pid"
        config["pid_file"] = wish.pid_file or f"{self.run}/pidfile"
        if wish.restart_policy is not None and wish.restart_policy.name != "no":
            config["restart_policy"] = wish.restart_policy.name
            if wish.restart_policy.retries:
                config["restart_retries"] = wish.restart_policy.retries
        config["postConfigureNetNS"] = bool(self.maps.private and config.get("createNetNS"))
        config["runtime"] = around.host.runtime
        config["pause"] = False
        config["isService"] = False
        config["kubeExitCodePropagation"] = 0
        config["sdnotifyMode"] = wish.sdnotify or "container"
        if self.systemd:
            config["systemd"] = True
        if wish.rm:
            config["volatile"] = True
        if wish.init_ctr:
            config["init_container_type"] = wish.init_ctr

    def _shared(self, config: Json, key: str, mode: Mode) -> None:
        if mode.kind == "container":
            config[key] = self._peer_id(mode.value)

    def _peer_id(self, name: str) -> str:
        peer = self.around.peers.get(name)
        if peer is None:
            raise NotFound(f"create container {self.wish.name}", f"it needs container {name}, which does not exist")
        return peer.id

    def _depends_on(self) -> tuple[str, ...]:
        names = self.wish.references()
        followed = {source.container for source in self.wish.volumes_from or ()}
        kept = [name for name in names if name not in followed or name in (self.wish.requires or ())]
        return tuple(dict.fromkeys(self._peer_id(name) for name in kept))
