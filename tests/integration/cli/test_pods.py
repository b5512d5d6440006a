"""The commands about pods beside podman's: the same words, the same output, the same exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from machine import Machine, Spec
from pods_in_machine import IMAGE, load

# Two pods of podman's: `up` runs with a container, `rests` was made and never started.


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    made: Machine = lab.machine(Spec(cgroups="hybrid"))  # type: ignore[attr-defined]  # runc, for podman's sake
    try:
        load(made)
        made.podman(["pod", "create", "--name", "rests", "--label", "a=b"])
        made.podman(["pod", "create", "--name", "up", "-p", "18080:80"])
        made.podman(["run", "-d", "--pod", "up", "--name", "one", "--stop-timeout", "0", IMAGE, "sleep", "1000"])
        made.podman(["create", "--pod", "rests", "--name", "two", "--stop-timeout", "0", IMAGE, "sh", "-c", "echo hi"])
        made.task("container_info", {})
        made.task("volume", {"name": "any"})  # leaves the command on the host
        yield made
    finally:
        made.close()


SAME = [
    ["pod", "ps"],
    ["pod", "ls", "--no-trunc"],
    ["pod", "list", "-q"],
    ["pod", "ps", "-n"],
    ["pod", "ps", "--ctr-names", "--ctr-status"],
    ["pod", "ps", "--ctr-ids"],
    ["pod", "ps", "--filter", "name=up"],
    ["pod", "ps", "--filter", "status=running", "--format", "{{.Name}} {{.Status}} {{.NumberOfContainers}}"],
    ["pod", "ps", "--filter", "label=a", "--format", "{{.Name}} {{.Labels}} {{.Networks}} {{.Cgroup}} {{.InfraID}}"],
    ["pod", "ps", "--filter", "frob=1"],
    ["pod", "ps", "--sort", "name"],
    ["pod", "ps", "--latest"],
    ["pod", "inspect", "nope"],
    ["pod", "inspect", "--format", "{{.State}} {{.NumContainers}} {{.InfraConfig.HostNetwork}}", "up"],
    ["pod", "inspect"],
    ["pod", "exists", "up"],
    ["pod", "exists", "nope"],
    ["pod", "start", "up", "nope"],
    ["pod", "start"],
    ["pod", "stop", "nope"],
    ["pod", "stop", "-i", "nope"],
    ["pod", "rm", "nope"],
    ["pod", "rm", "-i", "nope"],
    ["pod", "rm", "up"],
    ["pod", "top", "up", "pid", "comm"],
    ["pod", "top", "nope"],
    ["pod", "logs", "nope"],
    ["pod", "logs", "up"],
    ["pod", "create", "--name", "up"],
    ["pod", "create", "--share", "everything"],
    ["pod", "prune", "-f"],
    ["pod", "kill", "--signal", "CONT", "up"],
    ["ps", "-a", "--pod", "--format", "{{.Pod}} {{.PodName}} {{.Names}} {{.Ports}}"],
    ["ps", "--filter", "pod=nope", "-q"],
    ["create", "--pod", "up", "-p", "80:80", IMAGE],
    ["create", "--pod", "nope", IMAGE],
    ["inspect", "--type", "pod", "--format", "{{.Name}}", "up"],
]


def ages(text: str) -> str:
    """Ages differ by the moment between two commands, and so do the widths of their columns."""
    text = re.sub(r"(Less than a second|About a minute|\d+ (seconds?|minutes?))( ago)?", "AGE", text)
    return re.sub(r" +", " ", text)


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_prints_and_ends_as_podman_does(host: Machine, words: list[str]) -> None:
    ours = host.run(["daemonless", *words], check=False)
    theirs = host.podman(words, check=False)
    said = ours.stderr, theirs.stderr
    assert (ours.returncode, ages(ours.stdout)) == (theirs.returncode, ages(theirs.stdout)), said
    assert "Traceback" not in ours.stderr


def test_documents_are_podmans(host: Machine) -> None:
    ours = json.loads(host.sh("daemonless pod ps --format json"))
    assert ours == host.podman_json(["pod", "ps", "--format", "json"])
    (mine,) = json.loads(host.sh("daemonless pod inspect up"))
    (theirs,) = host.podman_json(["pod", "inspect", "up"])  # type: ignore[misc]
    for one in (mine, theirs):
        one["SharedNamespaces"].sort()
    assert mine == theirs
    stats = {one["Name"]: one for one in json.loads(host.sh("daemonless pod stats --no-stream --format json up"))}
    assert len(stats) == 2 and stats["one"]["PIDS"] == "1" and stats["one"]["MemUsage"].endswith("B")


def test_life(machine: Machine) -> None:
    """Made, run in, looked at, stopped, removed by the command alone; podman agrees on the way."""
    load(machine)
    machine.task("volume", {"name": "any"})
    machine.mark()

    def run(*words: str, check: bool = True) -> str:
        return machine.run(["daemonless", *words], check=check).stdout.strip()

    made = run("pod", "create", "-p", "18080:80", "--label", "a=b", "--pod-id-file", "/run/shop.id", "shop")
    assert made == machine.read("/run/shop.id") == machine.podman_json(["pod", "inspect", "shop"])[0]["Id"]
    run("create", "--pod", "shop", "--init-ctr", "once", "--name", "first", IMAGE, "true")
    quick = ["--stop-timeout", "0", IMAGE]
    run("create", "--pod-id-file", "/run/shop.id", "--name", "web", *quick, "sh", "-c", "echo hi; sleep 1000")
    assert run("pod", "start", "shop") == "shop"
    assert machine.podman_json(["pod", "inspect", "shop"])[0]["State"] == "Running"
    assert machine.run(["daemonless", "container", "exists", "first"], check=False).returncode == 1
    machine.sh("until daemonless logs web | grep -q hi; do sleep 0.1; done")
    assert run("pod", "logs", "--names", "shop") == "web hi"
    assert run("ps", "--format", "{{.Names}} {{.PodName}} {{.Ports}}").count("shop 0.0.0.0:18080->80/tcp") == 2
    refused = machine.run(["daemonless", "rm", "-f", f"{made[:12]}-infra"], check=False)
    assert refused.returncode == 125 and "infra container" in refused.stderr
    assert machine.run(["daemonless", "pod", "rm", "shop"], check=False).returncode == 125
    assert run("pod", "restart", "shop") == made
    assert run("pod", "pause", "shop") == made
    assert machine.podman_json(["pod", "inspect", "shop"])[0]["State"] == "Paused"
    assert run("pod", "unpause", "shop") == made and run("pod", "unpause", "shop") == ""
    assert run("pod", "stop", "-t", "0", "shop") == "shop"
    assert run("pod", "prune", "-f") == made
    run("run", "-d", "--pod", "new:other", "--name", "in", "--hostname", "there", *quick, "sleep", "99")
    assert run("exec", "in", "hostname") == "there"
    assert machine.podman_json(["pod", "inspect", "other"])[0]["Hostname"] == "there"
    assert run("pod", "rm", "-f", "-a") and run("ps", "-aq") == ""
    assert machine.leaks() == {}
