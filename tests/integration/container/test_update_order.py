"""`update_order: start-first`: the new container runs before the old one stops, or the old one has not been touched."""

from __future__ import annotations

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
WEB = {
    "name": "web",
    "image": IMAGE,
    "command": ["httpd", "-f", "-p", "80"],
    "network": ["lan"],
    "publish": ["80"],
    "stop_timeout": 0,
    "update_order": "start-first",
}
#: Up to here a killed task is taken back, from here it is carried through.
TAKEN_BACK = ("netns-made", "replacement-begun")
CARRIED_THROUGH = ("replacement-ready", "names-swapped-in-database")


@pytest.fixture
def box(new_machine, request):
    machine = new_machine()
    machine.user = request.node.callspec.params["user"]
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=machine.user)
    machine.task("network", {"name": "lan"}, user=machine.user)
    machine.mark()
    return machine


def containers(machine):
    listed = machine.podman_json(["ps", "-a", "--format", "json"], machine.user)
    return {entry["Names"][0]: (entry["Id"], entry["State"]) for entry in listed}


def killed(machine, args, step):
    payload = machine.lab.payloads.build("container", args, check=False, diff=True)
    done = machine.run(["/usr/bin/python3"], machine.user, check=False, input=payload, env={"DAEMONLESS_STOP_AT": step})
    assert done.returncode in (-9, 137), f"{step} was not passed: {done.stdout}"


def deeds(machine, cid):
    """What happened to a container, with the time of each."""
    shown = machine.podman(["events", "--stream=false", "--format", "{{.ID}} {{.Status}} {{.TimeNano}}"], machine.user)
    lines = [line.split() for line in shown.stdout.splitlines() if line.startswith(cid)]
    return {status: int(time) for _id, status, time in lines}


@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
def test_the_new_one_starts_first_or_not_at_all(box, user):

    def task(change, **options):
        return box.task("container", {**WEB, **change}, user=user, **options)

    task({})
    (old, _state), first = containers(box)["web"], task({}, check=True)
    assert first["changed"] is False
    shown = task({"env": {"A": "b"}}, check=True)
    done = task({"env": {"A": "b"}})
    assert (shown["actions"], shown["diff"]) == (done["actions"], done["diff"])
    assert done["actions"] == ["recreated web", "started web"]
    new = done["container"]["Id"]
    assert containers(box) == {"web": (new, "running")} and new != old
    assert deeds(box, new)["start"] < deeds(box, old)["stop"]
    hosts = box.podman(["exec", "web", "cat", "/etc/hosts"], user).stdout
    assert hosts.split("\n")[-2].split()[-1] == "web"
    address = done["container"]["NetworkSettings"]["Networks"]["lan"]["IPAddress"]
    found = box.podman(["run", "--rm", "--network", "lan", IMAGE, "nslookup", "web."], user, check=False).stdout
    assert f"Address: {address}" in found and found.count("Address: ") <= 2

    # what the two cannot share is told, also in check mode, and nothing has been done
    fixed = {"env": {"A": "b"}, "publish": ["8080:80"]}
    task(fixed)
    for check in (True, False):
        told = task({**fixed, "env": {}}, fails=True, check=check)["msg"]
        assert "both want port 8080/tcp" in told and "update_order: stop-first" in told
    assert task(fixed)["changed"] is False
    task({**fixed, "env": {}, "update_order": "stop-first"})
    task({})
    before = containers(box)
    check_of = {"state": "healthy", "healthcheck_interval": "1s", "env": {"B": "c"}}

    # one that cannot start, and one that does not become healthy
    for change in (
        {"command": ["/no/such"]},
        {**check_of, "healthcheck": "false", "wait_timeout": 1.5},
    ):
        told = task(change, fails=True)["msg"]
        assert "still runs under the name web" in told
        assert containers(box) == before
        assert "stop" not in deeds(box, before["web"][0])
    assert task({**check_of, "healthcheck": "true"})["container"]["Id"] != before["web"][0]
    assert list(containers(box)) == ["web"]
    task({"state": "absent"})
    assert box.leaks() == {}


@pytest.mark.parametrize("user", [None, pytest.param("tester", marks=pytest.mark.slow)], ids=["root", "user"])
def test_a_killed_task_leaves_what_the_next_one_mends(box, user):
    def task(change):
        return box.task("container", {**WEB, **change}, user=user)

    task({})
    for number, step in enumerate((*TAKEN_BACK, *CARRIED_THROUGH)):
        change = {"env": {"A": str(number)}}
        before = containers(box)["web"]
        killed(box, {**WEB, **change}, step)
        left = containers(box)
        assert "" not in left, step
        if step in TAKEN_BACK:
            assert left["web"] == before, step
            box.task("container", {"name": "other", "state": "absent"}, user=user)
            assert containers(box) == {"web": before}, step
        assert task(change)["changed"] is (step in TAKEN_BACK), step
        assert [(name, state) for name, (_id, state) in containers(box).items()] == [("web", "running")], step
        assert box.task("container_info", {"name": ["web"]}, user=user)["containers"][0]["Id"] != before[0]
    task({"state": "absent"})
    assert box.leaks() == {}
