"""Copies in every direction, with skopeo and podman as judges of what was written and writers of what is read."""

from __future__ import annotations

import json

import pytest
from images import Images
from machine import USER, Machine

WEB = "127.0.0.1:5000/web:latest"
LOOSE = {"src_validate_certs": False, "dest_validate_certs": False}


def copied(machine: Machine, src: str, dest: str, user: str | None = None, **more: object) -> dict:
    """Copy, with the same said before in check mode, and nothing to do afterwards."""
    args = {"src": src, "dest": dest, **LOOSE, **more}
    ahead = machine.task("image_copy", args, user, check=True)
    done = machine.task("image_copy", args, user)
    assert done["changed"], "nothing was copied"
    for key in ("changed", "actions", "diff"):
        assert ahead[key] == done[key]
    again = machine.task("image_copy", args, user)
    assert not again["changed"], again
    assert machine.task("image_copy", args, user, check=True)["changed"] is False
    return done["copy"]


def raw(machine: Machine, where: str, user: str | None = None) -> dict:
    loose = ["--tls-verify=false"] if where.startswith("docker://") else []
    return json.loads(machine.skopeo(["inspect", "--raw", *loose, where], reader(where, user)).stdout)


def reader(where: str, user: str | None) -> str | None:
    """Who lets skopeo read it: a plain user, without a namespace of its own, cannot give members to their owner."""
    return None if where.startswith("oci-archive:") else user


def inspected(machine: Machine, where: str, user: str | None = None) -> dict:
    """skopeo reads all of it: config, and by a copy each layer."""
    loose = ["--tls-verify=false"] if where.startswith("docker://") else []
    into = ["--src-tls-verify=false"] if where.startswith("docker://") else []
    user = reader(where, user)
    machine.sh("rm -rf /tmp/judged")
    machine.skopeo(["copy", "-q", *into, where, "dir:/tmp/judged"], user)
    return json.loads(machine.skopeo(["inspect", "--config", *loose, where], user).stdout)


PLACES = {
    "docker": "docker://127.0.0.1:5000/copies/{n}:1",
    "oci": "oci:/tmp/{n}.layout:one",
    "oci-archive": "oci-archive:/tmp/{n}.oci.tar:one",
    "docker-archive": "docker-archive:/tmp/{n}.tar:localhost/{n}:1",
    "dir": "dir:/tmp/{n}.dir",
    "containers-storage": "containers-storage:localhost/{n}:1",
}


@pytest.mark.parametrize("user", [None, pytest.param(USER, marks=pytest.mark.slow)], ids=["root", "user"])
def test_every_direction(machine: Machine, images: Images, user: str | None) -> None:
    """Each kind of place is filled from each other; the config (so id and content) stays, digests where they can."""
    web = images["web:latest"]
    assert machine.registry.host
    first = copied(machine, f"docker://{WEB}", PLACES["oci"].format(n="start"), user)
    assert first["digest"] == web.manifest.digest
    for source in PLACES:
        start = PLACES[source].format(n=f"from-{source}")
        copied(machine, PLACES["oci"].format(n="start"), start, user)
        for target in PLACES:
            end = PLACES[target].format(n=f"{source}-to-{target}")
            found = copied(machine, start, end, user)
            config = inspected(machine, end, user)
            assert config["rootfs"]["diff_ids"] == json.loads(web.config.data)["rootfs"]["diff_ids"]
            top = raw(machine, end, user)
            assert top["config"]["digest"] == web.config.digest, (source, target)
            kept = source not in ("docker-archive",) and target not in ("docker-archive",)
            if kept and (source, target) not in (("containers-storage", "dir"), ("dir", "dir")):
                digests = [layer["digest"] for layer in top["layers"]]
                if source not in ("containers-storage", "dir") or (source, target) == ("dir", "docker"):
                    assert digests == [layer.digest for layer in web.layers], (source, target)
                    assert found["digest"] == web.manifest.digest, (source, target)
