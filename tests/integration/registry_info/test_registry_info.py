"""Looking at a registry; skopeo says the same."""

from __future__ import annotations

import json

import pytest
from images import Images
from machine import USER, Machine

SKOPEO = ("Name", "Digest", "Created", "DockerVersion", "Labels", "Architecture", "Os", "Layers", "LayersData", "Env")


def look(machine: Machine, user: str | None = None, **wish: object) -> dict:
    return machine.task("registry_info", {"validate_certs": False, **wish}, user=user)


@pytest.mark.parametrize("user", [None, USER])
def test_inspect_is_skopeos(machine: Machine, user: str | None) -> None:
    assert machine.registry
    for name in ("web:latest", "multi:latest", "busybox:docker", "busybox:zstd"):
        full = machine.registry.reference(name)
        found = look(machine, user, name=full, config=True, raw=True)
        assert not found["changed"] and found["exists"]
        theirs = json.loads(machine.skopeo(["inspect", "--tls-verify=false", f"docker://{full}"]).stdout)
        assert {key: found["image"][key] or None for key in SKOPEO} == {key: theirs[key] or None for key in SKOPEO}, (
            name
        )
        raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{full}"]).stdout
        assert found["raw_manifest"] == raw
        config = machine.skopeo(["inspect", "--config", "--raw", "--tls-verify=false", f"docker://{full}"]).stdout
        assert found["config"] == json.loads(config)
    assert machine.podman_json(["images", "--format", "json"], user) == []


def test_platforms(machine: Machine) -> None:
    name = machine.registry.reference("multi:latest")
    found = look(machine, name=name, all_platforms=True)
    raw = json.loads(machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{name}"]).stdout)
    assert [entry["Digest"] for entry in found["platforms"]] == [entry["digest"] for entry in raw["manifests"]]
    assert len({entry["Architecture"] for entry in found["platforms"]}) == 3
    foreign = look(machine, name=name, platform="linux/riscv64")["image"]
    assert foreign["Architecture"] == "riscv64"
    assert foreign["InstanceDigest"] in [entry["digest"] for entry in raw["manifests"]]
    refused = machine.task(
        "registry_info", {"name": name, "platform": "linux/vax", "validate_certs": False}, fails=True
    )
    assert "it has: linux/" in refused["msg"]


def test_tags(machine: Machine, images: Images) -> None:
    registry = machine.registry
    for tag in ("1.9", "1.10", "1.10-rc.1", "edge", "2.0"):
        registry.push(f"versions:{tag}", images["busybox:latest"])
    registry.push("versions:new", images["web:latest"])
    name = registry.reference("versions")
    shown = look(machine, name=name, list_tags=True, sort="semver")
    assert shown["tags"] == ["edge", "new", "1.9", "1.10-rc.1", "1.10", "2.0"]
    assert shown["image"] == {}
    newest = look(machine, name=name, list_tags=True, sort="semver", reverse=True, limit=1, pattern=r"^\d+\.\d+$")
    assert newest["tags"] == ["2.0"]
    assert sorted(look(machine, name=name, list_tags=True)["tags"]) == sorted(shown["tags"])
    assert look(machine, name=name, list_tags=True, sort="name")["tags"] == sorted(shown["tags"])
    times = {}
    for tag in shown["tags"]:
        told = machine.skopeo(["inspect", "--tls-verify=false", f"docker://{name}:{tag}"]).stdout
        times[tag] = json.loads(told)["Created"]
    by_time = look(machine, name=name, list_tags=True, sort="created")["tags"]
    assert [times[tag] for tag in by_time] == sorted(times.values())
    assert look(machine, name=f"{name}:edge", list_tags=True)["image"]["Os"] == "linux"


def test_what_is_not_there(machine: Machine) -> None:
    registry = machine.registry
    for name in ("web:none", "nowhere:latest"):
        found = look(machine, name=registry.reference(name))
        assert (found["exists"], found["image"]) == (False, {})
    none = look(machine, name=registry.reference("nowhere"), list_tags=True)
    assert (none["exists"], none["tags"]) == (False, [])
    for wish, words in (
        ({"name": "127.0.0.1:9/x", "retry": 0}, "refused the connection"),
        ({"name": registry.reference("web"), "list_tags": True, "pattern": "("}, "no regular expression"),
        ({"name": registry.reference("web"), "limit": 0, "list_tags": True}, "less than 1"),
    ):
        assert words in machine.task("registry_info", {"validate_certs": False, **wish}, fails=True)["msg"]


def test_search_by_catalogue(machine: Machine) -> None:
    registry = machine.registry
    found = look(machine, term=f"{registry.host}/bus")["images"]
    assert [entry["Name"] for entry in found] == [registry.reference("busybox")]
    assert set(found[0]) == {"Index", "Name", "Description", "Stars", "Official", "Automated"}
    tags = look(machine, term=registry.reference("web"), list_tags=True)["images"]
    assert tags[0]["Name"] == registry.reference("web")
    assert "latest" in tags[0]["Tags"]
