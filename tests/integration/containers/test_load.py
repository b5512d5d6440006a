"""Many containers made, changed and removed by several tasks at once, podman looking on: nothing is lost or left."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
TASKS = 4


def complaint(answer: str) -> str:
    """What a task says of itself, without the whole of what it was asked."""
    try:
        found = json.loads(answer)
    except ValueError:
        return answer[-3000:]
    return "\n".join(str(found.get(key)) for key in ("msg", "warnings", "errors", "actions"))[:6000]


def tasks_at_once(machine: Machine, groups: list[list[dict[str, object]]], user: str | None) -> None:
    """One `containers` task for each group, all at the same time, each from a process of its own."""
    machine.task("image", {"name": IMAGE}, user=user)
    payloads = [machine.payload("containers", {"containers": group}, user) for group in groups]

    def send(payload: bytes) -> None:
        done = machine.run(["/usr/bin/python3"], user, check=False, input=payload, timeout=1800)
        assert done.returncode == 0, complaint(done.stdout) + done.stderr[-1000:]

    def watch(_turn: int) -> None:
        machine.podman(["ps", "-a", "--format", "json"], user)

    with ThreadPoolExecutor(TASKS + 1) as pool:
        running = [pool.submit(send, payload) for payload in payloads]
        looking = pool.submit(lambda: [watch(turn) for turn in range(3)])
        for one in (*running, looking):
            one.result()


def seen(machine: Machine, user: str | None) -> dict[str, tuple[str, str]]:
    """Name -> (state, label), by podman."""
    listed = json.loads(machine.podman(["ps", "-a", "--format", "json"], user).stdout or "[]")
    return {one["Names"][0]: (one["State"], (one["Labels"] or {}).get("turn", "")) for one in listed}


#: The kernel gives a plain user 200 keyrings, and each container takes one.
OF_A_USER = 150
LONG = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("count", "user"), [(24, None), pytest.param(200, None, marks=LONG), pytest.param(OF_A_USER, USER, marks=LONG)]
)
def test_containers_by_several_tasks_at_once(machine: Machine, count: int, user: str | None) -> None:
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    machine.mark()
    names = [f"c{number}" for number in range(count)]
    base = {"image": IMAGE, "command": ["sleep", "10000"], "stop_timeout": 0}

    def groups(**more: object) -> list[list[dict[str, object]]]:
        return [[{"name": name, **more} for name in names[first::TASKS]] for first in range(TASKS)]

    tasks_at_once(machine, groups(**base, label={"turn": "1"}), user)
    assert seen(machine, user) == dict.fromkeys(names, ("running", "1"))
    tasks_at_once(machine, groups(**base, label={"turn": "2"}), user)
    assert seen(machine, user) == dict.fromkeys(names, ("running", "2"))
    everyone: list[dict[str, object]] = sum(groups(**base, label={"turn": "2"}), [])
    again = machine.task("containers", {"containers": everyone}, user=user, timeout=1800)
    assert again["changed"] is False
    tasks_at_once(machine, groups(state="absent"), user)
    assert seen(machine, user) == {}
    assert machine.leaks() == {}
