"""The command's verbs that talk to registries: podman's answers and exit codes, and its view of manifest lists."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"


class Seat:
    """One user of a machine: root, or the plain one."""

    def __init__(self, machine: Machine, user: str | None) -> None:
        self.machine = machine
        self.user = user

    def ours(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = "daemonless" if self.user is None else f"/home/{USER}/.local/bin/daemonless"
        return self.machine.run([command, *words], user=self.user, check=check)

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.machine.podman(list(words), user=self.user, check=check)

    def podman_json(self, *words: str) -> dict[str, list[dict[str, dict[str, str]]]]:
        found: dict[str, list[dict[str, dict[str, str]]]] = json.loads(self.podman(*words).stdout)
        return found


@pytest.fixture(scope="module", params=[None, USER], ids=["root", "user"])
def host(lab: object, request: pytest.FixtureRequest) -> Iterator[Seat]:
    from machine import Spec

    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.task("image", {"name": IMAGE}, user=request.param)
        yield Seat(made, request.param)
    finally:
        made.close()


SAME = [
    ["pull", "-q", IMAGE],
    ["image", "pull", "-q", "--tls-verify=false", IMAGE],
    ["pull", "-q", "127.0.0.1:5000/nothing:1"],
    ["pull"],
    ["pull", "--frob", IMAGE],
    ["push", "-q", "nothing", "127.0.0.1:5000/x:1"],
    ["push", "-q", IMAGE, "127.0.0.1:5000/pushed:1"],
    ["save", "nothing", "-o", "/tmp/none.tar"],
    ["save", "--format", "frob", IMAGE],
    ["load", "-i", "/nothing.tar"],
    ["login", "--get-login", "127.0.0.1:5000"],
    ["logout", "127.0.0.1:5000"],
    ["logout", "--all"],
    ["manifest", "exists", "nothing"],
    ["search", "--list-tags", "127.0.0.1:5000/busybox"],
    ["search", "--list-tags", "--format", "json", "127.0.0.1:5000/busybox"],
    ["search", "--limit", "1", "--format", "{{.Name}}", "127.0.0.1:5000/busybox"],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_as_podman(host: Seat, words: list[str]) -> None:
    ours, theirs = host.ours(*words, check=False), host.podman(*words, check=False)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), (ours.stderr, theirs.stderr)


def test_manifest_lists(host: Seat) -> None:
    host.ours("manifest", "create", "list:1", IMAGE)
    shown = host.ours("manifest", "inspect", "list:1").stdout
    assert json.loads(shown) == host.podman_json("manifest", "inspect", "list:1")
    digest = json.loads(shown)["manifests"][0]["digest"]
    host.ours("manifest", "annotate", "--arch", "arm64", "--variant", "v8", "list:1", digest)
    theirs = host.podman_json("manifest", "inspect", "list:1")
    assert theirs["manifests"][0]["platform"]["variant"] == "v8"
    assert host.ours("manifest", "create", "list:1", check=False).returncode == 125
    host.ours("manifest", "push", "-q", "list:1", "127.0.0.1:5000/list:1")
    raw = host.machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/list:1"]).stdout
    assert json.loads(raw)["manifests"][0]["platform"]["architecture"] == "arm64"
    host.ours("manifest", "remove", "list:1", digest)
    assert not host.podman_json("manifest", "inspect", "list:1")["manifests"]
    host.ours("manifest", "add", "list:1", IMAGE)
    assert host.podman_json("manifest", "inspect", "list:1")["manifests"]
    assert "Deleted" in host.ours("manifest", "rm", "list:1").stdout
    assert host.podman("manifest", "exists", "list:1", check=False).returncode == 1


def test_what_cannot_work_is_refused(host: Seat) -> None:
    host.ours("manifest", "create", "--amend", "refusing:1")
    for words in (
        ["push", "--sign-by", "me", IMAGE],
        ["push", "--encryption-key", "x", IMAGE],
        ["pull", "--decryption-key", "x", IMAGE],
        ["manifest", "add", "--artifact", "refusing:1", IMAGE],
        ["manifest", "push", "--format", "oci", "refusing:1"],
        ["manifest", "push", "--sign-by", "me", "refusing:1"],
    ):
        done = host.ours(*words, check=False)
        assert done.returncode == 125 and "cannot be had" in done.stderr


def test_disk_usage_of_each(host: Seat) -> None:
    host.machine.task(
        "container", {"name": "user", "image": IMAGE, "volume": ["data:/data"], "state": "created"}, user=host.user
    )
    words = ["system", "df", "-v"]
    ours, theirs = host.ours(*words).stdout, host.podman(*words).stdout

    def told(text: str) -> list[list[str]]:
        """Without ages, which go on while the two are asked, and in any order of names."""
        text = re.sub(r"(Less than a second|About a minute|\d+ (second|minute)s?)", "AGE", text)
        return sorted(line.split() for line in text.splitlines() if line.strip())

    assert told(ours) == told(theirs)
    assert host.ours("system", "df", "-v", "--format", "json", check=False).returncode == 125
    host.machine.task("container", {"name": "user", "state": "absent"}, user=host.user)
