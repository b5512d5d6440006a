"""Limits in place, processes and usage, all read from the host side."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees, cgroups
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import errors, processes, update
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import proc_stat

from .conftest import Box, Container, until

pytestmark = pytest.mark.integration

MIB = 1024 * 1024


def _limit(web: Container, v1: tuple[str, str], v2: str) -> str:
    folders = cgroup_trees.directories(web.box.facts, web.init.pid)
    path = f"{folders['']}/{v2}" if web.box.facts.mode == cgroups.V2 else f"{folders[v1[0]]}/{v1[1]}"
    return Path(path).read_text().strip()


def test_limits_are_set_and_changed_in_place(box: Box) -> None:
    resources = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 50}, "cpu": {"shares": 512}}
    web = box.shell("exec sleep 1000", linux={"resources": resources})
    memory, pids = ("memory", "memory.limit_in_bytes"), ("pids", "pids.max")
    assert _limit(web, memory, "memory.max") == str(64 * MIB)
    assert _limit(web, pids, "pids.max") == "50"
    update.update(box.runner, box.runtime, web.cid, "web", {"memory": {"limit": 128 * MIB}})
    assert _limit(web, memory, "memory.max") == str(128 * MIB)
    assert _limit(web, pids, "pids.max") == "50", "what was not named stays"
    update.update(box.runner, box.runtime, web.cid, "web", {"cpu": {"quota": 50000, "period": 100000}})
    assert _limit(web, ("cpu", "cpu.cfs_quota_us"), "cpu.max").split()[0] == "50000"
    update.update(box.runner, box.runtime, web.cid, "web", {"pids": {"limit": 77}})
    assert _limit(web, pids, "pids.max") == "77"


def _ticks(web: Container) -> int:
    stat = proc_stat(web.init.pid)
    assert stat is not None
    return stat.user_ticks + stat.system_ticks


def test_a_cpu_limit_bites(box: Box) -> None:
    resources = {"cpu": {"quota": 20000, "period": 100000}}
    web = box.shell("exec yes > /dev/null", linux={"resources": resources})
    time.sleep(0.3)
    before, begun = _ticks(web), time.monotonic()
    time.sleep(1)
    until(lambda: _ticks(web) - before > 5)
    used = (_ticks(web) - before) / os.sysconf("SC_CLK_TCK")
    assert used / (time.monotonic() - begun) < 0.35


def test_processes(box: Box) -> None:
    web = box.shell("sleep 321 & exec sleep 123", user={"uid": 7, "gid": 8})
    until(lambda: len(processes.processes(web.init, "web")) == 2)
    until(lambda: all(one.args.startswith("sleep") for one in processes.processes(web.init, "web")))
    found = processes.processes(web.init, "web")
    headings, table = processes.rows(found, names=({7: "seven"}.get, str))  # type: ignore[arg-type]
    assert headings == ("USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND")
    assert [(row[0], row[1], row[2], row[5], row[7]) for row in table] == [
        ("seven", "1", "0", "?", "sleep 123"),
        ("seven", table[1][1], "1", "?", "sleep 321"),
    ]
    assert processes.rows(found, ("hpid", "gid", "comm"))[1][0] == (str(web.init.pid), "8", "sleep")


def test_processes_of_a_container_without_a_group(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "sleep 321 & exec sleep 123"])
    config = web.bundle / "config.json"
    config.write_text(config.read_text().replace(web.place.oci_path, f"{box.parent}/anonymous"))
    web.create().start()
    until(lambda: len(processes.processes(web.init, "web")) == 2)
    assert [one.pid for one in processes.processes(web.init, "web")][0] == 1


def test_processes_that_share_the_hosts_pids(box: Box) -> None:
    spec = box.spec(["/bin/sh", "-c", "sleep 321 & exec sleep 123"])
    linux = spec["linux"]
    assert isinstance(linux, dict)
    linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] != "pid"]
    web = Container(box, spec)
    box.containers.append(web)
    config = web.bundle / "config.json"
    config.write_text(config.read_text().replace(web.place.oci_path, f"{box.parent}/anonymous"))
    web.create().start()
    until(lambda: len(processes.processes(web.init, "web")) == 2)
    assert {one.args for one in processes.processes(web.init, "web")} <= {
        "sleep 123",
        "sleep 321",
        "/bin/sh -c sleep 321 & exec sleep 123",
    }
    for one in reversed(processes.processes(web.init, "web")):
        os.kill(one.host_pid, signal.SIGKILL)


def test_users_are_shown_as_inside_a_user_namespace(box: Box) -> None:
    os.chmod(box.base, 0o755)
    for folder in box.base.parents:
        if folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    spec = box.spec(["/bin/sleep", "1000"], user={"uid": 5, "gid": 6})
    linux = spec["linux"]
    assert isinstance(linux, dict)
    linux["namespaces"].append({"type": "user"})
    for name in ("uidMappings", "gidMappings"):
        linux[name] = [{"containerID": 0, "hostID": 700000, "size": 65536}]
    web = Container(box, spec)
    box.containers.append(web)
    web.create().start()
    until(lambda: [one.args for one in processes.processes(web.init, "web")] == ["/bin/sleep 1000"])
    found = processes.processes(web.init, "web")
    assert processes.rows(found, ("uid", "gid", "huser", "hgroup"))[1] == [("5", "6", "700005", "700006")]


def test_a_command_line_that_attacks_the_terminal(box: Box) -> None:
    web = box.run(["/bin/sh", "-c", "sleep 1000; :", "\x1b]0;owned\x07\n"])
    until(lambda: "owned" in processes.processes(web.init, "web")[0].args)
    assert processes.processes(web.init, "web")[0].args.isprintable()


def test_a_terminal_has_a_name(box: Box) -> None:
    web = box.make(["/bin/sleep", "1000"], request={"terminal": True}, terminal=True).create().start()
    until(lambda: [one.args for one in processes.processes(web.init, "web")] == ["/bin/sleep 1000"])
    assert processes.rows(processes.processes(web.init, "web"), ("tty",))[1] == [("pts/0",)]


def test_unknown_descriptors_are_refused(box: Box) -> None:
    with pytest.raises(BadInput, match="nonsense"):
        processes.rows((), ("nonsense",))


def test_processes_of_what_has_ended(box: Box) -> None:
    web = box.shell("exit 0")
    web.wait()
    with pytest.raises(errors.NotRunning, match="container web"):
        processes.processes(web.init, "web")
