"""States beyond running and not running, in check mode as in the run; a health gate, and the way back."""

from __future__ import annotations

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
WISH = {"name": "c", "image": IMAGE, "command": "sleep 1000", "stop_timeout": 0}


def both(machine: Machine, user: str | None, **more: object) -> dict[str, object]:
    wish = {**WISH, **more}
    ahead = machine.task("container", wish, user=user, check=True)
    done = machine.task("container", wish, user=user)
    for key in ("changed", "actions", "diff"):
        assert ahead.get(key) == done.get(key), key
    return done


def test_paused_killed_restarted(machine: Machine) -> None:
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE})
    for state, word in (("paused", "paused"), ("unpaused", "running"), ("killed", "exited"), ("paused", "paused")):
        done = both(machine, None, state=state)
        assert done["changed"]
        assert done["container"]["State"]["Status"] == word
        assert machine.podman_json(["inspect", "c"])[0]["State"]["Status"] == word
        assert not both(machine, None, state=state)["changed"]
    pid = both(machine, None, state="started")["container"]["State"]["Pid"]
    again = both(machine, None, state="restarted")
    assert again["changed"]
    assert again["container"]["State"]["Pid"] not in (0, pid)


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_healthy(machine: Machine, user: str | None) -> None:
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    check = {"healthcheck": "test -e /tmp/ok", "healthcheck_interval": "1s", "state": "healthy", "wait_timeout": 60}
    good = both(machine, user, command="sh -c 'sleep 1; touch /tmp/ok; sleep 1000'", **check)
    assert good["container"]["State"]["Health"]["Status"] == "healthy"
    pid = good["container"]["State"]["Pid"]
    broken = {"healthcheck": "echo broken; false", "healthcheck_retries": 1, "healthcheck_failure_action": "kill"}
    bad = {**WISH, **check, **broken, "command": "sleep 999"}
    failed = machine.task("container", bad, user=user, fails=True)
    assert "broken" in failed["msg"]
    assert "runs again under the name c" in failed["msg"]
    left = machine.podman_json(["inspect", "c"], user)[0]
    assert left["Id"] == good["container"]["Id"]
    assert left["State"]["Pid"] not in (0, pid)
    slow = {**WISH, **check, "healthcheck": "false", "command": "sleep 999", "wait_timeout": 2}
    failed = machine.task("container", slow, user=user, fails=True)
    assert "after 2 s" in failed["msg"]
    assert machine.podman_json(["inspect", "c"], user)[0]["Id"] == good["container"]["Id"]
    without = {**WISH, "name": "d", "state": "healthy"}
    assert "no health check" in machine.task("container", without, user=user, fails=True)["msg"]
