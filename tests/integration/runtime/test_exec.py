"""Programs started in a running container."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import EngineError, NotFound, TimedOut
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import errors, kill
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import exec as executing

from .conftest import Box, Container, process, until

pytestmark = pytest.mark.integration


@pytest.fixture
def web(box: Box) -> Container:
    # a shell as first process reaps what timed-out programs leave
    return box.shell("while :; do sleep 0.1; done")


def _target(web: Container) -> executing.ExecTarget:
    return executing.ExecTarget(web.cid, "web", str(web.run_dir))


def _run(
    web: Container, args: list[str], stdin: bytes = b"", seconds: float | None = 60, **fields: object
) -> executing.ExecResult:
    request = executing.ExecRequest(process(args, **fields), stdin, seconds)
    return executing.run(web.box.runner, web.box.runtime, _target(web), request)


def test_streams_and_exit_code(web: Container) -> None:
    assert _run(web, ["/bin/sh", "-c", "echo out; echo err >&2; exit 7"]) == (7, b"out\n", b"err\n")
    assert not [name for name in os.listdir(web.run_dir) if name.startswith("exec-")]


@pytest.mark.parametrize("code", [0, 1, 125, 126, 127, 255])
def test_every_exit_code_is_the_programs_own(web: Container, code: int) -> None:
    assert _run(web, ["/bin/sh", "-c", f"exit {code}"]).rc == code


def test_a_signal_is_128_and_its_number(web: Container) -> None:
    assert _run(web, ["/bin/sh", "-c", "kill -9 $$"]).rc == 137


def test_standard_input(web: Container) -> None:
    data = bytes(range(256)) * 8192
    assert _run(web, ["/bin/cat"], data).stdout == data


def test_without_input_reading_ends_at_once(web: Container) -> None:
    assert _run(web, ["/bin/cat"]) == (0, b"", b"")


def test_user_environment_and_directory(web: Container) -> None:
    script = "id -u; id -g; pwd; echo $WORD"
    fields = {"user": {"uid": 1000, "gid": 50}, "cwd": "/tmp", "env": ["PATH=/bin", "WORD=a b"]}
    assert _run(web, ["/bin/sh", "-c", script], **fields).stdout == b"1000\n50\n/tmp\na b\n"


def test_a_terminal(web: Container) -> None:
    found = _run(web, ["/bin/sh", "-c", "tty && echo err >&2; exit 4"], terminal=True)
    assert found.rc == 4
    assert found.stdout.startswith(b"/dev/pts/") and found.stdout.endswith(b"err\r\n")


@pytest.mark.parametrize("data", [b"abc\n", b"abc"])
def test_input_to_a_terminal_ends(web: Container, data: bytes) -> None:
    found = _run(web, ["/bin/cat"], data, terminal=True)
    assert found.rc == 0
    assert found.stdout.replace(b"\r\n", b"").count(b"abc") == 2


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("program", ["/no/such", "nosuch"])
def test_program_not_found(web: Container, program: str, terminal: bool) -> None:
    with pytest.raises(errors.CommandNotFound, match=f"exec in container web: the container has no program {program}"):
        _run(web, [program], terminal=terminal)


def test_program_not_executable(web: Container) -> None:
    with pytest.raises(errors.CommandNotExecutable):
        _run(web, ["/bin"])


def test_working_directory_missing(web: Container) -> None:
    with pytest.raises(NotFound, match="/no/dir"):
        _run(web, ["/bin/true"], cwd="/no/dir")


@pytest.mark.parametrize("terminal", [False, True])
def test_the_deadline_kills_it(web: Container, terminal: bool) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="exec in container web: it did not end within 0.3 s"):
        _run(web, ["/bin/sh", "-c", "sleep 987 & sleep 987"], seconds=0.3, terminal=terminal)
    assert time.monotonic() - began < 300
    until(lambda: b"sleep 987" not in _run(web, ["/bin/ps"]).stdout)


def test_in_a_container_that_has_ended(web: Container) -> None:
    kill.signal_init(web.init, 9)
    web.wait()
    with pytest.raises((errors.NotRunning, NotFound)):
        _run(web, ["/bin/true"])


def test_output_without_an_end_is_whole(web: Container) -> None:
    assert len(_run(web, ["/bin/head", "-c", "10485760", "/dev/zero"]).stdout) == 10485760


def test_a_daemon_left_behind_is_not_waited_for(web: Container) -> None:
    began = time.monotonic()
    found = _run(web, ["/bin/sh", "-c", "echo before; (sleep 987; echo never) & echo after; exit 3"])
    assert (found.rc, found.stdout) == (3, b"before\nafter\n")
    assert time.monotonic() - began < 300
    until(lambda: b"sleep 987" in _run(web, ["/bin/ps"]).stdout)


def test_a_daemon_that_prints_for_ever_is_not_waited_for(web: Container) -> None:
    found = _run(web, ["/bin/sh", "-c", "yes & exit 3"])
    assert found.rc == 3


def test_failed_programs_leave_no_dead_that_keep_the_container_alive(web: Container) -> None:
    for _number in range(3):
        with pytest.raises(errors.CommandNotFound):
            _run(web, ["/no/such"])
    kill.signal_init(web.init, 9)
    assert web.wait().code == 137


def test_children_of_others_are_left_to_them(web: Container) -> None:
    other = subprocess.Popen(["sh", "-c", "exit 9"])
    assert _run(web, ["/bin/sh", "-c", "exit 3"]).rc == 3
    assert other.wait() == 9


def test_input_that_nobody_reads(web: Container) -> None:
    assert _run(web, ["/bin/true"], b"x" * 5_000_000).rc == 0


def test_interactive_hands_on_our_own_descriptors(web: Container, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as file, open("/dev/null", "rb") as nothing:
        fds = (nothing.fileno(), file.fileno(), file.fileno())
        wanted = process(["/bin/sh", "-c", "echo out; echo err >&2; exit 6"])
        assert executing.interactive(web.box.runner, web.box.runtime, _target(web), wanted, fds) == 6
    assert sorted(out.read_bytes().split()) == [b"err", b"out"]


def test_interactive_on_a_terminal(web: Container) -> None:
    master, slave = pty.openpty()
    codes: list[int] = []
    wanted = process(["/bin/sh", "-c", "echo go; read x; echo got $x; exit 5"], terminal=True)

    def run() -> None:
        fds = (slave, slave, slave)
        codes.append(executing.interactive(web.box.runner, web.box.runtime, _target(web), wanted, fds))

    thread = threading.Thread(target=run)
    thread.start()
    said = b""
    while b"go\r\n" not in said:
        assert select.select([master], [], [], 60)[0], said
        said += os.read(master, 4096)
    os.write(master, b"word\n")
    thread.join(60)
    said = os.read(master, 4096)
    os.close(master)
    os.close(slave)
    assert codes == [5] and b"got word" in said


def test_detached(web: Container) -> None:
    session = executing.ExecSession(
        "5" * 64, str(web.bundle / ("5" * 64)), process(["/bin/sh", "-c", "sleep 0.1; exit 5"])
    )
    box = web.box
    pid, conmon_pid = executing.detached(box.runner, box.runtime, box.monitor, _target(web), session)
    assert pid > 0 and conmon_pid > 0
    record = Path(session.directory, "exit", web.cid)
    end = time.monotonic() + 60
    while not (record.exists() and record.read_text()):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert record.read_text() == "5"


def test_detached_program_not_found(web: Container) -> None:
    session = executing.ExecSession("6" * 64, str(web.bundle / ("6" * 64)), process(["/no/such"]))
    box = web.box
    with pytest.raises(errors.CommandNotFound, match="exec in container web"):
        executing.detached(box.runner, box.runtime, box.monitor, _target(web), session)


HANGS = '#!/bin/sh\ncase "$*" in *exec*) exec sleep 1000;; *) exec {real} "$@";; esac\n'


def test_a_runtime_that_hangs(web: Container, tmp_path: Path) -> None:
    fake = tmp_path / "hanging"
    fake.write_text(HANGS.format(real=web.box.runtime.path))
    fake.chmod(0o755)
    web.box.runtime, real = web.box.runtime._replace(path=str(fake)), web.box.runtime
    try:
        with pytest.raises(TimedOut):
            _run(web, ["/bin/true"], seconds=0.3)
    finally:
        web.box.runtime = real
    assert isinstance(_run(web, ["/bin/true"]).rc, int)


def test_a_missing_runtime_is_an_error_of_ours(web: Container) -> None:
    broken = web.box.runtime._replace(path="/no/such/runtime")
    with pytest.raises(EngineError):
        executing.run(web.box.runner, broken, _target(web), executing.ExecRequest(process(["/bin/true"])))
