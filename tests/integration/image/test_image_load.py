"""Many of ours, podman and skopeo at once on one store: nothing is lost, nothing is damaged."""

from __future__ import annotations

import json

import pytest
from images import Image, build, root_files, tar
from machine import USER, Machine


def images_of() -> list[Image]:
    base = tar(root_files())
    return [build(f"load{number}", [base, tar({"srv": None, f"srv/{number}": f"{number}\n"})]) for number in range(3)]


@pytest.mark.timeout(900)
@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("user", [None, USER], ids=["root", "rootless"])
def test_everybody_at_once(machine: Machine, user: str | None) -> None:
    images = images_of()
    registry = machine.registry
    for number, image in enumerate(images):
        registry.push(f"load{number}:1", image)
    jobs = []

    def start(label: str, script: str) -> None:
        jobs.append((label, machine.spawn(["sh", "-euc", f"{script} >/tmp/{label}.log 2>&1"], user)))

    def ours(label: str, wish: dict[str, object]) -> str:
        machine.share.joinpath(f"{label}.py").write_bytes(machine.payload("image", wish, user))
        return f"/usr/bin/python3 <{machine.share}/{label}.py"

    machine.podman(["info"], user)
    conf = "CONTAINERS_CONF_OVERRIDE=/run/lab/judge.conf"
    for number in range(3):
        name = registry.reference(f"load{number}:1")
        pull, absent = ours(f"pull{number}", {"name": name}), ours(f"absent{number}", {"name": name, "state": "absent"})
        start(f"ours{number}", f"for n in 1 2; do {pull}; {absent}; done; {pull}")
        tags = f"{conf} podman pull -q --tls-verify=false {name}; {conf} podman tag {name} localhost/p{number}:"
        start(f"podman{number}", f"for n in 1 2 3; do ({tags}$n) || ({tags}$n) || ({tags}$n); done")
        copy = f"skopeo copy -q --src-tls-verify=false docker://{name} containers-storage:localhost/s{number}:"
        start(f"skopeo{number}", f"for n in 1 2 3; do {copy}$n || {copy}$n; done")
    for label, job in jobs:
        assert job.wait(800) == 0, f"{label}: {machine.read(f'/tmp/{label}.log')[-3000:]}"
    names = {
        name for entry in machine.podman_json(["images", "--format", "json"], user) for name in entry["Names"] or ()
    }
    expected = {registry.reference(f"load{number}:1") for number in range(3)}
    expected |= {f"localhost/{tool}{number}:{tag}" for tool in "ps" for number in range(3) for tag in (1, 2, 3)}
    assert expected - names == set()
    for number, image in enumerate(images):
        shown = machine.skopeo(["inspect", "--config", f"containers-storage:localhost/s{number}:1"], user).stdout
        assert json.loads(shown)["rootfs"]["diff_ids"] == json.loads(image.config.data)["rootfs"]["diff_ids"]
    checked = machine.podman(["system", "check"], user, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    graph = "/var/lib/containers/storage" if user is None else f"/home/{user}/.local/share/containers/storage"
    assert machine.sh(f"ls -A {graph}/overlay/staging", check=False) == ""
