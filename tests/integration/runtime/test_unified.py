"""The unified tree (cgroup v2), given to a process of its own where this machine mounts version 1 beside it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees, cgroups, libc
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import exec as executing
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import kill, pause, processes, resume
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.probe import Prober

from .conftest import Box, forked, process, runtime_for

pytestmark = pytest.mark.integration

MOUNT = "/sys/fs/cgroup"


def _unified_only(base: Path) -> object:
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", "", libc.MS_REC | libc.MS_PRIVATE, "")
    if cgroups.observe(False, 0, "cgroupfs").mode != cgroups.V2:
        subprocess.run(["umount", "-R", MOUNT], check=False)
        libc.mount("none", MOUNT, "cgroup2", 0, "")
    box = Box(base / "box", runtime_for("runc", base))
    try:
        return _scenario(base, box)
    finally:
        box.close()


def _scenario(base: Path, box: Box) -> dict[str, object]:
    found: dict[str, object] = {"mode": box.facts.mode, "pids": "pids" in box.facts.controllers}
    choice = Prober(box.runner, str(base / "cache"), box.facts).choose()
    found["choice"] = (choice.name, [one.name for one in choice.refused])
    web = box.shell("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo counted; sleep 1000 & wait")
    found["warnings"] = web.warnings
    found["monitor"] = f"0::{box.parent}/conmon\n" in Path(f"/proc/{web.init.conmon_pid}/cgroup").read_text()
    found["group"] = f"0::{web.place.oci_path}\n" in Path(f"/proc/{web.init.pid}/cgroup").read_text()
    end = time.monotonic() + 60
    while "counted" not in web.text() and time.monotonic() < end:
        time.sleep(0.01)
    pause.pause(box.runner, box.runtime, web.cid, "web")
    frozen = box.status(web)
    found["paused"] = frozen[0] if frozen else ""
    resume.resume(box.runner, box.runtime, web.cid, "web")
    while len(processes.processes(web.init, "web")) != 2:
        time.sleep(0.01)
    target = executing.ExecTarget(web.cid, "web", str(web.run_dir))
    request = executing.ExecRequest(process(["/bin/sh", "-c", "exit 3"]), b"", 60)
    found["exec"] = executing.run(box.runner, box.runtime, target, request).rc
    found["members"] = len(cgroup_trees.processes(box.facts, web.place.oci_path))
    kill.kill(box.runner, box.runtime, web.cid, "web", 9)
    found["code"] = web.wait().code
    found["left"] = cgroup_trees.remove(box.facts, web.place.oci_path)
    found["exists"] = os.path.exists(MOUNT + web.place.oci_path)
    return found


def test_a_life_under_version_2(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    found = forked(lambda: _unified_only(tmp_path))
    assert isinstance(found, dict)
    found.pop("pids")
    choice = found.pop("choice")
    # crun needs CAP_SYS_RESOURCE for its device filter where the kernel counts locked memory
    assert choice in (("crun", []), ("runc", ["crun"]))
    assert found == {
        "mode": "v2",
        "warnings": [""],
        "monitor": True,
        "group": True,
        "paused": "paused",
        "exec": 3,
        "members": 2,
        "code": 137,
        "left": (),
        "exists": False,
    }
