"""What the tests of this folder have the engine do inside a machine: `python3 - DEED ARGUMENTS`; prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time

from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.clock import ZERO, now
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import EngineError
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.ids import new_id
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import rows
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.events import Event
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.records import ContainerDraft
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume import mount, observed, steps
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume.desired import VolumeDesired

MAPPINGS = {"HostUIDMapping": True, "HostGIDMapping": True, "UIDMap": None, "GIDMap": None}


def add(session: Session, name: str, *volumes: str) -> str:
    """A container as podman's `create` leaves it: storage, lock, rows."""
    image = session.store.images()[0]
    reference = image.names[0]
    id = new_id()
    metadata = json.dumps({"image-name": reference, "image-id": image.id, "name": name, "created-at": int(time.time())})
    session.store.create_container(ContainerDraft(id, (name,), image.id, metadata))
    static, run = session.store.container_dir(id), session.store.container_run_dir(id)
    for folder in (static, run, os.path.join(static, "secrets"), os.path.join(static, "artifacts"), f"{static}/shm"):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    config: rows.Json = {
        "spec": spec(),
        "id": id,
        "name": name,
        "lockID": session.locks.allocate(),
        "idMappingsOptions": MAPPINGS,
        "rootfsImageID": image.id,
        "rootfsImageName": reference,
        "RawImageName": "busybox",
        "shmSize": 65536000,
        "ShmDir": f"{static}/shm",
        "mounts": [f"{static}/shm"],
        "staticDir": static,
        "secretsPath": f"{static}/secrets",
        "stopSignal": 15,
        "stopTimeout": 1,
        "createdTime": now(),
        "cgroupManager": "cgroupfs",
        "cgroupParent": "" if session.identity.rootless else "/libpod_parent",
        "logPath": f"{static}/ctr.log",
        "logDriver": "k8s-file",
        "runtime": os.environ.get("RUNTIME", "runc"),
        "conmonPidFile": f"{run}/conmon.pid",
        "command": ["sleep", "1000"],
        "labels": {"made-by": "us"},
        "userVolumes": [f"/{volume}" for volume in volumes],
        "namedVolumes": [
            {"volumeName": volume, "dest": f"/{volume}", "options": ["nosuid", "nodev", "rbind", "rprivate", "rw"]}
            for volume in volumes
        ],
    }
    never = ("startedTime", "finishedTime", "checkpointedTime", "restoredTime")
    state: rows.Json = {"state": rows.CONFIGURED, "runDir": run, **dict.fromkeys(never, ZERO)}
    session.database.add_container(config, state, volumes=volumes)
    labels = {"made-by": "us"}
    session.emit(Event("container", "create", id=id, name=name, image=reference, attributes=labels))
    return id


def spec() -> rows.Json:
    capabilities = ["CAP_KILL"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["sleep", "1000"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
        },
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]},
    }


def remove(session: Session, name: str) -> bool:
    row = session.database.container(name)
    if row is None:
        return False
    with session.hold(row):
        session.store.remove_container(row.id)
        session.database.remove_container(row.id)
    session.locks.free(row.lock_id)
    session.emit(Event("container", "remove", id=row.id, name=row.name))
    return True


def listing(session: Session) -> dict[str, str]:
    return {row.name: rows.status_word(row.status) for row in session.database.containers()}


def hold(session: Session, name: str, seconds: str) -> str:
    row = session.database.container(name)
    if row is None:
        raise SystemExit("gone")
    with session.hold(row):
        with open(os.path.join(session.paths.tmp_dir, "held"), "w", encoding="ascii"):
            pass
        time.sleep(float(seconds))
    return "released"


def churn(session: Session, stem: str, count: str, keep: str) -> list[str]:
    """Add, rename, remove; what `keep` says stays."""
    for number in range(int(count)):
        id = add(session, f"{stem}{number}")
        session.database.rename(id, f"{stem}-{number}")
        session.store.rename_container(id, f"{stem}-{number}")
        if number >= int(keep):
            remove(session, f"{stem}-{number}")
    return sorted(listing(session))


def namespaces(session: Session) -> dict[str, object]:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        uid_map = file.read().split()
    links = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt")}
    return {**links, "uid_map": uid_map, "uid": os.geteuid(), "identity": list(session.identity)}


DEEDS = {
    "add": add,
    "remove": remove,
    "list": listing,
    "hold": hold,
    "churn": churn,
    "namespaces": namespaces,
    "locks": lambda session: sorted(session.locks.allocated()),
    "boot": lambda session: session.ensure_booted() or session.after_boot,
    "swap": lambda session, first, second: session.database.swap_names(
        [(session.database.container(first).id, second), (session.database.container(second).id, first)]
    ),
    "volume": lambda session, name, *options: steps.ensure(
        session, VolumeDesired(name, options=tuple(tuple(item.split("=", 1)) for item in options))
    ),
    "unvolume": steps.remove,
    "attach": mount.attach,
    "detach": mount.detach,
    "volumes": lambda session: [volume.name for volume in observed.all_volumes(session)],
    "settings": lambda session: [session.database.stored_settings(), list(session.warnings)],
    "paths": lambda session: [session.paths.own, session.paths.database, list(session.warnings)],
}


def main() -> None:
    try:
        session = Session.open()
        print(json.dumps(DEEDS[sys.argv[1]](session, *sys.argv[2:])))
    except EngineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


main()
