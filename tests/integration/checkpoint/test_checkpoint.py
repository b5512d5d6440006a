"""Containers frozen and thawed, with podman 5 as the other party: state of many kinds, archives both ways, images."""

from __future__ import annotations

import json

from frozen_state import ADDRESS, WISH, ask, begin, count, goes_on, still, until
from machine import Machine

ARCHIVE = "/var/tmp/state.tar"


def test_kept_and_restored(each_runtime: Machine) -> None:
    """On the host: check mode says it, the second time nothing is done, podman sees what happened."""
    machine = each_runtime
    begin(machine)
    address = ask(machine, ADDRESS)
    foretold = machine.task("checkpoint", {"name": "state"}, check=True)
    assert foretold["changed"]
    assert foretold["diff"]["before"]["state"] == "running"
    assert foretold["diff"]["after"]["state"] == "frozen"
    before = count(machine)
    made = machine.task("checkpoint", {"name": "state", "print_stats": True, "tcp_established": True})
    assert made["changed"]
    assert made["checkpoint"]["exists"]
    assert made["statistics"]["pages_written"] > 0
    assert made["container"]["State"]["Status"] == "exited"
    assert made["container"]["State"]["Checkpointed"]
    assert machine.podman_json(["inspect", "state"])[0]["State"]["Checkpointed"]
    assert not machine.task("checkpoint", {"name": "state"})["changed"]
    assert not machine.task("checkpoint", {"name": "state"}, check=True)["changed"]
    [known] = machine.task("checkpoint_info", {"name": ["state"]})["checkpoints"]
    assert known["can_restore"], known["obstacles"]
    assert (known["runtime"], known["kind"]) == (each_runtime_name(machine), "container")

    assert machine.task("checkpoint", {"name": "state", "state": "restored"}, check=True)["changed"]
    back = machine.task("checkpoint", {"name": "state", "state": "restored"})
    assert back["changed"]
    assert not back["checkpoint"]["exists"]
    assert back["container"]["State"]["Restored"]
    assert not machine.task("checkpoint", {"name": "state", "state": "restored"})["changed"]
    assert ask(machine, ADDRESS) == address
    assert not still(machine, "state")
    goes_on(machine, before)
    events = machine.podman(["events", "--stream=false", "--since", "10m", "--filter", "type=container"]).stdout
    assert " container checkpoint " in events
    assert " container restore " in events
    machine.task("container", {"name": "state", "state": "absent", "delete_volumes": True})
    machine.podman(["volume", "rm", "data"])
    assert machine.leaks() == {}


def each_runtime_name(machine: Machine) -> str:
    return "crun" if machine.spec.os == "debian13" else "runc"


def test_podman_restores_ours_and_we_restore_podmans(each_runtime: Machine) -> None:
    machine = each_runtime
    begin(machine)
    before = count(machine)
    export = {"name": "state", "state": "exported", "dest": ARCHIVE}
    assert machine.task("checkpoint", export, check=True)["changed"]
    assert not machine.exists(ARCHIVE)
    made = machine.task("checkpoint", export)
    assert made["checkpoint"]["digest"].startswith("sha256:")
    assert not made["checkpoint"]["exists"]
    assert not machine.task("checkpoint", export)["changed"]
    assert not machine.task("checkpoint", export, check=True)["changed"]
    machine.podman(["rm", "state"])
    machine.podman(["volume", "rm", "data"])
    machine.podman(["container", "restore", "--import", ARCHIVE])
    goes_on(machine, before)

    before = count(machine)
    machine.podman(["container", "checkpoint", "--export", f"{ARCHIVE}.theirs", "state"])
    machine.podman(["rm", "state"])
    machine.podman(["volume", "rm", "data"])
    bring = {"state": "imported", "src": f"{ARCHIVE}.theirs"}
    foretold = machine.task("checkpoint", bring, check=True)
    assert foretold["changed"]
    assert "privileges" not in foretold["diff"]["after"]
    assert machine.podman(["ps", "-aq"]).stdout == ""
    back = machine.task("checkpoint", bring)
    assert back["changed"]
    assert back["container"]["Name"] == "state"
    assert not machine.task("checkpoint", bring)["changed"]
    goes_on(machine, before)


