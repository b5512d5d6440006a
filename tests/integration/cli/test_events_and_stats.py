"""What happened and what is used, as podman tells it of the same containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest
from machine import USER, Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"
EVENTS = ["events", "--stream=false"]
STATS = ["stats", "--no-stream"]


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    """Containers, a network and a volume with a past, half of it podman's and half of it ours."""
    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.write("/etc/containers/containers.conf.d/events.conf", '[engine]\nevents_logger = "file"\n')
        made.task("image", {"name": IMAGE})
        made.podman(["run", "-d", "--name", "theirs", "--label", "x=y", "--net", "host", IMAGE, "sleep", "1000"])
        made.podman(["network", "create", "shop"])
        made.podman(["volume", "create", "data"])
        made.sh(f"daemonless run -d --name ours --label a=b -v data:/d {IMAGE} sleep 1000")
        made.run(["daemonless", "run", "--name", "three", IMAGE, "sh", "-c", "exit 3"], check=False)
        made.sh(f"daemonless rename three drei; daemonless rm drei; daemonless create --name new {IMAGE}")
        yield made
    finally:
        made.close()


SAME = [
    EVENTS,
    [*EVENTS, "--format", "json"],
    [*EVENTS, "--format", "{{json .}}"],
    [*EVENTS, "--format", "{{.Type}}|{{.Status}}|{{.ID}}|{{.Name}}|{{.Image}}|{{.Time}}|{{.TimeNano}}|{{.Network}}"],
    [*EVENTS, "--format", "{{.Attributes}} {{.ContainerExitCode}} {{.HealthStatus}} {{.PodID}} {{.Error}}"],
    *(
        [*EVENTS, "--filter", one]
        for one in (
            *("container=ours", "event=create", "type=image", "type=network", "type=volume", "volume=data"),
            *("label=x=y", "label=x", "event=died", "pod=x", "frob=1", f"image={IMAGE}"),
        )
    ),
    [*EVENTS, "--filter", "event=create", "--filter", "event=start", "-f", "container=ours"],
    [*EVENTS, "--no-trunc=false"],
    [*EVENTS, "--since", "10m"],
    [*EVENTS, "--since", "10m", "--until", "5m"],
    [*EVENTS, "--since", "2031-01-01T00:00:00Z"],
    [*EVENTS, "--until", "2001-01-01T00:00:00Z"],
    [*EVENTS, "--since", "nonsense"],
    ["events", "--since", "10m", "--until", "1s", "--filter", "event=create"],
    [*STATS, "--format", "{{.ID}}|{{.Name}}|{{.MemUsage}}|{{.MemUsageBytes}}|{{.MemPerc}}|{{.BlockIO}}|{{.PIDS}}"],
    [*STATS, "--format", "{{.Name}}|{{.PIDs}}|{{.UpTime}}|{{.NetIO}}", "theirs"],
    [*STATS, "--format", "table {{.Name}} {{.PIDS}}", "ours", "theirs"],
    [*STATS, "new"],
    [*STATS, "-a", "--format", "{{.Name}} {{.BlockIO}}"],
    [*STATS, "nope"],
    [*STATS, "-a", "ours"],
    [*STATS, "-i", "0"],
]


def settled(text: str) -> list[str]:
    """Without what goes on while the two are asked."""
    return [re.sub(r"\d+\.\d\d%", "N%", line).rstrip() for line in text.splitlines()]


def pairs(host: Machine, words: list[str]) -> Iterator[tuple[CompletedProcess[str], CompletedProcess[str]]]:
    """What daemonless and podman say, and again: what a container uses may change between the two."""
    for _attempt in range(10):
        yield host.run(["daemonless", *words], check=False), host.podman(words, check=False)


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_says_what_podman_says(host: Machine, words: list[str]) -> None:
    for ours, theirs in pairs(host, words):
        assert ours.returncode == theirs.returncode, (ours.stderr, theirs.stderr)
        assert "Traceback" not in ours.stderr
        if settled(ours.stdout) == settled(theirs.stdout):
            break
    assert settled(ours.stdout) == settled(theirs.stdout)


@pytest.mark.parametrize("words", [[*STATS, "--format", "json"], [*STATS, "--format", "{{json .}}"]], ids=" ".join)
def test_statistics_as_json(host: Machine, words: list[str]) -> None:
    def read(text: str) -> list[dict[str, object]]:
        return json.loads(text) if text[0] == "[" else [json.loads(line) for line in text.splitlines()]

    def steady(found: list[dict[str, object]]) -> list[list[object]]:
        keys = ("id", "name", "ContainerID", "Name", "MemLimit", "pids", "PIDs", "block_io")
        return [[one.get(key) for key in keys] for one in found]

    for ours, theirs in pairs(host, words):
        mine, podmans = read(ours.stdout), read(theirs.stdout)
        assert [list(one) for one in mine] == [list(one) for one in podmans]
        if steady(mine) == steady(podmans):
            break
    assert steady(mine) == steady(podmans)


def test_processor_time_is_seen(host: Machine) -> None:
    host.sh(f"daemonless run -d --name busy {IMAGE} sh -c 'while :; do :; done'")
    try:
        line = "timeout 60 daemonless stats -i 1 --format '{{.CPU}}' busy | head -n 3"  # however slow the machine is
        numbers = [float(number) for number in host.sh(line).split()]
        assert len(numbers) == 3
        assert numbers[-1] > 1
    finally:
        host.sh("daemonless rm -f -t 0 busy")


def test_events_as_they_happen_and_across_a_rotation(host: Machine) -> None:
    child = host.spawn(["sh", "-c", "exec timeout 250 daemonless events --filter event=create >/tmp/seen"])
    log = host.sh("readlink -f /run/libpod/events/events.log")
    seen = "for n in $(seq 600); do if grep -q name={0} /tmp/seen; then break; fi; sleep 0.1; done"
    begun = f"for n in $(seq 60); do daemonless create --name probe {IMAGE}; daemonless rm probe; sleep 0.5"
    host.sh(f"{begun}; if grep -q name=probe /tmp/seen; then break; fi; done")
    host.sh(f"daemonless create --name e1 {IMAGE}; {seen.format('e1')}")
    host.sh(f"cp {log} {log}.new; mv {log}.new {log}; daemonless create --name e2 {IMAGE}; {seen.format('e2')}")
    child.signal(15)
    child.wait()
    names = re.findall(r"name=(\w+)", host.read("/tmp/seen"))
    assert [name for name in names if name != "probe"] == ["e1", "e2"]
    host.sh("daemonless rm e1 e2")


def test_a_plain_users_events(machine: Machine) -> None:
    assert machine.registry
    machine.write("/etc/containers/containers.conf.d/events.conf", '[engine]\nevents_logger = "file"\n')
    machine.task("image", {"name": IMAGE}, user=USER)
    ours = f"/home/{USER}/.local/bin/daemonless"
    machine.run([ours, "run", "--rm", "--name", "one", IMAGE, "true"], USER)
    told = machine.run([ours, *EVENTS], USER).stdout
    assert told == machine.podman(EVENTS, USER).stdout
    assert re.findall(r"container (\w+)", told)[:4] == ["create", "init", "start", "died"]
    refused = machine.run([ours, *STATS, "-a"], USER, check=False)
    assert (refused.returncode, "Traceback" in refused.stderr) == (0, False)
