"""Judging pause processes; entering itself needs real namespaces (tests/integration/state)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import pause, userns
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner

JOE = Identity(1000, 1000, "joe", "/home/joe", "/run/user/1000", True, False)


def process(proc: Path, pid: str, comm: str, environ: bytes = b"", user: str = "user:[2]") -> None:
    (proc / pid / "ns").mkdir(parents=True)
    (proc / pid / "comm").write_text(f"{comm}\n")
    (proc / pid / "environ").write_bytes(environ)
    (proc / pid / "ns/user").symlink_to(user)


@pytest.mark.parametrize(
    ("comm", "environ", "user", "verdict"),
    [
        ("catatonit", b"", "user:[2]", True),
        ("podman pause", b"", "user:[2]", True),
        ("podman", b"A=1\0_PODMAN_PAUSE=1\0", "user:[2]", True),
        ("bash", b"", "user:[2]", False),
        ("bash", b"X_PODMAN_PAUSE=1\0_PODMAN_PAUSE=10\0", "user:[2]", False),
        ("catatonit", b"", "user:[1]", False),  # an init of a container without a user namespace: a reused pid
    ],
)
def test_pause_process(tmp_path: Path, comm: str, environ: bytes, user: str, verdict: bool) -> None:
    process(tmp_path, "self", "python3", user="user:[1]")
    process(tmp_path, "77", comm, environ, user)
    assert pause.is_pause_process(77, str(tmp_path)) is verdict


def test_a_process_that_is_gone_is_none(tmp_path: Path) -> None:
    process(tmp_path, "self", "python3")
    assert not pause.is_pause_process(78, str(tmp_path))


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "1", "99999999", "1 2", "\u0664"])
def test_a_file_that_names_no_pause_process_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pause.pid"
    path.write_text(text)
    assert pause.living(str(path)) is None


def test_publishing_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "pause.pid"
    assert pause._publish(str(path), 10)
    assert not pause._publish(str(path), 11)
    assert path.read_text() == "10"
    assert [entry.name for entry in tmp_path.iterdir()] == ["pause.pid"]


@pytest.mark.parametrize("identity", [JOE._replace(inside=True), JOE._replace(rootless=False, uid=0)])
def test_nothing_to_enter(tmp_path: Path, identity: Identity) -> None:
    assert userns.enter(identity, LinuxRunner, str(tmp_path / "x")) == identity
    assert list(tmp_path.iterdir()) == []


def test_threads_are_refused(tmp_path: Path) -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        with pytest.raises(HostLacks, match="several threads"):
            userns.enter(JOE, LinuxRunner, str(tmp_path))
    finally:
        stop.set()
        other.join()


def test_a_kernel_that_refuses_is_explained() -> None:
    assert os.strerror(28) in str(pause._refused(28)) or "kernel setting" in str(pause._refused(28))


def test_a_runtime_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "libpod").touch()
    assert "libpod/tmp" in refusal(lambda: userns.enter(JOE, LinuxRunner, str(tmp_path / "libpod/tmp")))


def refusal(deed: Callable[[], object]) -> str:
    """What the host is said to lack, by a process of one thread: a parallel test run has more than one."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            deed()
        except HostLacks as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return text