def test_another_name_and_other_ports(freezer: Machine) -> None:
    """Two containers of one archive beside each other, made while the first went on."""
    machine = freezer
    script = "i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done"
    machine.task("container", {**WISH, "command": ["sh", "-c", script], "volume": [], "tty": False})
    until(machine, "state", lambda: int(ask(machine, "cat /count || echo 0")) > 3)
    before = int(ask(machine, "cat /count"))
    export = {"name": "state", "state": "exported", "dest": ARCHIVE, "leave_running": True, "compression": "gzip"}
    assert machine.task("checkpoint", export)["container"]["State"]["Running"]
    again = {"state": "imported", "src": ARCHIVE, "name": "second", "publish": ["8089:80"]}
    made = machine.task("checkpoint", again)["container"]
    assert made["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8089"}]}
    assert int(ask(machine, "cat /count", "second")) >= before
    first = machine.podman_json(["inspect", "state"])[0]
    assert first["Id"] != made["Id"]
    addresses = [one["NetworkSettings"]["Networks"]["podman"]["IPAddress"] for one in (first, made)]
    assert addresses[0] != addresses[1]
    [seen] = machine.task("checkpoint_info", {"src": [ARCHIVE]})["checkpoints"]
    assert (seen["name"], seen["can_restore"], seen["criu"] != "") == ("state", False, True)


def test_images_of_checkpoints(freezer: Machine) -> None:
    """Made by us and restored by podman, and the other way round; through a registry."""
    machine = freezer
    name = "127.0.0.1:5000/frozen:1"
    begin(machine)
    before = count(machine)
    make = {"name": "state", "create_image": name}
    assert machine.task("checkpoint", make)["changed"]
    assert not machine.task("checkpoint", make)["changed"]
    machine.podman(["push", "-q", name])
    machine.podman(["rmi", name])
    machine.task("container", {"name": "state", "state": "absent"})
    machine.podman(["volume", "rm", "data"])
    machine.podman(["pull", "-q", name])
    machine.podman(["container", "restore", name])
    goes_on(machine, before)

    before = count(machine)
    machine.podman(["container", "checkpoint", "--create-image", "localhost/theirs:1", "state"])
    machine.podman(["rm", "-f", "state"])
    machine.podman(["volume", "rm", "data"])
    back = machine.task("checkpoint", {"state": "imported", "image": "localhost/theirs:1"})
    assert back["container"]["State"]["Running"]
    goes_on(machine, before)
    refused = machine.task("checkpoint", {"state": "imported", "image": WISH["image"]}, fails=True)
    assert "not the checkpoint of a container" in refused["msg"]


def test_the_command(freezer: Machine) -> None:
    machine = freezer
    begin(machine)
    before = count(machine)
    shown = machine.sh("daemonless container checkpoint --keep --print-stats state")
    assert json.loads(shown)["container_statistics"][0]["criu_statistics"]["pages_written"] > 0
    assert machine.sh("daemonless container restore --all") == machine.podman_json(["inspect", "state"])[0]["Id"]
    machine.sh(f"daemonless container checkpoint -e {ARCHIVE} -c none state; daemonless rm state")
    machine.sh(f"daemonless volume ls -q | grep data; tar tf {ARCHIVE} | grep -q '^volumes/data.tar$'")
    machine.sh(f"daemonless container restore -i {ARCHIVE} --ignore-volumes -n other -p 8090:80")
    goes_on(machine, before, "other")
    done = machine.run(["daemonless", "container", "restore", "--name", "x", "other"], check=False)
    assert done.returncode == 125
    assert "--import" in done.stderr
