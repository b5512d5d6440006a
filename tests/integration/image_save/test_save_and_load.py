"""Saving and loading, with podman on the other side of the file."""

from __future__ import annotations

import pytest
from images import Images
from machine import USER, Machine

NAME = "127.0.0.1:5000/busybox:latest"


def twice(machine: Machine, noun: str, args: dict, user: str | None) -> dict:
    ahead = machine.task(noun, args, user, check=True)
    done = machine.task(noun, args, user)
    assert done["changed"] and ahead["changed"]
    assert (ahead["actions"], ahead["diff"]) == (done["actions"], done["diff"])
    assert not machine.task(noun, args, user)["changed"]
    assert not machine.task(noun, args, user, check=True)["changed"]
    return done


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_there_and_back(machine: Machine, images: Images, user: str | None) -> None:
    assert machine.registry.host
    machine.task("image", {"name": NAME, "validate_certs": False}, user)
    identity = images["busybox:latest"].id
    for kind in ("docker-archive", "oci-archive", "oci-dir", "docker-dir"):
        path = f"/tmp/saved-{kind}"
        twice(machine, "image_save", {"image": [NAME], "dest": path, "format": kind}, user)
        transport = {"oci-dir": "oci", "docker-dir": "dir"}.get(kind, kind)
        machine.podman(["rmi", "-f", identity], user)
        machine.podman(["pull", "-q", f"{transport}:{path}"], user)
        machine.podman(["rmi", "-f", identity], user)
        loaded = twice(machine, "image_load", {"input": path}, user)
        assert [image["Id"] for image in loaded["image"]] == [identity]
        machine.podman(["tag", identity, NAME], user)


def test_several_in_one_archive(machine: Machine) -> None:
    names = [NAME, "127.0.0.1:5000/web:latest"]
    assert machine.registry.host
    for name in names:
        machine.task("image", {"name": name, "validate_certs": False})
    refused = machine.task("image_save", {"image": names, "dest": "/tmp/all.tar"}, fails=True)
    assert "multi_image_archive" in refused["msg"]
    twice(machine, "image_save", {"image": names, "dest": "/tmp/all.tar", "multi_image_archive": True}, None)
    machine.podman(["rmi", "-af"])
    machine.podman(["load", "-q", "-i", "/tmp/all.tar"])
    assert not machine.task("image_load", {"input": "/tmp/all.tar"})["changed"], "podman loads what we load"
    machine.podman(["rmi", "-af"])
    assert len(twice(machine, "image_load", {"input": "/tmp/all.tar"}, None)["image"]) == 2
