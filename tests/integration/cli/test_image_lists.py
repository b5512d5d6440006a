"""`images`, `rmi` and `pod ps` where there are images without a name, beside podman in the same store."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from machine import Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    """An image with two names, built upon one without a name; a pod."""
    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.task("image", {"name": IMAGE})
        made.podman(["pod", "create", "--name", "p"])
        grow(made)
        made.podman(["tag", "localhost/top:1", "localhost/also:2"])
        yield made
    finally:
        made.close()


def grow(machine: Machine) -> str:
    """An image `top:1`; the id of the one below it."""
    machine.podman(["create", "--name", "x", IMAGE])
    below = machine.podman(["commit", "-q", "x"]).stdout.strip()
    machine.podman(["create", "--name", "y", below])
    machine.sh("sleep 1.1")  # podman sorts by whole seconds
    machine.podman(["commit", "-q", "y", "localhost/top:1"])
    machine.podman(["rm", "-f", "x", "y"])
    return str(below)


SAME = [
    ["images"],
    ["images", "-q"],
    ["images", "-a"],
    ["images", "-aq"],
    ["images", "--filter", "dangling=true"],
    ["images", "--history", "localhost/top:1"],
    ["images", "--digests", "--history", IMAGE],
    ["images", "--history", "--format", "{{.Repository}} {{.History}}"],
    ["images", "--sort", "repository", "--format", "{{.Repository}}"],
    ["images", "--sort", "tag", "--format", "{{.Tag}}"],
    ["images", "--sort", "size", "--format", "{{.ID}}"],
    ["images", "--sort", "id", "--format", "{{.ID}}"],
    ["images", "--sort", "x"],
    ["pod", "ps", "--ns"],
    ["pod", "ps", "--ns", "--ctr-names"],
    ["pull", "-q", "--disable-content-trust", IMAGE],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_prints_what_podman_prints(host: Machine, words: list[str]) -> None:
    ours = host.run(["daemonless", *words], check=False)
    theirs = host.podman(words, check=False)
    said = [sorted(_timeless(one.stdout).splitlines()[:9]) for one in (ours, theirs)]
    assert (ours.returncode, said[0]) == (theirs.returncode, said[1]), (ours.stderr, theirs.stderr)
    if "--sort" in words:
        assert ours.stdout == theirs.stdout


def _timeless(text: str) -> str:
    text = re.sub(r"(Less than a second|About a minute|\d+ (second|minute)s?)( ago)?", "AGE", text)
    return re.sub(r" *\n", "\n", re.sub(r" +", " ", text))


@pytest.mark.parametrize("flags", [[], ["--no-prune"]], ids=["with what is below", "alone"])
def test_what_goes_with_an_image(lab: object, flags: list[str]) -> None:
    left = []
    machine: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert machine.registry
        for program in ("daemonless", "podman"):
            machine.task("image", {"name": IMAGE})
            below = grow(machine)
            words = ["rmi", *flags, "localhost/top:1"]
            if program == "podman":
                machine.podman(words)
            else:
                machine.run(["daemonless", *words])
            there = machine.podman(["image", "exists", below], check=False).returncode == 0
            left.append((there, len(machine.podman(["images", "-aq"]).stdout.split())))
            machine.run(["daemonless", "rmi", "-a", "-f"])
            assert machine.podman(["images", "-aq"]).stdout == ""
        assert left[0] == left[1] == (bool(flags), 2 if flags else 1)
    finally:
        machine.close()
