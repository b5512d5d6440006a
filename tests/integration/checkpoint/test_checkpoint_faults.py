"""kill -9 at every named step of freezing, thawing, exporting and importing: memory that was written is never lost, and
the next task gets where it wanted."""

from __future__ import annotations

import pytest
from frozen_state import IMAGE, ask, until
from machine import Machine

ARCHIVE = "/var/tmp/box.tar"
COUNT = (
    "i=$(cat /data/start || echo 0); "
    "while :; do i=$((i+1)); echo $i >/data/new; mv /data/new /data/count; sleep 0.1; done"
)
BOX = {
    "name": "box",
    "image": IMAGE,
    "command": ["sh", "-c", COUNT],
    "volume": ["data:/data"],
    "network": ["none"],
    "stop_timeout": 0,
    "restart_policy": "always",
}
FREEZE = {"name": "box"}
THAW = {"name": "box", "state": "restored"}
EXPORT = {"name": "box", "state": "exported", "dest": ARCHIVE}
IMPORT = {"state": "imported", "src": ARCHIVE}
#: Where a deed begins, and steps that it must pass; more are found by asking it.
DEEDS = {
    "freeze": ([], FREEZE, {"checkpoint-begun", "checkpoint-dumped", "checkpoint-whole", "checkpoint-recorded"}),
    "thaw": ([FREEZE], THAW, {"start-recorded", "bundle-written", "conmon-running", "restored"}),
    "export": ([], EXPORT, {"checkpoint-dumped", "export-written"}),
    "import": ([EXPORT], IMPORT, {"import-stored", "import-unpacked", "import-recorded", "restored"}),
}


def clear(machine: Machine) -> None:
    machine.task("container", {"name": "box", "state": "absent"})
    machine.sh(f"podman=/opt/judge/bin/podman; $podman volume rm -f data >/dev/null; rm -f {ARCHIVE}")


def prepare(machine: Machine, before: list[dict[str, object]]) -> None:
    """A container that has counted further than one that begins anew would for a long time."""
    clear(machine)
    machine.task("volume", {"name": "data"})
    machine.sh("echo 100000 >/var/lib/containers/storage/volumes/data/_data/start")
    machine.task("container", BOX)
    until(machine, "box", lambda: int(ask(machine, "cat /data/count || echo 0", "box")) > 100000)
    machine.sh("echo 0 >/var/lib/containers/storage/volumes/data/_data/start")
    for wish in before:
        machine.task("checkpoint", wish)
    if EXPORT in before:
        machine.task("container", {"name": "box", "state": "absent"})
        machine.podman(["volume", "rm", "data"])


def steps(machine: Machine, wish: dict[str, object]) -> list[str]:
    machine.run(["rm", "-f", "/run/lab/steps"])
    machine.task("checkpoint", wish, env={"DAEMONLESS_STEPS_LOG": "/run/lab/steps"})
    return list(dict.fromkeys(machine.read("/run/lab/steps").split()))


def killed(machine: Machine, wish: dict[str, object], step: str) -> bool:
    return machine.attempt("checkpoint", wish, step=step).returncode in (-9, 137)


def settled(machine: Machine) -> None:
    until(machine, "box", lambda: machine.run(["pgrep", "-f", "container cleanup"], check=False).returncode)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("deed", DEEDS)
def test_every_step_of(deed: str, shared_freezer: Machine) -> None:
    machine = shared_freezer
    before, wish, expected = DEEDS[deed]
    prepare(machine, before)
    found = steps(machine, wish)
    assert expected <= set(found)
    for step in [one for one in found if one.startswith(("checkpoint", "import", "restored", "export", "conmon"))]:
        prepare(machine, before)
        if not killed(machine, wish, step):
            continue
        settled(machine)
        machine.task("checkpoint", wish)
        if deed == "export":
            machine.task("container", {"name": "box", "state": "absent"})
            machine.podman(["volume", "rm", "data"])
            machine.task("checkpoint", IMPORT)
        elif deed == "freeze":
            machine.task("checkpoint", THAW)
        count = int(ask(machine, "cat /data/count", "box"))
        assert count > 100000, f"{step}: its memory is lost"
        until(machine, "box", lambda count=count: int(ask(machine, "cat /data/count", "box")) > count)
        assert not machine.task("checkpoint", THAW)["changed"], step
        rest = machine.sh("ls /var/lib/containers/storage/libpod/daemonless 2>/dev/null || true")
        assert rest == "", f"{step}: {rest}"
    clear(machine)
    assert machine.leaks() == {}


BESIDE = {**BOX, "name": "beside", "volume": [], "restart_policy": "no", "pod": "web"}
BESIDE["command"] = ["sh", "-c", "i=100000; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done"]
IN_POD = {
    "freeze": ([], {"pod": "web"}, "checkpoint-whole checkpoint-recorded pod-container-frozen"),
    "thaw": ([{"pod": "web"}], {"pod": "web", "state": "restored"}, "conmon-running restored pod-container-thawed"),
    "import": ([EXPORT], {**IMPORT, "pod": "web"}, "import-unpacked import-recorded conmon-running restored"),
}


def prepare_pod(machine: Machine, before: list[dict[str, object]]) -> None:
    """Two containers of a pod, which is down where something is to come back into it."""
    machine.task("pod", {"name": "web", "state": "absent"})
    clear(machine)
    machine.task("volume", {"name": "data"})
    start = "/var/lib/containers/storage/volumes/data/_data/start"
    machine.sh(f"echo 100000 >{start}")
    machine.task("pod", {"name": "web"})
    machine.task("container", {**{key: each for key, each in BOX.items() if key != "network"}, "pod": "web"})
    machine.task("container", {key: each for key, each in BESIDE.items() if key != "network"})
    until(machine, "box", lambda: int(ask(machine, "cat /data/count || echo 0", "box")) > 100000)
    machine.sh(f"echo 0 >{start}")
    for wish in before:
        machine.task("checkpoint", wish)
    if before:
        machine.task("pod", {"name": "web", "state": "stopped"})
    if EXPORT in before:
        machine.task("container", {"name": "box", "state": "absent"})
        machine.podman(["volume", "rm", "data"])


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("deed", IN_POD)
def test_steps_in_a_pod(deed: str, shared_freezer: Machine) -> None:
    """The next task goes on where the killed one was: with the rest of the pod, or from the archive."""
    machine = shared_freezer
    before, wish, chosen = IN_POD[deed]
    for step in chosen.split():
        prepare_pod(machine, before)
        assert killed(machine, wish, step), step
        settled(machine)
        machine.task("checkpoint", wish)
        assert not machine.task("checkpoint", wish)["changed"], step
        if deed == "freeze":
            machine.task("checkpoint", {"pod": "web", "state": "restored"})
        names = ("box",) if deed == "import" else ("box", "beside")
        for name in names:
            path = "/data/count" if name == "box" else "/count"
            count = int(ask(machine, f"cat {path}", name))
            assert count > 100000, f"{step}: the memory of {name} is lost"
            until(machine, name, lambda n=name, p=path, c=count: int(ask(machine, f"cat {p}", n)) > c)
        rest = machine.sh("ls /var/lib/containers/storage/libpod/daemonless 2>/dev/null || true")
        assert rest == "", f"{step}: {rest}"
    machine.task("pod", {"name": "web", "state": "absent"})
    clear(machine)
    assert machine.leaks() == {}
