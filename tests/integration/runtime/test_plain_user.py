"""The same as a plain user: a forked process gives up root, makes a user namespace and drives the runtimes there."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees, cgroups, libc
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import (
    attach,
    delete,
    kill,
    logs,
    processes,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import exec as executing
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import is_alive
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.probe import Prober
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.program import Runtime

from .conftest import Box, forked, process

pytestmark = pytest.mark.integration

UID = 64001
PR_SET_DUMPABLE = 4
UNIFIED = "/sys/fs/cgroup/unified"


@pytest.fixture
def home() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    base = Path(tempfile.mkdtemp(prefix="daemonless-plain-"))
    os.chown(base, UID, UID)
    yield base
    shutil.rmtree(base, ignore_errors=True)


def as_plain_user(home: Path, scenario: Callable[[Path], object], hide_unified: bool) -> object:
    return forked(lambda: _in_namespace(home, scenario, hide_unified))


def _in_namespace(home: Path, scenario: Callable[[Path], object], hide_unified: bool) -> object:
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", "", libc.MS_REC | libc.MS_PRIVATE, "")
    if hide_unified and os.path.ismount(UNIFIED):
        libc.umount(UNIFIED, 0)
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    libc.prctl(PR_SET_DUMPABLE, 1)  # giving up root made our own /proc files root's
    os.environ.clear()
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME=str(home), XDG_RUNTIME_DIR=str(home))
    libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {UID} 1")
    Path("/proc/self/gid_map").write_text(f"0 {UID} 1")
    libc.mount("none", "/", "", libc.MS_REC | libc.MS_PRIVATE, "")
    return scenario(home)


class _PlainBox(Box):
    """A box whose user has no cgroup to give."""

    def __init__(self, base: Path, runtime: Runtime) -> None:
        super().__init__(base, runtime)
        self.facts = cgroups.observe(True, UID)
        self.parent = ""


def _life(runtime: str) -> Callable[[Path], object]:
    def scenario(home: Path) -> object:
        path = shutil.which(runtime)
        assert path
        box = _PlainBox(home / "box", Runtime(runtime, path, (f"--root={home}/state",)))
        found: dict[str, object] = {"controllers": box.facts.controllers, "reason": box.facts.reason}
        spec = {"terminal": False}
        web = box.make(["/bin/sh", "-c", "echo up; read x; echo $x; exit 6"], request={"stdin": True}, **spec)
        web.create()
        said = bytearray()
        with attach.connect(str(web.bundle), "web") as attached:
            web.start()
            found["alive"] = is_alive(web.init)
            attached.stream(lambda _stream, data: said.extend(data), attach.Input(b"word\n"), 60)
        found["said"] = bytes(said)
        found["exit"] = web.wait().code
        delete.delete(box.runner, box.runtime, web.cid, "web")
        second = box.shell("sleep 321 & exec sleep 123")
        target = executing.ExecTarget(second.cid, "web", str(second.run_dir))
        request = executing.ExecRequest(process(["/bin/sh", "-c", "id -u; exit 4"]), b"", 60)
        found["exec"] = tuple(executing.run(box.runner, box.runtime, target, request))
        while len(processes.processes(second.init, "web")) != 2:
            time.sleep(0.01)
        found["top"] = processes.rows(processes.processes(second.init, "web"), ("uid", "huser", "ppid"))[1]
        found["killed"] = kill.signal_init(second.init, 9)
        found["code"] = second.wait().code
        found["lines"] = [
            line.data
            for line in logs.read(box.runner, logs.LogSource("k8s-file", "web", "", str(web.log)), logs.LogQuery())
        ]
        box.close()
        found["left"] = sorted(os.listdir(home / "state")) if (home / "state").exists() else []
        return found

    return scenario


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_life_without_cgroups(home: Path, runtime: str) -> None:
    if not shutil.which(runtime):
        pytest.skip(f"{runtime} is not installed")
    facts = cgroups.observe(True, UID)
    if facts.can_create or facts.mode == cgroups.V2:
        pytest.skip("this host delegates cgroups, or could")
    found = as_plain_user(home, _life(runtime), runtime == "crun")
    assert isinstance(found, dict)
    assert "cgroup v1 cannot be delegated" in str(found.pop("reason"))
    assert found == {
        "controllers": (),
        "alive": True,
        "said": b"up\nword\n",
        "exit": 6,
        "exec": (4, b"0\n", b""),
        "top": [("0", "0", "0"), ("0", "0", "1")],
        "killed": True,
        "code": 137,
        "lines": [b"up", b"word"],
        "left": [],
    }


@pytest.mark.parametrize("hide_unified", [False, True])
def test_the_probe_knows_a_plain_users_host(home: Path, hide_unified: bool) -> None:
    if not (shutil.which("crun") and shutil.which("runc")):
        pytest.skip("needs both runtimes")
    if not os.path.ismount(UNIFIED):
        pytest.skip("no hybrid cgroups here")

    def scenario(home: Path) -> object:
        from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner

        choice = Prober(LinuxRunner(), str(home / "cache"), cgroups.observe(True, UID)).choose()
        return choice.name, [one.name for one in choice.refused], os.listdir(home / "cache")

    expected = ("crun", []) if hide_unified else ("runc", ["crun"])
    assert as_plain_user(home, scenario, hide_unified) == (*expected, ["programs.json"])


def test_the_monitor_of_a_plain_user_stays_where_it_is() -> None:
    facts = cgroups.observe(True, UID)
    if facts.can_create:
        pytest.skip("this host delegates cgroups")
    assert cgroup_trees.enter_monitor(facts, cgroups.place(facts, "0" * 64), os.getpid(), UID) == ""
    assert json.dumps(cgroups.place(facts, "0" * 64)) == json.dumps(["", "", "", ""])
