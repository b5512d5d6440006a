"""What happens to containers when nobody is looking, when a change fails, and when podman is put beside them."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])


@pytest.fixture
def box(new_machine, request):
    """A machine with the image in the user's store."""
    marker = request.node.get_closest_marker("machine")
    machine = new_machine(**(marker.kwargs if marker else {}))
    assert machine.registry.port == 5000
    user = request.node.callspec.params.get("user") if hasattr(request.node, "callspec") else None
    machine.task("image", {"name": IMAGE}, user=user)
    machine.mark()
    return machine


def state_of(machine, name, user):
    found = machine.task("container_info", {"name": [name]}, user=user)["containers"]
    return found[0]["State"] if found else None


def wait_for(deed, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = deed()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to that in time")


def nobody_starts_it(machine):
    """Nothing runs, and no exit command that might do something about that."""
    return machine.run(["pgrep", "-f", "conmon|container cleanup"], check=False).returncode == 1


@USERS
def test_a_container_that_ends_is_cleaned_up_with_nobody_there(box, user):
    task = {"name": "short", "image": IMAGE, "command": ["sh", "-c", "sleep 1; exit 7"], "publish": ["8080:80"]}
    box.task("container", task, user=user)
    wait_for(lambda: state_of(box, "short", user)["Status"] == "exited")
    assert box.leaks(only=("mounts", "netns", "addresses")) == {}
    assert state_of(box, "short", user)["ExitCode"] == 7
    assert box.podman(["ps", "-a", "--format", "{{.Status}}"], user).stdout.startswith("Exited (7)")
    box.task("container", {"name": "short", "state": "absent"}, user=user)
    assert box.leaks() == {}


@USERS
def test_one_with_rm_vanishes(box, user):
    box.task("container", {"name": "gone", "image": IMAGE, "command": ["true"], "rm": True}, user=user)
    wait_for(lambda: state_of(box, "gone", user) is None)
    assert box.leaks() == {}


@USERS
def test_restart_policy_counts_and_gives_up(box, user):
    task = {"name": "again", "image": IMAGE, "command": ["sh", "-c", "exit 3"], "restart_policy": "on-failure:2"}
    box.task("container", task, user=user)
    wait_for(lambda: box.task("container_info", {"name": ["again"]}, user=user)["containers"][0]["RestartCount"] == 2)
    wait_for(lambda: nobody_starts_it(box))
    found = box.task("container_info", {"name": ["again"]}, user=user)["containers"][0]
    assert (found["State"]["Status"], found["State"]["ExitCode"], found["RestartCount"]) == ("exited", 3, 2)


@USERS
def test_always_comes_back_until_it_is_stopped(box, user):
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "restart_policy": "always", "stop_timeout": 0}
    first = box.task("container", task, user=user)["container"]["State"]["Pid"]
    box.run(["kill", "-9", str(first)])

    def came_back():
        state = state_of(box, "web", user)
        return state["Running"] and state["Pid"] not in (0, first)

    wait_for(came_back)
    box.task("container", {"name": "web", "state": "stopped"}, user=user)
    wait_for(lambda: nobody_starts_it(box))
    assert state_of(box, "web", user)["Status"] == "exited"


@USERS
def test_a_change_that_cannot_start_leaves_the_old_container_running(box, user):
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0, "env": {"A": "b"}}
    old = box.task("container", task, user=user)["container"]
    failed = box.task("container", {**task, "command": ["/no/such/program"]}, user=user, fails=True)
    assert "/no/such/program" in failed["msg"]
    assert "as it was before runs again under the name web" in failed["msg"]
    now = box.task("container", task, user=user)
    assert now["changed"] is False
    assert (now["container"]["Id"], now["container"]["State"]["Status"]) == (old["Id"], "running")
    assert [entry["Names"] for entry in box.podman_json(["ps", "-a", "--format", "json"], user)] == [["web"]]


def test_a_port_in_use_names_its_holder_and_leaves_nothing(box):
    task = {"image": IMAGE, "command": ["sleep", "1000"], "publish": ["8080:80"], "stop_timeout": 0}
    box.task("container", {**task, "name": "db"})
    failed = box.task("container", {**task, "name": "web"}, fails=True)
    assert "8080/tcp: already in use by container db" in failed["msg"]
    assert state_of(box, "web", None) is None
    box.task("container", {"name": "db", "state": "absent"})
    assert box.leaks() == {}


def test_a_tag_that_moved_is_noticed_as_pull_says(box, images):
    image = "127.0.0.1:5000/moving:1"
    box.registry.push("moving:1", images["busybox:latest"])
    task = {"name": "web", "image": image, "command": ["sleep", "1000"], "stop_timeout": 0}
    box.task("container", task)
    box.registry.push("moving:1", images["web:latest"])
    assert box.task("container", task)["changed"] is False
    predicted = box.task("container", {**task, "pull": "newer"}, check=True)
    real = box.task("container", {**task, "pull": "newer"})
    assert predicted["changed"] is real["changed"] is True
    assert real["container"]["Image"] == images["web:latest"].id
    assert box.task("container", {**task, "pull": "always"})["changed"] is False


