"""Containers of pods, frozen out of them and brought back into them: in place, into another pod, with podman 5 as the
other party in both directions, and all of a pod at once."""

from __future__ import annotations

import frozen_state
import pytest
from frozen_state import IMAGE, ask, begin, count, goes_on, until
from machine import Machine

ARCHIVE = "/var/tmp/state.tar"
POD = {"name": "web", "publish": ["8088:80"], "hostname": "webhost", "state": "started"}
IN_POD = {"network": None, "publish": None}
COUNT = "i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done"
PLAIN = {"image": IMAGE, "command": ["sh", "-c", COUNT], "stop_timeout": 0}


def counted(machine: Machine, name: str) -> int:
    return int(ask(machine, "cat /count || echo 0", name))


def counts_on(machine: Machine, name: str, before: int = 0) -> None:
    first = counted(machine, name)
    assert first >= before, "its memory began anew"
    until(machine, name, lambda: counted(machine, name) > first)


def spaces(machine: Machine, name: str) -> str:
    return ask(machine, "cd /proc/1/ns && readlink net ipc uts; hostname; hostname -i; ls /dev/shm | sort", name)


def pod_of(machine: Machine, name: str) -> str:
    pod = machine.podman_json(["inspect", name])[0]["Pod"]
    return str(machine.podman_json(["pod", "inspect", pod])[0]["Name"]) if pod else ""


def state_of(machine: Machine, name: str) -> str:
    return str(machine.podman_json(["pod", "inspect", name])[0]["State"])


def clear(machine: Machine) -> None:
    for pod in machine.podman(["pod", "ps", "--format", "{{.Name}}"]).stdout.split():
        machine.task("pod", {"name": pod, "state": "absent"})
    machine.podman(["rm", "-f", "-t", "0", "-a"])
    machine.podman(["volume", "prune", "-f"])
    machine.sh(f"rm -f {ARCHIVE}*")


@pytest.fixture
def box(shared_freezer: Machine) -> Machine:
    """A machine with a pod of two containers that count, `one` made before `two`: in this order they are thawed."""
    machine = shared_freezer
    clear(machine)
    machine.task("pod", {**POD, "parallel": 1, "containers": [{"name": name, **PLAIN} for name in ("one", "two")]})
    for name in ("one", "two"):
        until(machine, name, lambda name=name: counted(machine, name) > 1)
    return machine


def test_kept_and_restored(each_runtime: Machine) -> None:
    """It leaves the pod's namespaces and comes back into them, while another one of the pod goes on in them."""
    machine = each_runtime
    machine.task("pod", POD)
    machine.task("container", {"name": "beside", "pod": "web", **PLAIN})
    begin(machine, pod="web", **IN_POD)
    before, here = count(machine), spaces(machine, "state")
    assert "block" in here and "webhost" in here
    assert machine.task("checkpoint", {"name": "state"}, check=True)["changed"]
    made = machine.task("checkpoint", {"name": "state"})
    assert made["container"]["State"]["Checkpointed"]
    assert not machine.task("checkpoint", {"name": "state"})["changed"]
    assert state_of(machine, "web") == "Degraded"
    [known] = machine.task("checkpoint_info", {"name": ["state"]})["checkpoints"]
    assert (known["can_restore"], known["pod"], sorted(known["shares"])) == (True, "web", ["ipc", "net", "uts"])
    counts_on(machine, "beside")
    ask(machine, "echo fresh >/dev/shm/block; echo more >/dev/shm/more", "beside")
    assert machine.task("checkpoint", {"name": "state", "state": "restored"}, check=True)["changed"]
    assert machine.task("checkpoint", {"name": "state", "state": "restored"})["changed"]
    assert spaces(machine, "state") == here.replace("block", "block\nmore")
    assert spaces(machine, "beside") == spaces(machine, "state")
    assert ask(machine, "cat /dev/shm/block") == "fresh", "what the others wrote meanwhile stays"
    ask(machine, "echo shared >/dev/shm/block; rm /dev/shm/more")
    goes_on(machine, before)
    assert state_of(machine, "web") == "Running"

    # podman freezes it and we thaw it, and the other way round.
    before = count(machine)
    machine.podman(["container", "checkpoint", "state"])
    machine.task("checkpoint", {"name": "state", "state": "restored"})
    assert count(machine) >= before
    machine.task("checkpoint", {"name": "state"})
    machine.podman(["container", "restore", "state"])
    counts = count(machine)
    assert counts >= before
    until(machine, "state", lambda: count(machine) > counts)

    # A pod that was stopped meanwhile has other namespaces, and nothing in its shared memory.
    before = count(machine)
    machine.task("checkpoint", {"name": "state"})
    machine.task("pod", {"name": "web", "state": "stopped"})
    machine.task("checkpoint", {"name": "state", "state": "restored"})
    assert count(machine) >= before
    assert ask(machine, "cat /dev/shm/block") == "shared"
    assert machine.podman(["ps", "--format", "{{.Names}}"]).stdout.split().count("beside") == 0
    machine.task("pod", {"name": "web", "state": "absent"})
    machine.podman(["volume", "rm", "data"])
    assert machine.leaks() == {}


