"""What podman 5.4.2 wrote for many option combinations: a first case whole, the others as patches of it.

data/podman-5.4.2.json: `podman create ARGV`, the config row and `podman inspect`, with the same wish in the words of
our module. data/starts-podman-5.4.2.json: rows and config.json of started containers.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import itertools
import json
from pathlib import Path

from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import config, params
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.surroundings import (
    Birth,
    Defaults,
    HostFacts,
    ImageFacts,
    Peer,
    Surroundings,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import capabilities, image_config, ulimits
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.devices import DeviceNode

NOTES = (config.NOTE_OPTIONS, config.NOTE_RANDOM_PORTS, config.NOTE_SECCOMP)
DATA = Path(__file__).parent / "data"
SELF, PLAIN, OTHER = "5e1f" * 16, "b0b0" * 16, "f0f0" * 16
FILES = {
    "/root/envf": b"EFA=1\nEFB=two words\n#c\nHOME\nFOO=fromfile\n",
    "/root/envl": b"lfa=1\nlfb\n",
    # Two rules of the default profile, as the recorded container had them.
    "/root/sec.json": (DATA / "two-rules-seccomp.json").read_bytes(),
}
# The machine lacked this one, so nothing there could hand it on.
BOUNDING = tuple(sorted(set(capabilities.NAMES) - {"CAP_SYS_RESOURCE"}))
SECRET = {
    "name": "sec1",
    "id": "d0635bb83159ccee3da7f333a",
    "driver": "file",
    "driverOptions": {"path": "/var/lib/containers/storage/secrets/filedriver"},
}


def patched(base, patch):
    made = copy.deepcopy(base)
    for deed, path, *value in patch:
        holder = functools.reduce(lambda inner, key: inner[key], path[:-1], made)
        if deed == "del":
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(value[0])
    return made


@functools.cache
def _creates():
    return json.loads((DATA / "podman-5.4.2.json").read_text())


@functools.cache
def _starts():
    return json.loads((DATA / "starts-podman-5.4.2.json").read_text())


def starts():
    return list(_starts()["cases"])


def start(name):
    """A recorded start: argv, config, state, bundle and, for some, inspect."""
    case = dict(_starts()["cases"][name])
    case["config"] = patched(_starts()["base"], case["config"])
    case["bundle"] = patched(case["config"]["spec"], case["bundle"])
    return case


def names():
    return list(_creates()["cases"])


def row(name):
    """The config that podman wrote."""
    data = _creates()
    return patched(data["base"]["config"], data["cases"][name]["config"])


def shown(name):
    """What podman inspect showed."""
    data = _creates()
    return patched(data["base"]["inspect"], data["cases"][name]["inspect"])


def state():
    return copy.deepcopy(_creates()["base"]["state"])


def image(name):
    raw = _creates()["images"][name]
    layers = {"type": "layers", "diff_ids": []}
    document = {"architecture": "amd64", "os": "linux", "config": raw["config"], "rootfs": layers}
    return ImageFacts(raw["id"], name, image_config.parse(json.dumps(document).encode()), name, raw["digest"])


def wish(name):
    return params.parse({**_creates()["cases"][name]["params"], "name": "case"}, FILES)


def around(name=None, **changes):
    """The machine on which the recordings were made."""
    wanted = _creates()["cases"][name]["params"] if name else {"image": "localhost/bb:1"}
    stored = {key: row("secret")["secrets"][0][key] for key in ("createdAt", "updatedAt")}
    facts = {
        "cgroups_v2": False,
        "hostname": "judge",
        "bounding": BOUNDING,
        "nodes": {
            "/dev/null": DeviceNode("c", 1, 3, 0o666, 0, 0),
            "/dev/zero": DeviceNode("c", 1, 5, 0o666, 0, 0),
            "/dev/vda": DeviceNode("b", 254, 0, 0o660, 0, 0),
        },
    }
    return Surroundings(
        None if wanted.get("rootfs") else image(wanted["image"]),
        HostFacts(**{**facts, **changes}),
        Defaults(ulimits=(ulimits.parse("nofile=1000:1000"), ulimits.parse("nproc=1000:1000"))),
        {"plain": Peer(PLAIN, "plain", peer("plain", PLAIN)), "vol": Peer(OTHER, "vol", peer("vol", OTHER))},
        {"sec1": {**SECRET, **stored}},
    )


def peer(name, container_id):
    text = json.dumps(row(name)).replace(SELF, container_id).replace(SELF[:12], container_id[:12])
    return json.loads(text)


def birth(recorded_row):
    """The accidents of a recorded creation: ids, ports that were free, names of anonymous volumes."""
    volumes = (v["volumeName"] for v in recorded_row.get("namedVolumes", ()) if len(v["volumeName"]) == 64)
    spare = itertools.chain(volumes, ("e" * 64,) * 9)
    free = {(m["container_port"], m["protocol"]): m["host_port"] for m in recorded_row.get("newPortMappings", ())}
    return Birth(
        id=recorded_row["id"],
        created=recorded_row["createdTime"],
        volume_name=lambda: next(spare),
        pick_port=lambda mapping: free[mapping.container_port, mapping.protocol],
    )


def built(name, notes=()):
    return config.build(wish(name), around(name), birth(row(name)), notes)


def comparable(document):
    """A config without the order that podman's maps lose, our notes, and the seccomp rules as their digest."""
    made = json.loads(json.dumps(document))
    spec = made["spec"]
    for holder, key in ((spec["process"], "env"), (made, "userVolumes")):
        if key in holder:
            holder[key].sort()
    spec["process"].get("rlimits", []).sort(key=str)
    spec["mounts"].sort(key=lambda mount: mount["destination"])
    for key in ("namedVolumes", "newPortMappings"):
        made.get(key, []).sort(key=str)
    for options in made.get("newNetworks", {}).values():
        options.get("aliases", []).sort()
    linux = spec["linux"]
    linux.get("maskedPaths", []).sort()
    if "seccomp" in linux and "sha256" not in linux["seccomp"]:
        linux["seccomp"] = {"sha256": digest(linux["seccomp"])}
    notes = spec.get("annotations", {})
    for key in [key for key in notes if key in NOTES]:
        del notes[key]
    if not notes:
        spec.pop("annotations", None)
    return made


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@functools.cache
def _rootless():
    return json.loads((DATA / "rootless-podman-5.4.2.json").read_text())


