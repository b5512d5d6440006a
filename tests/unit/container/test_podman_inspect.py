"""Our inspect against podman's, on rows that podman wrote."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import inspect_view
from ansible_collections.daemonless.oci.tests.unit.container import recorded

DEVICES = {"1:3": "/dev/null", "1:5": "/dev/zero", "254:0": "/dev/vda"}


def facts(config, shown, **more):
    volumes = {
        entry["volumeName"]: ("local", f"/var/lib/containers/storage/volumes/{entry['volumeName']}/_data")
        for entry in config.get("namedVolumes", ())
    }
    networks = {name: net["NetworkID"] for name, net in (shown["NetworkSettings"].get("Networks") or {}).items()}
    return inspect_view.InspectFacts(
        **{
            "image_digest": shown["ImageDigest"],
            "graph_data": {"UpperDir": "/upper"},
            "volumes": volumes,
            "network_ids": networks,
            "device_paths": DEVICES,
            "host_name": "judge",
            "peer_hostname": recorded.PLAIN[:12],
            **more,
        }
    )


def unordered(document):
    made = json.loads(json.dumps(document))
    made["Mounts"].sort(key=str)
    made["HostConfig"]["Binds"].sort()
    return made


@pytest.mark.parametrize("name", recorded.names())
def test_created_container(name):
    config, shown = recorded.row(name), recorded.shown(name)
    shared = (recorded.peer("plain", recorded.PLAIN), recorded.state()) if config.get("netNsCtr") else None
    mine = inspect_view.inspect(config, recorded.state(), facts(config, shown, network_of=shared))
    theirs, mine = unordered(shown), unordered(mine)
    theirs["Name"], theirs["lockNumber"] = mine["Name"], mine["lockNumber"]
    assert mine == theirs


@pytest.mark.parametrize("name", [name for name in recorded.starts() if "inspect" in recorded.start(name)])
def test_running_container(name):
    case = recorded.start(name)
    shown, config = case["inspect"], case["config"]
    shared = None
    if config.get("netNsCtr"):
        other = recorded.start("net2")
        text = json.dumps([other["config"], other["state"]]).replace(recorded.SELF, recorded.OTHER)
        shared = tuple(json.loads(text.replace(recorded.SELF[:12], recorded.OTHER[:12])))
    mine = inspect_view.inspect(
        config,
        case["state"],
        facts(
            config,
            shown,
            spec=case["bundle"],
            network_of=shared,
            cgroup_path=shown["State"].get("CgroupPath", ""),
            health=shown["State"].get("Health"),
        ),
    )
    theirs, mine = unordered(shown), unordered(mine)
    if name == "secret":  # podman shows the variable under the secret's name
        theirs["Config"]["Env"] = [entry.replace("sec1=", "MYSEC=") for entry in theirs["Config"]["Env"]]
    assert mine == theirs


def test_keys_come_in_podmans_order():
    config, shown = recorded.row("plain"), recorded.shown("plain")
    mine = inspect_view.inspect(config, recorded.state(), facts(config, shown))
    assert list(mine) == list(shown)
    for part in ("State", "Config", "HostConfig", "NetworkSettings"):
        assert [key for key in mine[part] if key in shown[part]] == list(shown[part])


def test_what_we_write_shows_as_podman_shows_its_own():
    for name in ("env", "ports", "vol", "mem1", "caps", "hc", "netbr", "priv"):
        mine = recorded.comparable(recorded.built(name).config)
        shown = recorded.shown(name)
        seen = inspect_view.inspect(mine, recorded.built(name).state, facts(mine, shown))
        theirs, seen = unordered(shown), unordered(seen)
        for document in (theirs, seen):
            document["Config"]["Env"].sort()
            document["HostConfig"]["Ulimits"].sort(key=str)
            for network in (document["NetworkSettings"].get("Networks") or {}).values():
                network.get("Aliases", []).sort()
        assert seen == theirs, name