def test_podman_restores_ours_and_we_restore_podmans(each_runtime: Machine) -> None:
    """Out of a pod of the one, into a pod of the other."""
    machine = each_runtime
    machine.task("pod", POD)
    begin(machine, pod="web", **IN_POD)
    before = count(machine)
    made = machine.task("checkpoint", {"name": "state", "state": "exported", "dest": ARCHIVE})
    assert made["checkpoint"]["digest"].startswith("sha256:")
    machine.podman(["rm", "state"])
    machine.podman(["volume", "rm", "data"])
    machine.podman(["pod", "create", "--name", "theirs"])
    machine.podman(["container", "restore", "--import", ARCHIVE, "--pod", "theirs"])
    assert pod_of(machine, "state") == "theirs"
    goes_on(machine, before)

    before = count(machine)
    machine.podman(["container", "checkpoint", "--export", f"{ARCHIVE}.theirs", "state"])
    machine.podman(["rm", "state"])
    machine.podman(["volume", "rm", "data"])
    machine.podman(["pod", "rm", "-f", "-t", "0", "theirs"])
    machine.task("pod", {"name": "web", "state": "absent"})
    machine.task("pod", {"name": "back", "publish": ["8089:80"]})
    bring = {"state": "imported", "src": f"{ARCHIVE}.theirs", "pod": "back"}
    foretold = machine.task("checkpoint", bring, check=True)
    assert foretold["changed"]
    assert foretold["diff"]["after"] == {"name": "state", "pod": "back", "state": "running", "volumes": ["data"]}
    assert state_of(machine, "back") == "Created"
    back = machine.task("checkpoint", bring)
    assert (back["changed"], back["diff"], back["container"]["Name"]) == (True, foretold["diff"], "state")
    assert pod_of(machine, "state") == "back"
    assert not machine.task("checkpoint", bring)["changed"]
    goes_on(machine, before)
    machine.podman(["pod", "stop", "-t", "0", "back"])
    machine.podman(["pod", "start", "back"])
    until(machine, "state", lambda: count(machine) > 0)
    machine.podman(["pod", "rm", "-f", "-t", "0", "back"])
    machine.podman(["volume", "rm", "data"])
    assert machine.leaks() == {}


def test_the_command(freezer: Machine) -> None:
    """Twice out of one archive, into two pods; and out of a pod that podman made, into one of podman's."""
    machine = freezer
    machine.podman(["pod", "create", "--name", "first"])
    machine.podman(["pod", "create", "--name", "second"])
    begin(machine, pod="first", **IN_POD)
    before = count(machine)
    machine.sh(f"daemonless container checkpoint -e {ARCHIVE} state; daemonless rm state; daemonless volume rm data")
    machine.sh(f"daemonless container restore -i {ARCHIVE} --pod first")
    goes_on(machine, before)
    machine.sh(f"daemonless container restore -i {ARCHIVE} --pod second -n again --ignore-volumes")
    assert [pod_of(machine, name) for name in ("state", "again")] == ["first", "second"]
    assert count(machine, "again") >= before
    assert spaces(machine, "state").split()[:2] != spaces(machine, "again").split()[:2]
    for line, words in (
        (f"-i {ARCHIVE} -n third", "it comes out of a pod"),
        (f"-i {ARCHIVE} -n third --pod none", "there is no pod"),
        (f"-i {ARCHIVE} -n third --pod first -p 8090:80", "so are the ports"),
        ("--pod first state", "--import"),
    ):
        done = machine.run(["daemonless", "container", "restore", *line.split()], check=False)
        assert done.returncode == 125 and words in done.stderr, (line, done.stderr)
    assert machine.podman(["ps", "-a", "--format", "{{.Names}}"]).stdout.split().count("third") == 0


