"""The config.json of a start, against the one podman wrote for the same stored config."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import start_spec, users
from ansible_collections.daemonless.oci.tests.unit.container import recorded

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001:Alice:/home/alice:/bin/sh\n"
GROUP = b"root:x:0:\nalice:x:1001:\nwheel:x:10:alice\n"
VOLUMES = {name: f"/var/lib/containers/storage/volumes/{name}/_data" for name in ("named1", "named2")}


def facts(case, **more):
    config, bundle = case["config"], case["bundle"]
    account = users.lookup(config.get("user", ""), PASSWD, GROUP, config.get("groups", ()))
    if config.get("passwd_entry"):  # that one says HOME=/
        account = account._replace(home="/")
    paths = {entry["type"]: entry.get("path", "") for entry in bundle["linux"]["namespaces"]}
    return start_spec.StartFacts(
        **{
            "root": bundle["root"]["path"],
            "account": account,
            "hostname": start_spec.hostname_of(config, "judge", recorded.PLAIN[:12]),
            "netns": case["state"].get("netns", ""),
            "shared": {kind: paths[kind] for kind in start_spec.container_ids(config)},
            "bind_mounts": case["state"].get("bindMounts", {}),
            "volumes": VOLUMES,
            "parts": {
                named["dest"]: f"{VOLUMES[named['volumeName']]}/{named['SubPath']}"
                for named in config.get("namedVolumes", ())
                if named.get("SubPath")
            },
            "extra_mounts": tuple(mount for mount in bundle["mounts"] if mount["type"] == "overlay"),
            "all_devices": tuple(bundle["linux"].get("devices", ())) if config["mountAllDevices"] else (),
            "secret_env": {"MYSEC": "hi"} if config.get("secret_env") else {},
            "cgroups_v2": False,
            **more,
        }
    )


def comparable(spec):
    """podman repeats an option or a masked path here and there, and adds an empty one for systemd."""
    made = json.loads(json.dumps(spec))
    made["process"]["env"].sort()
    made["mounts"].sort(key=lambda mount: mount["destination"])
    for mount in made["mounts"]:
        if "options" in mount:
            mount["options"] = list(dict.fromkeys(word for word in mount["options"] if word))
    for device in made["linux"].get("devices", ()):
        device["fileMode"] &= 0o777
    if made["linux"].get("resources", {}).get("pids", {}).get("limit", 1) <= 0:
        del made["linux"]["resources"]["pids"]
    if "maskedPaths" in made["linux"]:
        made["linux"]["maskedPaths"] = sorted(set(made["linux"]["maskedPaths"]))
    return made


@pytest.mark.parametrize("name", [name for name in recorded.starts() if name != "systemd"])
def test_bundle_equals_podmans(name):
    case = recorded.start(name)
    made, warnings = start_spec.render(case["config"], facts(case))
    assert comparable(made) == comparable(case["bundle"])
    assert warnings == ()


def test_systemd_gets_the_mounts_it_looks_for():
    case = recorded.start("systemd")
    made, _warnings = start_spec.render(case["config"], facts(case))
    theirs = {mount["destination"]: mount for mount in case["bundle"]["mounts"]}
    mine = {mount["destination"]: mount for mount in made["mounts"]}
    assert {"/run", "/run/lock", "/tmp", "/var/log/journal", "/sys/fs/cgroup/systemd"} <= set(mine)
    assert set(mine) == set(theirs)
    assert any(entry.startswith("container_uuid=") for entry in made["process"]["env"])


def test_the_stored_config_is_left_alone():
    case = recorded.start("priv")
    before = json.dumps(case["config"])
    start_spec.render(case["config"], facts(case))
    assert json.dumps(case["config"]) == before


def test_parents_are_mounted_before_their_children():
    case = recorded.start("ro")
    made, _warnings = start_spec.render(case["config"], facts(case))
    depth = [mount["destination"].count("/") for mount in made["mounts"]]
    assert depth == sorted(depth)


def test_limits_above_the_hosts_are_lowered_and_said():
    case = recorded.start("plain")
    made, warnings = start_spec.render(
        case["config"], facts(case, may_raise=False, rlimits={"RLIMIT_NOFILE": (100, 512), "RLIMIT_NPROC": (1, 4096)})
    )
    limits = {limit["type"]: (limit["soft"], limit["hard"]) for limit in made["process"]["rlimits"]}
    assert limits == {"RLIMIT_NOFILE": (512, 512), "RLIMIT_NPROC": (1000, 1000)}
    assert len(warnings) == 1 and "RLIMIT_NOFILE" in warnings[0]


def test_limits_nobody_asked_for_are_fitted_silently():
    case = recorded.start("plain")
    del case["config"]["spec"]["process"]["rlimits"]
    made, warnings = start_spec.render(case["config"], facts(case, may_raise=False, rlimits={"RLIMIT_NOFILE": (9, 99)}))
    limits = {limit["type"]: (limit["soft"], limit["hard"]) for limit in made["process"]["rlimits"]}
    assert limits == {"RLIMIT_NOFILE": (99, 99), "RLIMIT_NPROC": (1048576, 1048576)}
    assert warnings == ()


@pytest.mark.parametrize(("limit", "kept"), [(-1, False), (0, False), (7, True)])
def test_no_limit_of_processes_is_left_out(limit, kept):
    """crun 1.8 writes -1 into pids.max, which the kernel refuses."""
    case = recorded.start("plain")
    case["config"]["spec"]["linux"]["resources"]["pids"] = {"limit": limit}
    made, _warnings = start_spec.render(case["config"], facts(case))
    assert ("pids" in made["linux"]["resources"]) is kept


def test_words_meant_for_the_engine_do_not_reach_the_runtime():
    case = recorded.start("plain")
    case["config"]["spec"]["mounts"] += [
        {"destination": "/d", "type": "bind", "source": "/src", "options": ["U", "z", "rw", "rprivate", "rbind"]},
        {"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["U", "rw"]},
    ]
    made, _warnings = start_spec.render(case["config"], facts(case))
    options = {mount["destination"]: mount.get("options") for mount in made["mounts"]}
    assert options["/d"] == ["rw", "rprivate", "rbind"]
    assert options["/t"] == ["uid=0", "gid=0", "rw"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"cgroupParent": "/libpod_parent", "cgroupManager": "cgroupfs"}, "/libpod_parent/libpod-ID"),
        ({"cgroupParent": "machine.slice", "cgroupManager": "systemd"}, "machine.slice:libpod:ID"),
        ({"cgroupParent": "", "noCgroups": True}, ""),
    ],
)
def test_cgroups_path(config, path):
    assert start_spec.cgroups_path({**config, "id": "ID"}) == path
