"""Many containers made, changed and removed by several tasks at once, podman looking on: nothing is lost or left."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from machine import Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
TASKS = 4


def tasks_at_once(machine: Machine, groups: list[list[dict[str, object]]]) -> None:
    """One `containers` task for each group, all at the same time, each from a process of its own."""
    machine.task("image", {"name": IMAGE})
    payloads = [machine.payload("containers", {"containers": group}) for group in groups]

    def send(payload: bytes) -> None:
        done = machine.run(["/usr/bin/python3"], check=False, input=payload, timeout=1800)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

    def watch(_turn: int) -> None:
        machine.podman(["ps", "-a", "--format", "json"])

    with ThreadPoolExecutor(TASKS + 1) as pool:
        running = [pool.submit(send, payload) for payload in payloads]
        looking = pool.submit(lambda: [watch(turn) for turn in range(3)])
        for one in (*running, looking):
            one.result()


def seen(machine: Machine) -> dict[str, tuple[str, str]]:
    """Name -> (state, label), by podman."""
    listed = json.loads(machine.podman(["ps", "-a", "--format", "json"]).stdout or "[]")
    return {one["Names"][0]: (one["State"], (one["Labels"] or {}).get("turn", "")) for one in listed}


@pytest.mark.parametrize("count", [24, pytest.param(200, marks=pytest.mark.slow)])
def test_containers_by_several_tasks_at_once(machine: Machine, count: int) -> None:
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE})
    machine.mark()
    names = [f"c{number}" for number in range(count)]
    base = {"image": IMAGE, "command": ["sleep", "10000"], "stop_timeout": 0}

    def groups(**more: object) -> list[list[dict[str, object]]]:
        return [[{"name": name, **more} for name in names[first::TASKS]] for first in range(TASKS)]

    tasks_at_once(machine, groups(**base, label={"turn": "1"}))
    assert seen(machine) == dict.fromkeys(names, ("running", "1"))
    tasks_at_once(machine, groups(**base, label={"turn": "2"}))
    assert seen(machine) == dict.fromkeys(names, ("running", "2"))
    again = machine.task("containers", {"containers": sum(groups(**base, label={"turn": "2"}), [])}, timeout=1800)
    assert again["changed"] is False
    tasks_at_once(machine, groups(state="absent"))
    assert seen(machine) == {}
    assert machine.leaks(patience=60) == {}