def refused(machine: Machine, wish: dict[str, object], *words: str) -> None:
    """In check mode and in earnest, with the same words."""
    for check in (True, False):
        message = machine.task("checkpoint", wish, check=check, fails=True)["msg"]
        assert all(word in message for word in words), message


def test_told_before_it_is_tried(box: Machine) -> None:
    infra = box.podman_json(["pod", "inspect", "web"])[0]["InfraContainerID"]
    refused(box, {"name": infra}, "it is the infra container of pod web")
    refused(box, {"name": "one", "pod": "web"}, "Say one of them")
    refused(box, {"pod": "web", "pre_checkpoint": True}, "it is for one container")
    refused(box, {"pod": "none"}, "no pod with name or ID none")
    refused(box, {"name": "one", "state": "exported", "dest": ARCHIVE, "pod": "web"}, "no meaning with state exported")
    box.task("container", {"name": "three", "network": ["container:one"], **PLAIN})
    refused(box, {"name": "three"}, "it shares the network namespace of container")
    box.podman(["rm", "-f", "-t", "0", "three"])
    box.task("pod", {"name": "more", "share": "pid"})
    box.task("container", {"name": "sharing", "pod": "more", **PLAIN})
    words = "it shares the pid namespace of pod more, where the numbers of its processes may be taken"
    refused(box, {"name": "sharing"}, words)
    refused(box, {"pod": "more"}, "cannot be checkpointed", "container sharing", words)
    box.task("pod", {"name": "more", "state": "absent"})

    box.task("checkpoint", {"name": "one", "state": "exported", "dest": ARCHIVE})
    box.podman(["rm", "one"])
    bring = {"state": "imported", "src": ARCHIVE}
    refused(box, bring, "it comes out of a pod, and goes only into one")
    refused(box, {**bring, "pod": "none"}, "there is no pod with this name")
    refused(box, {**bring, "pod": "web", "publish": ["8090:80"]}, "so are the ports")
    box.task("pod", {"name": "less", "share": "net"})
    refused(box, {**bring, "pod": "less"}, "pod less shares no ipc namespace", "pod less shares no uts namespace")
    box.task("pod", {"name": "bare", "infra": False})
    refused(box, {**bring, "pod": "bare"}, "pod bare shares no network namespace")
    box.task("pod", {"name": "hosted", "network": ["host"]})
    refused(box, {**bring, "pod": "hosted"}, "pod hosted shares no network namespace")
    [seen] = box.task("checkpoint_info", {"src": [ARCHIVE], "pod": "less"})["checkpoints"]
    assert not seen["can_restore"] and "pod less shares no ipc namespace" in seen["obstacles"][0]
    [seen] = box.task("checkpoint_info", {"src": [ARCHIVE], "pod": "web"})["checkpoints"]
    assert (seen["can_restore"], seen["obstacles"], sorted(seen["shares"])) == (True, [], ["ipc", "net", "uts"])
    assert seen["privileges"] == {}
    box.task("container", {"name": "alone", "network": ["none"], **PLAIN})
    box.task("checkpoint", {"name": "alone", "state": "exported", "dest": f"{ARCHIVE}.alone"})
    box.podman(["rm", "alone"])
    refused(box, {**bring, "src": f"{ARCHIVE}.alone", "pod": "web"}, "it comes out of no pod")
    box.task("checkpoint", {**bring, "pod": "web"})
    counts_on(box, "one")