def rootless_names():
    return list(_rootless()["cases"])


def rootless_row(name):
    """The config that podman wrote for a plain user."""
    return patched(_rootless()["base"], _rootless()["cases"][name]["config"])


def rootless_built(name):
    """What we write for the same wish on the same machine."""
    row = rootless_row(name)
    limits = [
        ulimits.Ulimit(limit["type"][7:].lower(), limit["soft"], limit["hard"])
        for limit in row["spec"]["process"].get("rlimits", ())
    ]
    layers = {"type": "layers", "diff_ids": []}
    path = [entry for entry in row["spec"]["process"]["env"] if entry.startswith("PATH=")]
    document = {"architecture": "amd64", "os": "linux", "config": {"Env": path}, "rootfs": layers}
    parsed = image_config.parse(json.dumps(document).encode())
    facts = HostFacts(
        rootless=True,
        uid=1500,
        gid=1500,
        cgroups_v2=False,
        controllers=frozenset(),
        bounding=tuple(rootless_row("privileged")["spec"]["process"]["capabilities"]["bounding"]),
        hostname="judge",
        runtime="runc",
        nodes={"/dev/null": DeviceNode("c", 1, 3, 0o666, 0, 0)},
        graph_root="/home/tester/.local/share/containers/storage",
        run_root=row["conmonPidFile"].partition("/overlay-containers")[0],
    )
    around = Surroundings(
        ImageFacts(row["rootfsImageID"], row["rootfsImageName"], parsed, row["RawImageName"]),
        facts,
        Defaults(ulimits=tuple(limits), seccomp_profile=(DATA / "debian12-seccomp.json").read_bytes()),
    )
    options = {"image": "localhost/busybox", "command": ["sleep", "1000"], **_rootless()["cases"][name]["params"]}
    return config.build(params.parse({"name": "case", **options}), around, birth(row))
