"""The command's verbs for images and storage: podman's answers, exit codes and doings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machine import Machine

BASE, SECOND = "localhost/busybox:latest", "localhost/second:1"


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    from machine import Spec

    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        made.task("image", {"name": BASE, "path": f"docker-archive:{made.lab.images.docker_archive}"})
        step = ["run", "--name", "step", "--network", "none", BASE, "sh", "-c", "echo 1 >/one; rm /etc/group"]
        made.podman(step)
        made.podman(["commit", "-q", "step", SECOND])
        yield made
    finally:
        made.close()


SAME = [
    ["history", "-q", "--no-trunc", SECOND],
    ["history", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}} {{.Comment}}", SECOND],
    ["image", "history", "-q", BASE],
    ["image", "tree", SECOND],
    ["image", "tree", "--whatrequires", BASE],
    ["image", "diff", "--format", "json", SECOND],
    ["image", "exists", SECOND],
    ["image", "exists", "nothing"],
    ["history", "nothing"],
    ["image", "tree", "nothing"],
    ["image", "diff", "--format", "yaml", SECOND],
    ["image", "prune", "-f"],
    ["image", "prune", "-f", "--filter", "frob=1"],
    ["system", "check"],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_as_podman(host: Machine, words: list[str]) -> None:
    ours, theirs = host.run(["daemonless", *words], check=False), host.podman(words, check=False)
    assert ours.returncode == theirs.returncode, (ours.stderr, theirs.stderr)
    if "json" in words:
        import json

        one, other = (
            {kind: sorted(paths) for kind, paths in json.loads(done.stdout).items()} for done in (ours, theirs)
        )
        assert one == other
    else:
        assert ours.stdout == theirs.stdout


def test_names(host: Machine) -> None:
    def names() -> set[str]:
        return set(host.podman(["image", "inspect", "-f", "{{range .RepoTags}}{{.}} {{end}}", BASE]).stdout.split())

    host.run(["daemonless", "tag", BASE, "more:1", "quay.io/team/more"])
    assert names() == {BASE, "localhost/more:1", "quay.io/team/more:latest"}
    host.run(["daemonless", "untag", BASE, "localhost/more:1", "quay.io/team/more:latest"])
    assert names() == {BASE}
    for words in (["tag", "nothing", "x"], ["tag", BASE], ["untag", BASE, "localhost/none:1"]):
        ours, theirs = host.run(["daemonless", *words], check=False), host.podman(words, check=False)
        assert ours.returncode == theirs.returncode == 125, (words, theirs.stderr)


def test_import(host: Machine) -> None:
    words = ["import", "-q", "-c", "CMD /bin/sh", "-m", "why", str(host.lab.images.rootfs), "made:1"]
    identity = host.run(["daemonless", *words]).stdout.strip()
    shown = host.podman_json(["image", "inspect", "localhost/made:1"])[0]
    assert (identity, shown["Comment"]) == (f"sha256:{shown['Id']}", "why")
    assert host.run(["daemonless", *words]).stdout.strip() == identity
    host.podman(["rmi", "localhost/made:1"])
    for wrong in (["import"], ["import", "/nothing"]):
        assert host.run(["daemonless", *wrong], check=False).returncode == 125


def test_disk_usage(host: Machine) -> None:
    ours, theirs = host.run(["daemonless", "system", "df"]).stdout, host.podman(["system", "df"]).stdout
    for one, other in zip(ours.splitlines(), theirs.splitlines()):
        assert one.split()[:3] == other.split()[:3]
    assert ours.splitlines()[1].split()[3] == theirs.splitlines()[1].split()[3]


def test_pruning_asks_and_takes(host: Machine) -> None:
    asked = host.run(["daemonless", "system", "prune", "-a"], input="n\n")
    assert asked.stdout.endswith("[y/N] ") and "all stopped containers" in asked.stdout
    assert len(host.podman(["images", "-q"]).stdout.split()) == 2
    done = host.run(["daemonless", "system", "prune", "-a"], input="y\n").stdout
    assert "Deleted Containers" in done and "Deleted Images" in done and "Total reclaimed space: 2.0" in done
    assert host.podman(["images", "-aq"]).stdout == host.podman(["ps", "-aq"]).stdout == ""
    assert host.podman(["system", "prune", "-af"]).stdout == host.run(["daemonless", "system", "prune", "-af"]).stdout


def test_damage_is_an_error_until_it_is_repaired(host: Machine) -> None:
    for words in (["rm", "-af"], ["rmi", "-af"]):  # repair leaves an image alone that a container stands on
        host.podman(words)
    host.task("image", {"name": BASE, "path": f"docker-archive:{host.lab.images.docker_archive}"})
    host.sh("rm /var/lib/containers/storage/overlay/*/diff/etc/passwd")
    assert host.run(["daemonless", "system", "check"], check=False).returncode == 125
    assert "Deleted damaged image" in host.run(["daemonless", "system", "check", "--repair"]).stdout
    assert host.podman(["system", "check"]).stdout == ""