def test_all_of_a_pod(box: Machine) -> None:
    before = {name: counted(box, name) for name in ("one", "two")}
    foretold = box.task("checkpoint", {"pod": "web"}, check=True)
    made = box.task("checkpoint", {"pod": "web", "print_stats": True})
    assert (made["changed"], made["diff"], made["actions"]) == (True, foretold["diff"], foretold["actions"])
    assert made["diff"]["after"]["containers"] == {"one": "frozen", "two": "frozen"}
    assert {name: numbers["pages_written"] > 0 for name, numbers in made["statistics"].items()} == {
        "one": True,
        "two": True,
    }
    assert [one["exists"] for one in made["checkpoints"]] == [True, True]
    found = box.task("checkpoint_info", {"pod": "web"})["checkpoints"]
    assert [(one["name"], one["pod"]) for one in found] == [("one", "web"), ("two", "web")]
    for check in (True, False):
        assert not box.task("checkpoint", {"pod": "web"}, check=check)["changed"]
    foretold = box.task("checkpoint", {"pod": "web", "state": "restored"}, check=True)
    back = box.task("checkpoint", {"pod": "web", "state": "restored"})
    assert (back["changed"], back["diff"]) == (True, foretold["diff"])
    assert [one["State"]["Running"] for one in back["containers"]] == [True, True]
    assert not box.task("checkpoint", {"pod": "web", "state": "restored"})["changed"]
    for name, number in before.items():
        counts_on(box, name, number)

    # All go on running, and each can come back to what it was.
    foretold = box.task("checkpoint", {"pod": "web", "leave_running": True}, check=True)
    made = box.task("checkpoint", {"pod": "web", "leave_running": True})
    assert (made["changed"], made["diff"]) == (True, foretold["diff"])
    assert [(one["exists"], name) for one, name in zip(made["checkpoints"], before)] == [(True, "one"), (True, "two")]
    assert [one["State"]["Running"] for one in made["containers"]] == [True, True]
    before = {name: counted(box, name) for name in before}
    for name, number in before.items():
        counts_on(box, name, number)
    box.task("pod", {"name": "web", "state": "stopped"})
    box.task("checkpoint", {"pod": "web", "state": "restored"})
    for name in before:
        counts_on(box, name, 1)


def test_all_of_a_pod_or_nothing(box: Machine) -> None:
    """One that cannot be frozen: the other goes on with its memory."""
    held = "exec 7>/lock; /usr/bin/flock -x 7 && echo held >/state; while :; do sleep 0.1; done"
    programs = ["/usr:/usr:ro", "/usr/lib:/lib:ro", "/usr/lib64:/lib64:ro"]
    box.task("container", {**PLAIN, "name": "two", "pod": "web", "command": ["sh", "-c", held], "volume": programs})
    until(box, "two", lambda: ask(box, "cat /state || true", "two") == "held")
    before = counted(box, "one")
    for running in (False, True):
        wish = {"pod": "web", "leave_running": running}
        refused(box, wish, "container two", "its processes hold locks on files")
    counts_on(box, "one", before)
    log = "/run/lab/steps"
    wish = {"pod": "web", "tcp_established": True}
    box.task("checkpoint", wish, fails=True, env={"DAEMONLESS_STEPS_LOG": log})
    steps = box.read(log).split()
    assert "pod-container-frozen" in steps
    assert "network-still" in steps[steps.index("pod-container-frozen") :], "no connection is cut off on the way back"
    assert not still(box)
    counts_on(box, "one", before)
    assert box.task("checkpoint_info", {})["checkpoints"] == []
    assert state_of(box, "web") == "Running"
    box.task("pod", {"name": "web", "state": "stopped"})
    refused(box, {"pod": "web"}, "none of its containers runs")
    refused(box, {"pod": "web", "state": "restored"}, "no checkpoint is kept of its containers")