@pytest.mark.machine(os="debian13")  # podman 5 with the runtime of its own time
@USERS
def test_podman_manages_what_we_made_and_finds_nothing_wrong(box, user):
    task = {"name": "web", "image": IMAGE, "command": ["httpd", "-f", "-h", "/www"], "publish": ["8080:80"]}
    box.task("container", {**task, "volume": ["data:/data"], "stop_timeout": 0}, user=user)
    assert box.podman(["exec", "web", "cat", "/etc/hostname"], user).stdout.strip()
    assert box.podman(["inspect", "web", "--format", "{{.State.Status}}"], user).stdout.strip() == "running"
    assert "busybox" in box.podman(["top", "web"], user).stdout or "httpd" in box.podman(["top", "web"], user).stdout
    assert box.podman(["system", "check"], user).returncode == 0
    box.podman(["stop", "web"], user)
    assert state_of(box, "web", user)["Status"] == "exited"
    box.podman(["start", "web"], user)
    assert state_of(box, "web", user)["Running"] is True
    box.podman(["rm", "-f", "-t", "0", "web"], user)
    assert state_of(box, "web", user) is None
    box.podman(["volume", "rm", "data"], user)
    assert box.leaks(only=("addresses",)) == {}


@USERS
def test_what_podman_made_is_adopted_as_it_is(box, user):
    box.podman(["create", "--name", "web", "-e", "A=b", "--restart", "always", IMAGE, "sleep", "1000"], user)
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "env": {"A": "b"}, "stop_timeout": 10}
    made = box.task("container_info", {"name": ["web"]}, user=user)["containers"][0]
    result = box.task("container", {**task, "restart_policy": "always", "state": "created"}, user=user)
    assert (result["changed"], result["container"]["Id"]) == (False, made["Id"])
    result = box.task("container", {**task, "restart_policy": "always"}, user=user)
    assert result["actions"] == ["started web"]
    assert result["container"]["State"]["Running"] is True
    box.task("container", {"name": "web", "state": "absent"}, user=user)


@USERS
def test_two_tasks_about_one_name_take_turns(box, user):
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
    payloads = [box.payload("container", {**task, "env": {"A": value}}, user) for value in "bc"]
    for number, payload in enumerate(payloads):
        box.write(f"/tmp/task{number}.py", payload, 0o644)
    script = "for n in 0 1 0 1; do python3 /tmp/task$n.py >/tmp/out$n 2>&1 & done; wait; cat /tmp/out*"
    text = box.sh(script, user)
    assert '"failed": true' not in text
    assert [entry["Names"] for entry in box.podman_json(["ps", "-a", "--format", "json"], user)] == [["web"]]
    box.task("container", {"name": "web", "state": "absent", "force_delete": True}, user=user)


def test_nothing_to_do_starts_no_process_and_check_mode_writes_nothing(box):
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "publish": ["8080:80"], "stop_timeout": 0}
    box.task("container", task)

    def processes(module, args, **more):
        """How many process ids a task uses up; the machine has its own pid namespace, where threads may come too."""
        used = []
        for _turn in range(3):
            before = int(box.read("/proc/loadavg").split()[4])
            box.task(module, args, **more)
            used.append(int(box.read("/proc/loadavg").split()[4]) - before)
        return min(used)

    quiet = processes("ansible.builtin.ping", {})
    assert processes("container", task) == quiet
    before = box.sh("find /var/lib/containers /run/libpod /run/containers -printf '%p %T@ %s\\n' | sort | sha256sum")
    assert processes("container", {**task, "memory": "64m", "env": {"X": "y"}}, check=True) == quiet
    assert before == box.sh(
        "find /var/lib/containers /run/libpod /run/containers -printf '%p %T@ %s\\n' | sort | sha256sum"
    )


def test_no_time_to_stop_means_none(box):
    """Its program is not even asked."""
    script = "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    box.task("container", {"name": "deaf", "image": IMAGE, "command": ["sh", "-c", script], "stop_timeout": 0})
    wait_for(lambda: box.podman(["logs", "deaf"]).stdout == "up\n")
    assert box.task("container", {"name": "deaf", "state": "stopped"})["container"]["State"]["ExitCode"] == 137
    assert box.podman(["logs", "deaf"]).stdout == "up\n"


@USERS
def test_an_end_that_nobody_has_recorded_is_told_whole(box, user):
    """The process is gone and the clean-up has not come: code and time are the monitor's."""
    script = "trap 'exit 3' USR1; while :; do sleep 0.05; done"
    made = box.task("container", {"name": "web", "image": IMAGE, "command": ["sh", "-c", script]}, user=user)
    command = box.task("host_info", {}, user=user)["host"]["runtime"]["home"] + "/daemonless"
    box.sh(f"mv {command} {command}.away")
    try:
        pid = made["container"]["State"]["Pid"]
        # a signal that comes before the program waits for it is lost: the kernel gives it to nobody
        box.sh(f"while [ -e /proc/{pid} ]; do kill -USR1 {pid} || true; sleep 0.1; done")
        state = box.task("container_info", {"name": ["web"]}, user=user)["containers"][0]["State"]
    finally:
        box.sh(f"mv {command}.away {command}")
    assert (state["Status"], state["Running"], state["ExitCode"]) == ("exited", False, 3)
    assert state["FinishedAt"] > state["StartedAt"]
