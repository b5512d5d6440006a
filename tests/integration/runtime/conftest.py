"""Containers without an image store: a root of one static busybox, an own cgroup parent, own runtime state."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.ids import new_id
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees, cgroups
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import conmon, delete, exits, start
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import Init, proc_stat
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.program import Runtime

APPLETS = "sh sleep echo cat ls true false id ps head yes kill dd stat env printf pwd tty wc".split()
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
]
WRAPPER = """#!/bin/sh
# crun refuses hybrid cgroups: give it a view of this machine without the cgroup2 tree
exec unshare --mount --propagation private sh -c 'umount /sys/fs/cgroup/unified; exec {crun} "$@"' crun "$@"
"""


def process(args: list[str], **fields: object) -> dict[str, object]:
    """An OCI process object with sane defaults."""
    base: dict[str, object] = {
        "user": {"uid": 0, "gid": 0},
        "args": args,
        "env": ["PATH=/bin", "HOME=/"],
        "cwd": "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
    }
    base.update(fields)
    return base


class Container:
    """One container and everything needed to drive it."""

    def __init__(self, box: Box, spec: dict[str, object], **request: object) -> None:
        self.cid = new_id()
        self.box = box
        self.place = cgroups.place(box.facts, self.cid, box.parent)
        folder = box.base / self.cid
        self.run_dir = folder / "run"
        self.bundle = folder / "bundle"
        self.log = folder / "ctr.log"
        self.run_dir.mkdir(parents=True)
        self.bundle.mkdir()
        linux = spec["linux"]
        assert isinstance(linux, dict)
        if self.place.oci_path:
            linux["cgroupsPath"] = self.place.oci_path
        (self.bundle / "config.json").write_text(json.dumps(spec))
        log = request.pop("log", None) or conmon.LogTarget("k8s-file", str(self.log))
        self.request = conmon.CreateRequest(
            self.cid,
            "web",
            str(self.bundle),
            str(self.run_dir),
            log,  # type: ignore[arg-type]
            placed=lambda pid: self.warnings.append(cgroup_trees.enter_monitor(box.facts, self.place, pid, 0)),
            **request,  # type: ignore[arg-type]
        )
        self.warnings: list[str] = []
        self.init = Init(0, 0, self.cid)
        self.paths = exits.ExitPaths(box.monitor.exit_dir, f"{box.monitor.persist_root}/{self.cid}")

    def create(self) -> Container:
        with conmon.Waiting(self.box.runner, self.box.runtime, self.box.monitor, self.request) as waiting:
            created = waiting.create()
        self.init = Init(created.pid, created.conmon_pid, self.cid)
        return self

    def start(self) -> Container:
        start.start(self.box.runner, self.box.runtime, self.cid, "web")
        return self

    def wait(self, seconds: float = 60) -> exits.Exit:
        found = exits.wait(self.paths, self.init, "web", seconds)
        assert found is not None
        return found

    def text(self) -> str:
        return self.log.read_text()


class Box:
    """A place for containers of one runtime."""

    def __init__(self, base: Path, runtime: Runtime) -> None:
        self.base = base
        self.runtime = runtime
        self.runner = LinuxRunner()
        self.facts = cgroups.observe(os.geteuid() != 0, os.geteuid(), "cgroupfs")
        self.parent = f"/daemonless-test-{os.getpid()}" if self.facts.can_create else ""
        self.monitor = conmon.Monitor(
            shutil.which("conmon") or "conmon", str(base / "exits"), str(base / "persist"), deadline=30.0
        )
        self.containers: list[Container] = []
        bin_dir = base / "rootfs" / "bin"
        bin_dir.mkdir(parents=True)
        for name in ("proc", "dev", "sys", "tmp", "etc"):
            (base / "rootfs" / name).mkdir()
        shutil.copy(shutil.which("busybox") or "busybox", bin_dir / "busybox")
        for applet in APPLETS:
            (bin_dir / applet).symlink_to("busybox")

    def spec(self, args: list[str], *, linux: dict[str, object] | None = None, **fields: object) -> dict[str, object]:
        mounts = [*MOUNTS, *(fields.pop("mounts", None) or [])]  # type: ignore[misc]
        return {
            "ociVersion": "1.0.2",
            "process": process(args, **fields),
            "root": {"path": str(self.base / "rootfs")},
            "hostname": "web",
            "mounts": mounts,
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")],
                **(linux or {}),
            },
        }

    def status(self, web: Container) -> tuple[str, int] | None:
        """What the runtime itself says: (status, pid), or None when it does not know the container."""
        argv = [self.runtime.path, *self.runtime.args, "state", web.cid]
        done = subprocess.run(argv, capture_output=True, check=False)
        if done.returncode:
            return None
        found = json.loads(done.stdout)
        return found["status"], found["pid"]

    def make(self, args: list[str], *, request: dict[str, object] | None = None, **fields: object) -> Container:
        container = Container(self, self.spec(args, **fields), **(request or {}))  # type: ignore[arg-type]
        self.containers.append(container)
        return container

    def run(self, args: list[str], *, request: dict[str, object] | None = None, **fields: object) -> Container:
        return self.make(args, request=request, **fields).create().start()

    def shell(self, script: str, *, request: dict[str, object] | None = None, **fields: object) -> Container:
        return self.run(["/bin/sh", "-c", script], request=request, **fields)

    def close(self) -> None:
        for container in self.containers:
            delete.delete(self.runner, self.runtime, container.cid, "web", force=True)
            if container.init.conmon_pid:
                _until_gone(container.init.conmon_pid)
        if self.parent:
            left = cgroup_trees.remove(self.facts, self.parent)
            assert not left, left


def until(done: Callable[[], object], seconds: float = 60, otherwise: str = "waited in vain") -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, otherwise
        time.sleep(0.005)


def _until_gone(pid: int) -> None:
    end = time.monotonic() + 30
    while (stat := proc_stat(pid)) is not None and stat.state != "Z":
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def runtime_for(name: str, base: Path) -> Runtime:
    """The real program; crun through a wrapper on hosts that it refuses."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    if name == "crun" and os.path.ismount("/sys/fs/cgroup/unified"):
        wrapper = base / "crun"
        wrapper.write_text(WRAPPER.format(crun=path))
        wrapper.chmod(0o755)
        path = str(wrapper)
    return Runtime(name, path, (f"--root={base}/state",))


@pytest.fixture(params=["runc", "crun"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Box]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    one = Box(tmp_path, runtime_for(request.param, tmp_path))
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    for name in ("conmon", "busybox"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def forked(scenario: Callable[[], object]) -> object:
    """Run it in a child that may change its namespaces and ids; what it raises fails the test with its traceback."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = (True, scenario())
        except BaseException:
            answer = (False, traceback.format_exc())
        with os.fdopen(write, "wb") as out:
            pickle.dump(answer, out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as source:
        good, result = pickle.load(source)
    os.waitpid(pid, 0)
    assert good, result
    return result