def test_a_restore_that_fails_leaves_the_pod_as_it_was(box: Machine) -> None:
    box.task("checkpoint", {"pod": "web"})
    box.task("pod", {"name": "web", "state": "stopped"})
    static = box.podman_json(["inspect", "two"])[0]["StaticDir"]
    box.sh(f"cp {static}/checkpoint/pstree.img /var/tmp/state.tar.copy; echo broken >{static}/checkpoint/pstree.img")
    message = box.task("checkpoint", {"name": "two", "state": "restored"}, fails=True)["msg"]
    assert "restore container two" in message
    assert box.podman(["ps", "-q"]).stdout == "", "the infra container was started for it alone"
    message = box.task("checkpoint", {"pod": "web", "state": "restored"}, fails=True)["msg"]
    assert "What came back and runs of pod web: one" in message
    counts_on(box, "one")
    box.sh(f"cp /var/tmp/state.tar.copy {static}/checkpoint/pstree.img")
    assert box.task("checkpoint", {"pod": "web", "state": "restored"})["actions"] == ["Restored container two"]
    counts_on(box, "two")


def test_a_pod_that_ends_with_its_containers_waits_for_frozen_ones(box: Machine) -> None:
    box.task("pod", {**POD, "exit_policy": "stop"})
    box.task("checkpoint", {"name": "one"})
    box.podman(["kill", "two"])
    until(box, "two", lambda: box.run(["pgrep", "-f", "container cleanup"], check=False).returncode)
    assert state_of(box, "web") == "Degraded", "the infra container is there"
    box.task("checkpoint", {"name": "one", "state": "restored"})
    box.podman(["kill", "one"])
    until(box, "one", lambda: box.podman(["ps", "-q"]).stdout == "")


TALK = 'nc -ll -p 7 -e cat & until test "$(echo heard | nc 127.0.0.1 7)" = heard; do sleep 0.1; done; kill $!'


def still(machine: Machine) -> bool:
    return frozen_state.still(machine, machine.podman_json(["pod", "inspect", "web"])[0]["InfraContainerID"])


def talks(machine: Machine, name: str) -> bool:
    done = machine.run(["daemonless", "exec", name, "timeout", "20", "sh", "-c", TALK], check=False)
    return done.returncode == 0


def test_what_runs_of_a_pod_has_a_network(box: Machine) -> None:
    """CRIU leaves the network of processes that it froze still, for all others of the pod as well."""
    box.task("checkpoint", {"name": "one"})
    assert not still(box) and talks(box, "two")
    box.task("container", {"name": "one", "state": "absent"})
    assert not still(box)
    box.task("checkpoint", {"pod": "web", "leave_running": True})
    assert not still(box) and talks(box, "two")
    box.task("checkpoint", {"pod": "web"})
    assert still(box), "connections to the pod outlive its freeze"
    box.task("checkpoint", {"pod": "web", "state": "restored"})
    assert not still(box) and talks(box, "two")
    box.task("checkpoint", {"pod": "web"})
    box.task("container", {"name": "two", "pod": "web", **PLAIN})
    assert not still(box) and talks(box, "two"), "it was started from the beginning"


def test_a_frozen_pod_is_started_from_the_beginning(box: Machine) -> None:
    box.task("checkpoint", {"pod": "web"})
    assert box.task("pod", {"name": "web", "state": "started"}, check=True)["changed"]
    assert state_of(box, "web") != "Running"
    assert box.task("pod", {"name": "web", "state": "started"})["changed"]
    assert state_of(box, "web") == "Running" and not still(box)
    assert not box.task("pod", {"name": "web", "state": "started"})["changed"]


@pytest.mark.parametrize(
    "wish, step",
    [
        ({"name": "one"}, "checkpoint-dumped"),
        ({"pod": "web"}, "pod-container-frozen"),
        ({"pod": "web", "state": "restored", "tcp_established": True}, "network-still"),
        ({"pod": "web", "state": "restored", "tcp_established": True}, "pod-container-thawed"),
    ],
)
def test_a_kill_leaves_no_network_still(box: Machine, wish: dict[str, object], step: str) -> None:
    restoring = "state" in wish
    if restoring:
        box.task("checkpoint", {"pod": "web"})
    assert box.attempt("checkpoint", wish, step=step).returncode in (-9, 137)
    until(box, "two", lambda: box.run(["pgrep", "-f", "container cleanup"], check=False).returncode)
    box.task("checkpoint", wish)
    assert still(box) == (wish == {"pod": "web"})
    box.task("checkpoint", {"pod": "web", "state": "restored"})
    assert not still(box) and talks(box, "two")
