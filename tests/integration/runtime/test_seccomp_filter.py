"""A kept seccomp filter is the one that crun compiles, byte for byte, and it bites."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.program import Runtime
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.seccomp_filter import (
    ANNOTATION,
    FilterCache,
)

from .conftest import Box, Container

pytestmark = pytest.mark.integration

PROFILE: dict[str, object] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}],
}


def _state(box: Box, web: Container) -> Path:
    return Path(box.runtime.args[0].partition("=")[2], web.cid, "seccomp.bpf")


def _container(box: Box, profile: dict[str, object]) -> Container:
    return box.make(["/bin/sh", "-c", "busybox mkdir /tmp/x; sleep 1000"], linux={"seccomp": profile})


def test_the_same_bytes_as_crun_compiles(box: Box, tmp_path: Path) -> None:
    cache = FilterCache(str(tmp_path / "cache"), box.runtime, "/run")
    assert cache.annotation(PROFILE) == {}
    first = _container(box, PROFILE).create()
    cache.keep(PROFILE, first.cid)
    found = cache.annotation(PROFILE)
    if box.runtime.name != "crun" or os.path.isdir(_state(box, first).parent.parent / ".cache/seccomp"):
        assert found == {}, "only for a crun that does not do it itself"
        return
    compiled = _state(box, first).read_bytes()
    assert base64.b64decode(found[ANNOTATION]) == compiled
    second = _container(box, PROFILE)
    config = json.loads((second.bundle / "config.json").read_text())
    config["annotations"] = found
    (second.bundle / "config.json").write_text(json.dumps(config))
    second.create()
    assert _state(box, second).read_bytes() == compiled
    for web in (first, second):
        web.start()
        while "mkdir" not in web.text():
            pass
        assert "Function not implemented" in web.text()
        assert "Seccomp:\t2" in Path(f"/proc/{web.init.pid}/status").read_text()
    assert cache.annotation({**PROFILE, "defaultErrnoRet": 1}) == {}, "another profile is another filter"


@pytest.mark.parametrize("damage", [b"", b"1234567", b"x" * (8 * 65536 + 8)])
def test_a_spoilt_filter_is_not_used(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "state/c").mkdir(parents=True)
    cache = FilterCache(str(tmp_path / "cache"), Runtime("crun", "/bin/true", (f"--root={tmp_path}/state",)), "/run")
    (tmp_path / "state/c/seccomp.bpf").write_bytes(damage)
    cache.keep(PROFILE, "c")
    assert cache.annotation(PROFILE) == {}
    (tmp_path / "state/c/seccomp.bpf").write_bytes(b"12345678")
    cache.keep(PROFILE, "c")
    assert cache.annotation(PROFILE) == {ANNOTATION: base64.b64encode(b"12345678").decode()}
    (kept,) = (tmp_path / "cache/seccomp").iterdir()
    kept.write_bytes(damage)
    assert cache.annotation(PROFILE) == {}


def test_other_runtimes_and_notify_listeners_are_left_alone(tmp_path: Path) -> None:
    assert FilterCache(str(tmp_path), Runtime("runc", "/bin/true"), "/run").annotation(PROFILE) == {}
    listener = {**PROFILE, "listenerPath": "/s"}
    assert FilterCache(str(tmp_path), Runtime("crun", "/bin/true"), "/run").annotation(listener) == {}
