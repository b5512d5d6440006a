"""podman, skopeo and we on one store: each uses and removes what the other made, at the same time too."""

from __future__ import annotations

import json
import shutil

import pytest
from machine import USER, Machine
from store_in_machine import DEEDS, NAME, deed, layout


@pytest.fixture(params=[None, USER], ids=["root", "rootless"])
def user(request: pytest.FixtureRequest) -> str | None:
    return request.param


def diff_ids(machine: Machine, user: str | None) -> list[str]:
    return json.loads(machine.skopeo(["inspect", "--config", f"containers-storage:{NAME}"], user).stdout)["rootfs"][
        "diff_ids"
    ]


@pytest.mark.machine(os="debian13")
def test_podman_uses_checks_saves_and_removes_an_image_of_ours(machine: Machine, user: str | None) -> None:
    machine.podman(["info"], user)
    image = deed(machine, "pull", layout(machine), NAME, user=user).stdout
    listed = machine.podman_json(["images", "--format", "json", "--no-trunc"], user)
    assert [(entry["Id"].removeprefix("sha256:"), entry["Names"]) for entry in listed] == [(image, [NAME])]
    assert machine.podman_json(["image", "inspect", NAME], user)[0]["Id"] == image
    assert machine.podman(["run", "--rm", NAME, "cat", "/www/index.html"], user).stdout == "hello from a container\n"
    checked = machine.podman(["system", "check"], user, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for kind in ("docker-archive", "oci-archive"):
        path = f"/tmp/saved-{kind}"
        machine.podman(["save", "-q", "--format", kind, "-o", path, NAME], user)
        saved = json.loads(machine.skopeo(["inspect", "--config", f"{kind}:{path}"], user).stdout)
        assert saved["rootfs"]["diff_ids"] == diff_ids(machine, user)
    machine.skopeo(["copy", "-q", f"containers-storage:{NAME}", "oci:/tmp/copied:x"], user)
    assert deed(machine, "tar_digests", NAME, user=user).stdout == "ok"
    assert json.loads(deed(machine, "check", user=user).stdout) == []
    machine.podman(["rmi", NAME], user)
    assert json.loads(deed(machine, "images", user=user).stdout) == {}
    assert json.loads(deed(machine, "check", user=user).stdout) == []
    assert machine.podman(["system", "check"], user, check=False).returncode == 0


@pytest.mark.machine(os="debian13")
def test_we_use_and_remove_what_podman_made(machine: Machine, user: str | None) -> None:
    machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)], user)
    machine.podman(["run", "--name", "theirs", "busybox", "sh", "-c", "echo more >/www/more; rm /etc/group"], user)
    machine.podman(["commit", "-q", "theirs", "localhost/committed:1"], user)
    assert deed(machine, "tar_digests", "localhost/committed:1", user=user).stdout == "ok"
    created = deed(machine, "create", "ours", "localhost/committed:1", user=user).stdout
    refused = machine.podman(["rmi", "localhost/committed:1"], user, check=False)
    assert refused.returncode != 0 and created[:12] in refused.stderr
    external = machine.podman(["ps", "-a", "--external", "--format", "{{.ID}} {{.Names}}"], user).stdout
    assert f"{created[:12]} ours" in external
    # each deed is a mount namespace's own affair for a plain user: mount, look and unmount belong together there
    if user is None:
        merged = deed(machine, "mount", "ours").stdout
        assert machine.read(f"{merged}/www/more") == "more\n" and not machine.exists(f"{merged}/etc/group")
        assert deed(machine, "mount", "ours").stdout == merged
        assert [deed(machine, "unmount", "ours").stdout for _time in range(3)] == ["False", "True", "True"]
    assert deed(machine, "rmi", "localhost/committed:1", user=user, check=False).returncode != 0
    assert deed(machine, "remove", "ours", user=user).stdout == "True"
    assert len(deed(machine, "rmi", "localhost/committed:1", user=user).stdout.split()) == 1
    machine.podman(["rm", "theirs"], user)
    deed(machine, "rmi", "localhost/busybox:latest", user=user)
    assert machine.podman_json(["images", "--format", "json"], user) == []
    checked = machine.podman(["system", "check"], user, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(deed(machine, "check", user=user).stdout) == []


@pytest.mark.machine(os="debian13")
def test_podman_removes_a_container_of_ours(machine: Machine, user: str | None) -> None:
    deed(machine, "pull", layout(machine), NAME, user=user)
    deed(machine, "create", "ours", NAME, user=user)
    if user is None:
        deed(machine, "mount", "ours")
    machine.podman(["rm", "-f", "ours"], user)
    assert deed(machine, "remove", "ours", user=user).stdout == "False"
    assert json.loads(deed(machine, "check", user=user).stdout) == []
    machine.podman(["rmi", NAME], user)
    assert json.loads(deed(machine, "check", user=user).stdout) == []


@pytest.mark.machine(os="debian13")
def test_a_mount_of_ours_is_podmans_too(machine: Machine) -> None:
    """The self-mount of the store comes first, so podman's unmount finds our mount."""
    deed(machine, "pull", layout(machine), NAME)
    deed(machine, "create", "ours", NAME)
    merged = deed(machine, "mount", "ours").stdout
    machine.podman(["images"])
    assert machine.read(f"{merged}/www/index.html") == "hello from a container\n"
    machine.podman(["rm", "-f", "ours"])
    assert not machine.exists(merged)
    assert merged not in machine.read("/proc/self/mountinfo")


@pytest.mark.machine(os="debian13")
def test_nobody_loses_an_update(machine: Machine) -> None:
    """Forty names from each of three tools at once, images coming and going meanwhile."""
    deed(machine, "pull", layout(machine), NAME)
    target = layout(machine)
    ours = [f"localhost/ours:{number}" for number in range(100, 140)]
    script = f"""
        for n in $(seq 40); do podman tag {NAME} localhost/podman:$n & [ $((n % 4)) = 0 ] && wait; done; wait
    """
    jobs = [
        machine.spawn(["sh", "-euc", script.replace("podman tag", _judge(machine, "podman") + " tag")]),
        machine.spawn(
            ["sh", "-euc", "for n in $(seq 15); do " + _judge(machine, "skopeo")
             + f" copy -q oci:{target}:x containers-storage:localhost/skopeo:$n; done"]
        ),
    ]  # fmt: skip
    for _round in range(4):
        deed(machine, "tag", NAME, *ours)
    for job in jobs:
        assert job.wait(300) == 0, machine.sh(f"tail -20 {machine.share}/spawned.log")
    (names,) = json.loads(deed(machine, "images").stdout).values()
    theirs = [f"localhost/podman:{n}" for n in range(1, 41)] + [f"localhost/skopeo:{n}" for n in range(1, 16)]
    assert set(names) == {NAME, *ours, *theirs}
    checked = machine.podman(["system", "check"], check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _judge(machine: Machine, program: str) -> str:
    return machine.sh(f"command -v {program} || echo /opt/judge/bin/{program}")


@pytest.mark.machine(os="debian13")
def test_pulls_of_the_same_image_at_once(machine: Machine) -> None:
    """Four of ours and four skopeos: one image, no damage, nothing left in staging."""
    target = layout(machine)
    script = machine.share / "store_deeds.py"
    shutil.copy(DEEDS, script)
    environment = {"PYTHONPATH": str(machine.lab.collections), "PYTHONDONTWRITEBYTECODE": "1"}
    skopeo = _judge(machine, "skopeo")
    jobs = []
    for number in range(4):
        jobs.append(
            machine.spawn(["/usr/bin/python3", str(script), "pull", target, f"localhost/a:{number}"], env=environment)
        )
        jobs.append(
            machine.spawn([skopeo, "copy", "-q", f"oci:{target}:x", f"containers-storage:localhost/b:{number}"])
        )
    for job in jobs:
        assert job.wait(120) == 0, machine.sh(f"tail -20 {machine.share}/spawned.log")
    (names,) = json.loads(deed(machine, "images").stdout).values()
    assert set(names) == {f"localhost/{letter}:{number}" for letter in "ab" for number in range(4)}
    assert json.loads(deed(machine, "check").stdout) == []
    checked = machine.podman(["system", "check"], check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert machine.sh("ls -A /var/lib/containers/storage/overlay/staging", check=False) == ""


@pytest.mark.machine(os="debian13")
def test_podman_leaves_a_pull_of_ours_alone(machine: Machine) -> None:
    """As each podman ends it clears overlay/staging of what nobody locks."""
    script = machine.share / "store_deeds.py"
    shutil.copy(DEEDS, script)
    environment = {"PYTHONPATH": str(machine.lab.collections), "PYTHONDONTWRITEBYTECODE": "1", "COMES_WITH": "/tmp/go"}
    job = machine.spawn(["/usr/bin/python3", str(script), "pull", layout(machine), NAME], env=environment)
    staging = "ls -A /var/lib/containers/storage/overlay/staging"
    machine.sh(f'for n in $(seq 600); do [ -z "$({staging})" ] || exit 0; sleep 0.1; done; exit 1')
    begun = machine.sh(staging).split()
    for _time in range(4):
        machine.podman(["images"])
        machine.podman(["volume", "prune", "-f"])
    assert set(machine.sh(staging).split()) >= set(begun)
    machine.sh("touch /tmp/go")
    assert job.wait(60) == 0, machine.sh(f"tail -20 {machine.share}/spawned.log")
    assert machine.podman(["run", "--rm", NAME, "cat", "/www/index.html"]).stdout == "hello from a container\n"
    assert json.loads(deed(machine, "check").stdout) == []
