"""Pushing by the module image; skopeo is the judge."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

WEB = "127.0.0.1:5000/web:latest"


@pytest.mark.parametrize("user", [None, USER])
def test_pushed_when_it_differs(machine: Machine, user: str | None) -> None:
    registry = machine.registry
    wish = {"name": WEB, "push": True, "push_args": {"dest": "127.0.0.1:5000/team/copy:1"}, "validate_certs": False}
    ahead = machine.task("image", wish, user=user, check=True)
    done = machine.task("image", wish, user=user)
    assert done["actions"] == [f"Pulled image {WEB}", "Pushed image to docker://127.0.0.1:5000/team/copy:1"]
    for key in ("changed", "actions", "podman_actions", "diff"):
        assert ahead[key] == done[key], key
    assert not machine.task("image", wish, user=user)["changed"]
    assert not machine.task("image", wish, user=user, check=True)["changed"]
    raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/team/copy:1"]).stdout
    assert json.loads(raw)["config"]["digest"] == f"sha256:{done['image'][0]['Id']}"
    machine.skopeo(["copy", "-q", "--src-tls-verify=false", "docker://127.0.0.1:5000/team/copy:1", "dir:/tmp/whole"])
    # to where it came from: one HEAD tells that it is there
    before = machine.read(registry.log).count("\n")
    own = {"name": WEB, "push": True, "validate_certs": False}
    assert not machine.task("image", own, user=user)["changed"]
    asked = [line for line in machine.read(registry.log).splitlines()[before:] if " /v2/web/" in line]
    assert len(asked) == 1 and '"HEAD ' in asked[0]


def test_format_compression_and_digest_file(machine: Machine) -> None:
    assert machine.registry
    args = {"dest": "127.0.0.1:5000/other:1", "format": "v2s2", "digestfile": "/tmp/digest"}
    wish = {"name": WEB, "push": True, "push_args": args, "validate_certs": False}
    assert machine.task("image", wish)["changed"]
    assert not machine.task("image", wish)["changed"]
    raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/other:1"]).stdout
    assert json.loads(raw)["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    told = machine.skopeo(
        ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://127.0.0.1:5000/other:1"]
    )
    assert machine.read("/tmp/digest").strip() == told.stdout.strip()
    zstd = {**wish, "push_args": {"dest": "127.0.0.1:5000/other:1", "extra_args": "--compression-format zstd"}}
    zstd["push_args"]["format"] = "oci"
    assert machine.task("image", zstd)["changed"]
    assert not machine.task("image", zstd)["changed"]
    raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/other:1"]).stdout
    assert {layer["mediaType"].rpartition("+")[2] for layer in json.loads(raw)["layers"]} == {"zstd"}
    for more, words in (
        ({"format": "v2s1"}, "obsolete"),
        ({"transport": "ostree"}, "ostree"),
        ({"sign_by": "me"}, "does not sign"),
        ({"extra_args": "--all"}, "is not one of"),
        ({"dest": "short"}, "names no registry"),
        ({"transport": "oci-archive", "dest": "/tmp/x.tar"}, "is no registry"),
    ):
        bad = {"name": WEB, "push": True, "push_args": more, "validate_certs": False}
        assert words in machine.task("image", bad, fails=True)["msg"]
