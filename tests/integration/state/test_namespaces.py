"""A plain user's namespaces: one for podman and us, whoever makes it, with no login session at all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from commands import CommandFailed
from machine import USER, Machine
from state_in_machine import DEEDS, Deeds

PAUSE = "/run/user/1500/libpod/tmp/pause.pid"


def podman_namespaces(us: Deeds) -> list[str]:
    return us.podman("unshare", "readlink", "/proc/self/ns/user", "/proc/self/ns/mnt").split()


def ours(us: Deeds, **env: str) -> list[str]:
    found = us("namespaces", **env)
    assert isinstance(found, dict) and found["uid"] == 0
    assert found["uid_map"] == ["0", "1500", "1", "1", "200000", "65536"]
    return [found["user"], found["mnt"]]


def pause_processes(machine: Machine) -> list[str]:
    return machine.sh("pgrep -x catatonit || true").split()


def test_we_make_it_and_podman_joins(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds(USER)
    first = ours(us)
    assert ours(us) == first
    assert podman_namespaces(us) == first
    assert pause_processes(machine) == [machine.read(PAUSE)]
    assert machine.sh(f"stat -c '%a %U' {PAUSE} /run/user/1500/libpod") == "600 tester\n1700 tester"


def test_podman_makes_it_and_we_join(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds(USER)
    first = podman_namespaces(us)
    machine.mark()
    assert ours(us) == first
    assert len(pause_processes(machine)) == 1


def test_joining_starts_no_process(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds(USER)
    ours(us)
    code = DEEDS.read_text().replace("\nmain()\n", "\n") + (
        "import subprocess\n"
        "def refuse(*args, **more): raise SystemExit('a process was started')\n"
        "subprocess.Popen.__init__ = refuse\nos.fork = refuse\nmain()\n"
    )
    shown = machine.python(code, "namespaces", user=USER).stdout
    assert json.loads(shown)["uid"] == 0


def test_stale_pid_of_another_program(deeds: Callable[..., Deeds], machine: Machine) -> None:
    """As after a wrapped pid counter, or a runtime directory that survived a reboot."""
    us = deeds(USER)
    ours(us)
    machine.sh("pkill -KILL -x catatonit")
    other = machine.spawn(["sleep", "1000"], USER)
    machine.write(PAUSE, str(other.pid), 0o600, USER)
    second = ours(us)
    assert podman_namespaces(us) == second
    assert pause_processes(machine) == [machine.read(PAUSE)]
    assert machine.sh(f"kill -0 {other.pid} && echo alive") == "alive"


@pytest.mark.parametrize("content", ["", "4194000", "nonsense"])
def test_stale_files(deeds: Callable[..., Deeds], machine: Machine, content: str) -> None:
    us = deeds(USER)
    ours(us)
    machine.sh("pkill -KILL -x catatonit")
    machine.write(PAUSE, content, 0o600, USER)
    found = ours(us)  # podman 5 gives up on such a file; after us it is right again
    assert podman_namespaces(us) == found


def test_with_the_pause_process_gone_the_containers_namespace_is_found(
    deeds: Callable[..., Deeds], machine: Machine
) -> None:
    us = deeds(USER)
    us.load_image()
    us("add", "web")
    us.podman("start", "web")
    first = ours(us)
    machine.sh(f"pkill -KILL -x catatonit; rm -f {PAUSE}")
    assert ours(us) == first
    assert podman_namespaces(us) == first
    assert pause_processes(machine) == [machine.read(PAUSE)]
    assert us.podman("exec", "web", "echo", "hello") == "hello"


def test_many_at_once_share_one(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds(USER)
    script = machine.share / "deeds.py"
    script.write_text(DEEDS.read_text())
    program = f"PYTHONPATH={machine.lab.collections} /usr/bin/python3 {script} namespaces"
    judge = "/opt/judge/bin/podman unshare readlink /proc/self/ns/user"
    shown = machine.sh(f"for n in 1 2 3 4; do {program} & done; {judge} & wait", USER)
    lines = shown.splitlines()
    spaces = {json.loads(line)["user"] if line.startswith("{") else line for line in lines}
    assert len(lines) == 5 and len(spaces) == 1
    assert pause_processes(machine) == [machine.read(PAUSE)]
    assert machine.sh("ls /run/user/1500/libpod/tmp | grep -c 'pause.pid\\.[0-9]' || true") == "0"
    assert us("list") == {}


@pytest.mark.parametrize("step", ["pause-started"])
def test_killed_while_making_it(deeds: Callable[..., Deeds], machine: Machine, step: str) -> None:
    us = deeds(USER)
    assert us.run("namespaces", check=False, DAEMONLESS_STOP_AT=step).returncode != 0
    machine.sh("for n in $(seq 600); do pgrep -x catatonit || exit 0; sleep 0.1; done; exit 1")
    found = ours(us)
    assert podman_namespaces(us) == found


def test_inside_already(deeds: Callable[..., Deeds], machine: Machine) -> None:
    """As conmon's exit command finds itself, or a command under `podman unshare`."""
    us = deeds(USER)
    first = ours(us)
    script = machine.share / "deeds.py"
    script.write_text(DEEDS.read_text())
    nested = us.podman(
        "unshare", "env", f"PYTHONPATH={machine.lab.collections}", "/usr/bin/python3", str(script), "namespaces"
    )
    found = json.loads(nested)
    assert [found["user"], found["mnt"]] == first
    assert found["identity"][:2] == [1500, 1500]


