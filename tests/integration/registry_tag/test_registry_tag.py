"""Tags at a real registry; skopeo is the judge of what they point at."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

WEB = "127.0.0.1:5000/web"


def digest(machine: Machine, name: str) -> str:
    shown = machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{name}"], check=False)
    if shown.returncode:
        assert "manifest unknown" in shown.stderr, shown.stderr
        return ""
    machine.write("/tmp/manifest", shown.stdout)
    return machine.skopeo(["manifest-digest", "/tmp/manifest"]).stdout.strip()


def listed(machine: Machine, repository: str) -> set[str]:
    shown = machine.skopeo(["list-tags", "--tls-verify=false", f"docker://{repository}"]).stdout
    return set(json.loads(shown)["Tags"])


@pytest.mark.parametrize("user", [None, USER])
def test_set_and_delete(machine: Machine, user: str | None) -> None:
    assert machine.registry
    name = "127.0.0.1:5000/multi"
    index = digest(machine, f"{name}:latest")
    before = listed(machine, name)
    wish = {"name": f"{name}:latest", "tags": ["stable", "1"], "validate_certs": False}
    ahead = machine.task("registry_tag", wish, user=user, check=True)
    assert listed(machine, name) == before
    done = machine.task("registry_tag", wish, user=user)
    assert done["changed"]
    for key in ("actions", "diff", "tags"):
        assert ahead[key] == done[key], key
    assert done["tags"] == {"stable": index, "1": index}
    assert listed(machine, name) == before | {"stable", "1"}
    assert digest(machine, f"{name}:stable") == index
    assert not machine.task("registry_tag", wish, user=user)["changed"]
    log = machine.read(machine.registry.log)
    assert not [line for line in log.splitlines() if "/v2/multi/blobs/" in line and "daemonless" in line]

    away = {"name": f"{name}:stable", "state": "absent", "validate_certs": False}
    ahead = machine.task("registry_tag", away, user=user, check=True)
    gone = machine.task("registry_tag", away, user=user)
    assert gone["changed"]
    assert (gone["actions"], gone["diff"]) == (ahead["actions"], ahead["diff"])
    assert gone["diff"] == {"before": {f"{name}:stable": index}, "after": {f"{name}:stable": ""}}
    assert digest(machine, f"{name}:stable") == ""
    assert digest(machine, f"{name}:1") == digest(machine, f"{name}:latest") == index, "siblings stay"
    assert not machine.task("registry_tag", away, user=user)["changed"]
    machine.skopeo(["copy", "-q", "--all", "--src-tls-verify=false", f"docker://{name}:1", "dir:/tmp/whole"])


def test_moves_a_tag(machine: Machine) -> None:
    assert machine.registry
    old, new = digest(machine, f"{WEB}:latest"), digest(machine, f"{WEB}:2")
    assert old != new
    done = machine.task("registry_tag", {"name": f"{WEB}@{new}", "tags": ["latest"], "validate_certs": False})
    assert done["diff"] == {"before": {f"{WEB}:latest": old}, "after": {f"{WEB}:latest": new}}
    assert digest(machine, f"{WEB}:latest") == new
    assert digest(machine, f"{WEB}@{old}") == old


def test_a_registry_that_does_not_delete(machine: Machine) -> None:
    registry = machine.registry
    registry.stop()
    config = "/run/lab/registry-5000/config.yml"
    changed = json.loads(machine.read(config))
    changed["storage"]["delete"] = {"enabled": False}
    machine.write(config, json.dumps(changed))
    machine.spawn(["sh", "-c", f"exec docker-registry serve {config} >>{registry.log} 2>&1"])
    registry._await()
    before = digest(machine, f"{WEB}:latest")
    wish = {"name": f"{WEB}:latest", "state": "absent", "validate_certs": False}
    assert "does not delete" in machine.task("registry_tag", wish, fails=True)["msg"]
    assert digest(machine, f"{WEB}:latest") == before, "the tag was not touched"


def test_accounts_and_refusals(machine: Machine) -> None:
    registry = machine.start_registry(5001, tls=True, users={"me": "pw-s3cret"})
    access = {"username": "me", "password": "pw-s3cret", "ca_cert_dir": registry.ca.rpartition("/")[0]}
    name = registry.reference("web:latest")
    assert machine.task("registry_tag", {"name": name, "tags": "x", **access})["changed"]
    gone = machine.task("registry_tag", {"name": registry.reference("web:x"), "state": "absent", **access})
    assert gone["changed"]
    assert "pw-s3cret" not in json.dumps({**gone, "invocation": None})
    for wish, words in (
        ({"name": name, "tags": "x", "ca_cert_dir": access["ca_cert_dir"]}, "401"),
        ({"name": registry.reference("web:none"), "tags": "x", **access}, "does not have it"),
        ({"name": name, **access}, "none is named"),
        ({"name": "web", "tags": "x"}, "names no registry"),
        ({"name": name, "tags": "a/b", **access}, "a tag is"),
    ):
        assert words in machine.task("registry_tag", wish, fails=True)["msg"]
