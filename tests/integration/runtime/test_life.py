"""From create to the exit record, with the real runtimes and conmon."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Damaged, NotFound, TimedOut
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroups
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import delete, exits, kill, pause, resume
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import (
    Init,
    is_alive,
    monitor_alive,
)

from .conftest import Box, until

pytestmark = pytest.mark.integration


def test_a_created_container_waits_for_start(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "echo up; exit 3"]).create()
    assert is_alive(web.init)
    found = box.status(web)
    assert found == ("created", web.init.pid)
    assert exits.read(web.paths, web.cid) is None
    before = time.time_ns()
    web.start()
    ended = web.wait()
    assert (ended.code, ended.oom) == (3, False)
    assert before - 1_000_000_000 < ended.finished_ns <= time.time_ns()
    assert "stdout F up" in web.text()
    assert not is_alive(web.init)
    assert web.warnings == [""]


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 255", 255), ("kill -9 $$; sleep 9", 0)])
def test_exit_codes(box: Box, script: str, code: int) -> None:
    # the first process of a pid namespace cannot kill itself, so the third sleeps until it is killed from outside
    web = box.shell(script if code or "kill" not in script else "exec sleep 1000")
    if "kill" in script:
        assert kill.signal_init(web.init, signal.SIGKILL)
        code = 137
    assert web.wait().code == code


def test_signals_reach_the_program(box: Box) -> None:
    web = box.shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.02; done")
    until(lambda: "ready" in web.text())
    assert kill.signal_init(web.init, signal.SIGTERM)
    assert web.wait().code == 5
    assert not kill.signal_init(web.init, signal.SIGTERM)


def test_kill_reaches_every_process(box: Box) -> None:
    web = box.shell("sleep 1000 & sleep 1000 & echo ready; wait")
    until(lambda: "ready" in web.text())
    kill.kill(box.runner, box.runtime, web.cid, "web", signal.SIGKILL)
    assert web.wait().code == 137
    assert cgroup_pids(box, web.place.oci_path) == ()


def test_delete_is_idempotent_and_state_forgets(box: Box) -> None:
    web = box.shell("exit 0")
    web.wait()
    delete.delete(box.runner, box.runtime, web.cid, "web")
    delete.delete(box.runner, box.runtime, web.cid, "web")
    assert box.status(web) is None


def test_delete_refuses_a_running_container_without_force(box: Box) -> None:
    web = box.shell("exec sleep 1000")
    with pytest.raises(Exception, match="remove container web"):
        delete.delete(box.runner, box.runtime, web.cid, "web")
    assert is_alive(web.init)
    delete.delete(box.runner, box.runtime, web.cid, "web", force=True)
    assert web.wait().code == 137


def test_pause_and_resume(box: Box) -> None:
    web = box.shell("while :; do echo x; sleep 0.01; done")
    until(lambda: web.text().count("\n") > 3)
    pause.pause(box.runner, box.runtime, web.cid, "web")
    frozen = box.status(web)
    assert frozen is not None and frozen[0] == "paused"
    sizes: list[int] = []

    def quiet() -> bool:
        """The monitor may have to write down what came before."""
        sizes.append(web.log.stat().st_size)
        time.sleep(0.1)
        return sizes[-1] == web.log.stat().st_size

    until(quiet)
    size = sizes[-1]
    time.sleep(0.3)
    assert web.log.stat().st_size == size
    resume.resume(box.runner, box.runtime, web.cid, "web")
    until(lambda: web.log.stat().st_size > size)


def test_out_of_memory_is_recorded(box: Box) -> None:
    limits = {"resources": {"memory": {"limit": 16 * 1024 * 1024}}}
    # tail keeps a line without an end in memory
    web = box.shell("busybox tail -n 1 /dev/zero", linux=limits)
    ended = web.wait()
    assert ended.oom
    assert ended.code != 0


def test_wait_gives_up_at_the_deadline(box: Box) -> None:
    web = box.shell("exec sleep 1000")
    with pytest.raises(TimedOut, match="wait for container web"):
        exits.wait(web.paths, web.init, "web", 0.2)


def test_wait_sees_the_end_quickly(box: Box) -> None:
    late = []
    while len(late) < 10 and min(late, default=1.0) > 0.1:  # on a busy machine once is enough
        ended = box.shell("sleep 0.3; exit 4").wait()
        late.append((time.time_ns() - ended.finished_ns) / 10**9)
        assert ended.code == 4
    assert late[-1] < 0.1, late


def test_wait_knows_when_the_monitor_was_killed(box: Box) -> None:
    web = box.shell("exec sleep 1000")
    os.kill(web.init.conmon_pid, signal.SIGKILL)
    until(lambda: not monitor_alive(web.init))
    assert is_alive(web.init), "the container lives on without its monitor"
    os.kill(web.init.pid, signal.SIGKILL)
    with pytest.raises(Damaged, match="its monitor was killed"):
        exits.wait(web.paths, web.init, "web", 60)


def test_a_reused_pid_is_not_the_container(box: Box) -> None:
    web = box.shell("exec sleep 1000")
    assert not is_alive(Init(os.getpid(), web.init.conmon_pid, web.cid))
    assert not is_alive(Init(os.getpid(), 0, web.cid))
    assert not kill.signal_init(Init(os.getpid(), web.init.conmon_pid, web.cid), 0)


def test_stale_records_of_an_earlier_run_are_gone(box: Box) -> None:
    web = box.shell("exit 7")
    assert web.wait().code == 7
    delete.delete(box.runner, box.runtime, web.cid, "web")
    web.create()
    assert exits.read(web.paths, web.cid) is None
    web.start()
    assert web.wait().code == 7


def test_forget_removes_the_records(box: Box) -> None:
    web = box.shell("exit 7")
    web.wait()
    exits.forget(web.paths, web.cid)
    exits.forget(web.paths, web.cid)
    assert exits.read(web.paths, web.cid) is None


def test_the_exit_command_runs_with_a_clean_environment(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_TASK", "x")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    out = tmp_path / "said"
    command = (
        "/bin/sh",
        "-c",
        f'(env; pwd; echo "$@"; ls -l /proc/self/fd) > {out}.tmp; mv {out}.tmp {out}',
        "sh",
        "a b",
    )
    web = box.shell("exit 0", request={"exit_command": command})
    assert web.wait().code == 0
    until(out.exists)
    said = out.read_text()
    assert "SECRET_OF_THE_TASK" not in said and "NOTIFY_SOCKET" not in said
    assert "\n/\n" in said and "\na b\n" in said


def test_reserved_ports_stay_taken_while_the_container_runs(box: Box) -> None:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    address = holder.getsockname()
    web = box.make(["/bin/sh", "-c", "ls -l /proc/self/fd; exec sleep 1000"], request={"hold_fds": (holder.fileno(),)})
    web.create().start()
    holder.close()
    with socket.socket() as second, pytest.raises(OSError, match="in use"):
        second.bind(address)
    until(lambda: web.text().count("\n") > 3)
    assert "socket" not in web.text(), "the port leaked into the container"
    kill.signal_init(web.init, signal.SIGKILL)
    web.wait()
    until(lambda: not monitor_alive(web.init))
    with socket.socket() as third:
        third.bind(address)


def test_the_monitor_has_a_group_of_its_own(box: Box) -> None:
    web = box.shell("exec sleep 1000")
    lines = Path(f"/proc/{web.init.conmon_pid}/cgroup").read_text()
    assert f"memory:{box.parent}/conmon\n" in lines or f"0::{box.parent}/conmon\n" in lines
    assert web.cid in Path(f"/proc/{web.init.pid}/cgroup").read_text()


def test_the_limit_on_running_time(box: Box) -> None:
    web = box.shell("exec sleep 1000", request={"timeout": 1})
    assert web.wait(60).code != 0


def test_signalling_what_is_not_there(box: Box) -> None:
    with pytest.raises(NotFound):
        kill.kill(box.runner, box.runtime, "0" * 64, "web", 15)


def cgroup_pids(box: Box, path: str) -> tuple[int, ...]:
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees

    assert box.facts.mode in (cgroups.V1, cgroups.HYBRID, cgroups.V2)
    return cgroup_trees.processes(box.facts, path)
