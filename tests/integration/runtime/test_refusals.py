"""What goes wrong at start is said clearly, by both runtimes alike, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    Conflict,
    EngineError,
    HostLacks,
    NotFound,
    TimedOut,
    ToolFailed,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import conmon, errors
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import is_alive
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.program import Runtime

from .conftest import Box, Container, until

pytestmark = pytest.mark.integration


def _no_trace(box: Box, web: Container) -> None:
    assert box.status(web) is None
    for tree in box.facts.hierarchies:
        assert not os.path.exists(tree.mountpoint + web.place.oci_path)


def _refused(box: Box, web: Container) -> EngineError:
    """Some causes show at create, others at start, by runtime."""
    with pytest.raises(EngineError) as caught:
        web.create().start()
    assert str(caught.value).startswith("start container web: ")
    if box.status(web) is None:
        _no_trace(box, web)
    return caught.value


@pytest.mark.parametrize("program", ["/no/such", "nosuch"])
def test_program_not_found(box: Box, program: str) -> None:
    error = _refused(box, box.make([program]))
    assert isinstance(error, errors.CommandNotFound)
    assert error.cause == f"the container has no program {program}"


@pytest.mark.parametrize("program", ["/etc/plain", "/etc"])
def test_program_not_executable(box: Box, program: str) -> None:
    (box.base / "rootfs/etc/plain").write_text("text")
    error = _refused(box, box.make([program]))
    assert isinstance(error, errors.CommandNotExecutable), error


@pytest.mark.parametrize("content", [b"\x7fELF\x02\x01\x01" + b"\0" * 57, b"no shebang\n"], ids=["elf", "text"])
def test_program_for_another_machine(box: Box, content: bytes) -> None:
    path = box.base / "rootfs/etc/foreign"
    path.write_bytes(content)
    path.chmod(0o755)
    # neither runtime sees this before the program is executed, when `start` has reported success
    web = box.run(["/etc/foreign"])
    assert web.wait().code != 0
    assert "exec format error" in (web.text() + (web.run_dir / "oci-log").read_text()).lower()


def test_mount_source_missing(box: Box) -> None:
    mount = {"destination": "/mnt", "type": "bind", "source": "/no/such/source", "options": ["rbind"]}
    error = _refused(box, box.make(["/bin/true"], mounts=[mount]))
    assert isinstance(error, NotFound), error
    assert "/no/such/source" in error.cause


def test_working_directory_missing(box: Box) -> None:
    error = _refused(box, box.make(["/bin/true"], cwd="/proc/nowhere"))
    assert isinstance(error, EngineError)
    assert "/proc/nowhere" in str(error)


def test_rlimit_above_the_hard_limit(box: Box) -> None:
    limit = {"type": "RLIMIT_NOFILE", "soft": 1 << 40, "hard": 1 << 40}
    error = _refused(box, box.make(["/bin/true"], rlimits=[limit]))
    assert isinstance(error, HostLacks), error
    assert "ulimit" in error.cause


def test_the_id_is_taken(box: Box) -> None:
    first = box.shell("exec sleep 100")
    second = box.make(["/bin/true"])
    second.request = second.request._replace(cid=first.cid)
    with pytest.raises(Conflict, match="already has a container of this id"):
        second.create()
    assert is_alive(first.init), "the refused one must not take the running one with it"


def test_a_broken_bundle(box: Box) -> None:
    web = box.make(["/bin/true"])
    (web.bundle / "config.json").write_text("{")
    error = _refused(box, web)
    assert isinstance(error, ToolFailed)


def test_conmon_that_cannot_start(box: Box) -> None:
    web = box.make(["/bin/true"])
    web.request = web.request._replace(log=conmon.LogTarget("k8s-file", "/no/such/folder/ctr.log"))
    error = _refused(box, web)
    assert isinstance(error, NotFound)
    assert "/no/such/folder" in str(error), error


def test_conmon_that_does_not_know_an_option(box: Box) -> None:
    web = box.make(["/bin/true"])
    box.monitor = box.monitor._replace(log_level="nonsense")
    error = _refused(box, web)
    assert isinstance(error, ToolFailed) and error.program == "conmon"
    assert "nonsense" in str(error)


def test_conmon_is_missing(box: Box) -> None:
    web = box.make(["/bin/true"])
    box.monitor = box.monitor._replace(path="/no/such/conmon")
    with pytest.raises(HostLacks, match="conmon"):
        web.create()


HANGS = """#!/bin/sh
# stands for a runtime that never answers to create
case "$*" in *create*) sleep 1000 & echo $! > {base}/sleeper; wait;; *) exec {real} "$@";; esac
"""


def test_a_runtime_that_hangs_is_killed_and_cleaned_up(box: Box, tmp_path: Path) -> None:
    fake = tmp_path / "hanging"
    fake.write_text(HANGS.format(base=tmp_path, real=box.runtime.path))
    fake.chmod(0o755)
    web = box.make(["/bin/true"])
    real, box.runtime = box.runtime, Runtime("hanging", str(fake), box.runtime.args)
    box.monitor = box.monitor._replace(deadline=3)
    began = time.monotonic()
    with pytest.raises(TimedOut, match="start container web: no answer from the runtime within 3 s"):
        web.create()
    assert time.monotonic() - began < 300
    sleeper = int((tmp_path / "sleeper").read_text())
    for pid in (sleeper, int((web.run_dir / "conmon.pid").read_text())):
        until(lambda pid=pid: not _runs(pid), otherwise="what the runtime had started still runs")
    box.runtime = real
    cgroup_trees.remove(box.facts, web.place.oci_path)
    _no_trace(box, web)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