@pytest.mark.parametrize(
    "environment", [{}, {"XDG_RUNTIME_DIR": "/run/user/0"}, {"XDG_RUNTIME_DIR": "", "HOME": "/root"}]
)
def test_become_user_brings_another_users_environment(
    deeds: Callable[..., Deeds], machine: Machine, environment: dict[str, str]
) -> None:
    us = deeds(USER)
    assert ours(us, **environment) == podman_namespaces(us)
    us("volume", "data", **environment)
    assert us.podman("volume", "ls", "-q") == "data"


def test_without_any_runtime_directory(deeds: Callable[..., Deeds], machine: Machine) -> None:
    """No login session ever: podman falls back to a private directory below TMPDIR, and so do we."""
    machine.sh("umount -l /run/user/1500; rm -rf /run/user/1500")
    us = deeds(USER)
    us("volume", "data")
    assert us.podman("volume", "ls", "-q") == "data"
    assert podman_namespaces(us) == ours(us)
    assert machine.exists("/tmp/storage-run-1500/libpod/tmp/pause.pid")


def test_without_catatonit(deeds: Callable[..., Deeds], machine: Machine) -> None:
    machine.sh(
        "for f in $(find / -xdev -name catatonit -type f 2>/dev/null); do chmod 0 $f; done;umount -l /opt/judge || true"
    )
    us = deeds(USER)
    first = ours(us)
    assert ours(us) == first
    assert machine.sh(f"cat /proc/$(cat {PAUSE})/comm") == "podman pause"


def refused(machine: Machine, user: str) -> str:
    with pytest.raises(CommandFailed) as caught:
        Deeds(machine, user)("volume", "data")
    return str(caught.value)


def test_missing_subids_are_named(machine: Machine) -> None:
    said = refused(machine, "guest")
    assert "/etc/subuid gives no ids to guest (uid 1501)" in said
    assert "usermod --add-subuids 100000-165535 guest" in said
    machine.sh("echo guest:300000:65536 >> /etc/subuid")
    assert "/etc/subgid gives no ids to guest" in refused(machine, "guest")
    machine.sh(
        "echo guest:300000:65536 >> /etc/subgid;"
        "mkdir -p /run/user/1501; chown guest /run/user/1501; chmod 700 /run/user/1501"
    )
    assert Deeds(machine, "guest")("volumes") == []


def test_missing_programs_are_named(machine: Machine) -> None:
    machine.sh("rm -f $(command -v newuidmap)")
    assert "Install the package uidmap" in refused(machine, USER)


def test_a_mapper_without_its_privilege_is_explained(machine: Machine) -> None:
    machine.sh(
        "f=$(command -v newuidmap); cp $f /tmp/n; rm $f; cp /tmp/n $f; chmod 755 $f; setcap -r $f 2>/dev/null || true"
    )
    said = refused(machine, USER)
    assert "newuidmap" in said and "neither set-uid root" in said


def test_overlapping_subids_are_explained(machine: Machine) -> None:
    machine.sh("sed -i '/^tester/d' /etc/subuid; echo tester:1000:65536 >> /etc/subuid")
    assert "holds the user's own id" in refused(machine, USER)
