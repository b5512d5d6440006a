"""What `ps`, `logs` and `inspect` show to those who ask for more, beside podman on the same containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from machine import Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    """One that runs and has written, one never started, two that builds work in, one with a directory for its root."""
    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.task("image", {"name": IMAGE})
        made.podman(["run", "-d", "--name", "runs", "--stop-timeout", "0", IMAGE, "sh", "-c", "echo hi>/x; sleep 1000"])
        made.podman(["create", "--name", "made", "--cidfile", "/tmp/cid", IMAGE, "true"])
        made.buildah(["from", "--name", "work", IMAGE])
        made.buildah(["from", "--name", "bare", "scratch"])
        made.sh("mkdir -p /srv/root/bin; cp /bin/busybox /srv/root/bin/sh")
        made.podman(["create", "--name", "rooted", "--rootfs", "/srv/root", "sh"])
        speech = "echo a; sleep 0.1; echo b >&2; sleep 0.1; printf c"
        made.podman(["run", "--name", "speaks", IMAGE, "sh", "-c", speech])
        made.podman(["run", "--name", "other", IMAGE, "sh", "-c", "echo d"])
        yield made
    finally:
        made.close()


SAME = [
    ["ps", "-a", "--external"],
    ["ps", "--external"],
    ["ps", "--external", "-q"],
    ["ps", "-a", "--external", "--format", "json"],
    ["ps", "-n", "1", "--external", "--format", "{{.Names}}"],
    ["ps", "-a", "--external", "--format", "{{.Status}}|{{.State}}|{{.Created}}|{{.Pid}}|{{.Mounts}}|{{.Exited}}"],
    ["ps", "-a", "--ns"],
    ["ps", "-a", "--ns", "--pod"],
    ["ps", "-a", "--external", "--ns"],
    ["ps", "--ns", "--format", "json"],
    ["ps", "--ns", "--format", "{{.Names}} {{.Namespaces}} {{.PIDNS}} {{.Namespaces.PIDNS}} {{.Namespaces.MNT}}"],
    ["ps", "--ns", "--format", "table {{.Names}} {{.Namespaces.IPC}} {{.Namespaces.User}}"],
    ["ps", "-a", "--ns", "--format", "{{json .Namespaces}}"],
    ["ps", "-a", "--format", "{{.Names}} {{.Namespaces.IPC}} {{.Cgroup}}"],
    ["ps", "-a", "-s"],
    ["ps", "-a", "--size", "--pod"],
    ["ps", "-a", "--external", "-s"],
    ["ps", "-a", "-s", "--format", "json"],
    ["ps", "-a", "--size", "--format", "{{.Names}} {{.Size}}"],
    ["ps", "-a", "-s", "--sort", "size", "--format", "table {{.Names}} {{.Size}}"],
    ["ps", "--format", "{{.Names}} {{.Size}}"],
    ["ps", "-q", "-s"],
    ["ps", "-q", "--ns"],
    ["ps", "-s", "--ns"],
    ["ps", "-q", "--format", "{{.Names}}"],
    ["ps", "-l", "-w", "1"],
    ["ps", "-l", "-n", "1"],
    ["ps", "-w", "x"],
    ["ps", "-w", "-1"],
    ["ps", "-w", "1", "-q"],
    ["inspect", "-s", "--format", "{{.SizeRw}} {{.SizeRootFs}}", "runs", "made", "rooted"],
    ["container", "inspect", "--size", "--format", "{{.SizeRw}} {{.SizeRootFs}}", "runs"],
    ["logs", "--color", "speaks"],
    ["logs", "--color", "-t", "speaks"],
    ["logs", "--color", "--names", "speaks"],
    ["logs", "--names", "speaks"],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_shows_what_podman_shows(host: Machine, words: list[str]) -> None:
    ours = host.run(["daemonless", *words], check=False)
    theirs = host.podman(words, check=False)
    shown = [_timeless(one.stdout) for one in (ours, theirs)]
    assert (ours.returncode, shown[0]) == (theirs.returncode, shown[1]), (ours.stderr, theirs.stderr)
    assert "Traceback" not in ours.stderr
    if "--external" not in words:  # podman complains of sizes that it does not ask for itself
        assert bool(ours.stderr) == bool(theirs.stderr)


def _timeless(text: str) -> str:
    """Without ages, which go on while the two are asked, and the width that they take."""
    if text.startswith("[\n"):
        text = json.dumps(json.loads(text), indent=1)
    text = re.sub(r"(Less than a second|About a minute|\d+ (second|minute)s?)( ago)?", "AGE", text)
    return re.sub(r" *\n", "\n", re.sub(r" +", " ", text))


def test_several_logs_at_once(host: Machine) -> None:
    """Podman mixes them as they come; each line says whose it is."""
    for flags in (["--color"], ["-n"], []):
        words = ["logs", *flags, "speaks", "other"]
        ours, theirs = host.run(["daemonless", *words]), host.podman(words)
        for stream in ("stdout", "stderr"):
            told = [re.findall(r"\033\[\d+m|\w+ [a-d]", getattr(one, stream)) for one in (ours, theirs)]
            assert sorted(told[0]) == sorted(told[1]), words
    followed = host.run(["daemonless", "logs", "-f", "--names", "speaks", "other"])
    assert followed.stdout == "speaks a\nspeaks cother d\n" and followed.stderr == "speaks b\n"


def test_filters_reach_what_only_the_storage_knows(host: Machine) -> None:
    """Podman shows all of them whatever the filter; ours those that fit it."""

    def names(*flags: str) -> list[str]:
        return host.run(["daemonless", "ps", "--external", "--format", "{{.Names}}", *flags]).stdout.split()

    assert names("-f", "name=wor") == ["work"]
    assert names("-f", "status=storage") == ["work", "bare"]
    assert names("-f", "ancestor=busybox", "-f", "status=storage") == ["work"]
    assert names("-f", "label=a") == []
    assert host.run(["daemonless", "ps", "--external", "-f", "frob=1"], check=False).returncode == 125


def test_watch(host: Machine) -> None:
    said = host.sh("timeout 60 daemonless ps -w 1 --format {{.Names}} | head -n 2")
    assert said.split("\033[2J\033[1;1H") == ["", "runs\n", "runs"]


def test_what_it_takes_is_in_the_document(host: Machine) -> None:
    ours = json.loads(host.run(["daemonless", "inspect", "-s", "runs"]).stdout)[0]
    theirs = host.podman_json(["inspect", "-s", "runs"])[0]  # type: ignore[index]
    assert [(key, ours[key]) for key in ("SizeRw", "SizeRootFs")] == [
        (key, theirs[key]) for key in ("SizeRw", "SizeRootFs")
    ]
    assert "SizeRw" not in json.loads(host.run(["daemonless", "inspect", "runs"]).stdout)[0]
