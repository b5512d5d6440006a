"""`exec` with a terminal, left by keys; open files handed to containers by `run` and `exec`; podman does the same."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import time
from collections.abc import Iterator

import commands
import pytest
from machine import JUDGE_CONF, USER, Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"
WHO = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


@pytest.fixture(scope="module", params=["host", "debian13"])
def host(lab: object, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """crun with the host's Debian, runc with the newer one; a container of each user that rests."""
    made: Machine = lab.machine(Spec(os=request.param))  # type: ignore[attr-defined]
    try:
        assert made.registry
        for user in (None, USER):
            made.task("image", {"name": IMAGE}, user=user)
            rests = "trap 'exit 0' TERM; while :; do sleep 0.2; done"
            made.task("container", {"name": "rests", "image": IMAGE, "command": ["sh", "-c", rests]}, user=user)
        made.sh("echo three >/tmp/three; echo four >/tmp/four; echo nine >/tmp/nine; chmod 644 /tmp/*")
        yield made
    finally:
        made.close()


def command(user: str | None) -> str:
    return "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"


def judge(machine: Machine) -> str:
    path = "/usr/bin/podman" if machine.spec.os == "debian13" else "/opt/judge/bin/podman"
    return f"env CONTAINERS_CONF_OVERRIDE={JUDGE_CONF} PODMAN_IGNORE_CGROUPSV1_WARNING=1 {path}"


class Terminal:
    """A command of the machine on a terminal of ours."""

    def __init__(self, machine: Machine, script: str, user: str | None) -> None:
        self.master, slave = pty.openpty()
        self.said = b""
        self.size(24, 80)
        wish = commands.Wish(("sh", "-c", f"exec {script}"), user, {})
        self.child = commands.spawn(machine.agent, wish, (slave, slave, slave))
        os.close(slave)

    def size(self, rows: int, columns: int) -> None:
        import fcntl
        import termios

        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def until(self, wanted: bytes, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while wanted not in self.said:
            ready, _writable, _broken = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, (wanted, self.said)
            self.said += os.read(self.master, 65536)
        self.said = self.said.partition(wanted)[2]


def end_of(terminal: Terminal) -> int:
    code = terminal.child.wait()
    os.close(terminal.master)
    return int(code)


def sessions(machine: Machine, user: str | None) -> set[str]:
    shown = machine.podman_json(["inspect", "rests"], user)[0]  # type: ignore[index]
    return set(shown["ExecIDs"])


@WHO
def test_a_terminal_ends_with_its_program(host: Machine, user: str | None) -> None:
    shell = Terminal(host, f"{command(user)} exec -it rests sh", user)
    shell.until(b"# ")
    shell.type(b"stty size\n")
    shell.until(b"24 80")
    shell.size(30, 100)
    shell.child.signal(signal.SIGWINCH)
    shell.type(b"until stty size | grep -q '30 100'; do sleep 0.1; done; echo res''ized\n")
    shell.until(b"resized\r\n")
    shell.type(b"exit 7\n")
    assert end_of(shell) == 7
    assert sessions(host, user) == set()
    for words, code in (("nosuch", 127), ("/etc/passwd", 126), ("sh -c 'kill -9 $$'", 137)):
        for program in (command(user), judge(host)):
            assert end_of(Terminal(host, f"{program} exec -it rests {words}", user)) == code, (words, program)
    said = host.run(["sh", "-c", f"echo typed | {command(user)} exec -t rests echo shown"], user)
    assert said.stdout == "shown\r\n"


@WHO
@pytest.mark.parametrize(("flags", "keys"), [("-it", b"\x10\x11"), ("-it --detach-keys ctrl-x,q", b"\x18q")])
def test_keys_leave_the_program_to_itself(host: Machine, user: str | None, flags: str, keys: bytes) -> None:
    codes = []
    for number, program in enumerate((command(user), judge(host))):
        flag, before = f"/left-{number}", sessions(host, user)
        host.run(["sh", "-c", f"{command(user)} exec rests rm -f {flag}"], user)
        script = f"echo be''gun; while [ ! -e {flag}-go ]; do sleep 0.1; done; echo done >{flag}"
        shell = Terminal(host, f'{program} exec {flags} rests sh -c "{script}"', user)
        shell.until(b"begun")
        for _attempt in range(100):
            for key in (b"x", keys[:1], keys[1:]):  # podman knows only those that come one by one
                shell.type(key)
                if shell.child.ended(0.3):
                    break
            if shell.child.ended(0):
                break
        codes.append(end_of(shell))
        left = sessions(host, user) - before
        assert len(left) == 1, "it goes on"
        host.run(["sh", "-c", f"{command(user)} exec rests touch {flag}-go"], user)
        wait = f"for i in $(seq 300); do {command(user)} exec rests test -e {flag} && exit 0; sleep 0.1; done; exit 1"
        host.run(["sh", "-c", wait], user)
        host.run(["sh", "-c", f"{command(user)} exec rests rm {flag} {flag}-go"], user)
        end = time.monotonic() + 60
        while number == 0 and left & sessions(host, user):  # podman keeps them for a while
            assert time.monotonic() < end
            time.sleep(0.1)
    assert codes[0] == codes[1]


@WHO
def test_keys_without_a_terminal(host: Machine, user: str | None) -> None:
    feed = "{ printf 'one\\ntwo@@three\\n'; sleep 1; }"
    said = host.run(["sh", "-c", f"{feed} | {command(user)} exec -i --detach-keys @,@ rests cat"], user)
    assert "one\ntwo".startswith(said.stdout), said.stdout
    data = host.run(["sh", "-c", f"printf 'a\\nb' | {command(user)} exec -i --detach-keys ctrl-x rests cat"], user)
    assert data.stdout == "a\nb"
    ends = f"{command(user)} exec -i --detach-keys ctrl-x rests sh -c 'exit 3' </dev/null"
    assert host.run(["sh", "-c", ends], user, check=False).returncode == 3
    bad = host.run([command(user), "exec", "-i", "--detach-keys", "ctrl-xx", "rests", "true"], user, check=False)
    assert bad.returncode == 125 and "keys to detach" in bad.stderr


HANDED = [
    ("run --rm", "--preserve-fds 2", "3</tmp/three 4</tmp/four", "cat <&3; cat <&4; test ! -e /proc/self/fd/5", 0),
    ("run -t --rm", "--preserve-fd 4 --preserve-fd 3", "3</tmp/three 4</tmp/four", "cat <&4; cat <&3", 0),
    ("exec", "--preserve-fds=2", "3</tmp/three 4>/tmp/written", "cat <&3; echo inside >&4", 0),
    ("exec", "--preserve-fds 1", "3</tmp/three 4</tmp/four", "cat <&3; test ! -e /proc/self/fd/4", 0),
    ("exec -t", "--preserve-fd=3,9", "3</tmp/three 9</tmp/nine", "cat <&3; cat <&9; ls -l /proc/self/fd", 0),
    ("run --rm", "--preserve-fds 1", "3<&-", "true", 125),
    ("exec", "--preserve-fd 20", "3</tmp/three", "true", 125),
    ("exec", "--preserve-fds x", "3</tmp/three", "true", 125),
]


@WHO
@pytest.mark.parametrize(("verb", "flags", "opened", "script", "code"), HANDED)
def test_open_files_reach_the_program(
    host: Machine, user: str | None, verb: str, flags: str, opened: str, script: str, code: int
) -> None:
    if "9" in opened and host.spec.os == "debian13":
        pytest.skip("runc takes no row of descriptors with gaps, from podman either")
    target = IMAGE if verb.startswith("run") else "rests"
    ends = []
    for program in (command(user), judge(host)):
        host.sh("rm -f /tmp/written; touch /tmp/written; chmod 666 /tmp/written")
        line = f"{program} {verb} {flags} {target} sh -c '{script}' {opened}"
        done = host.run(["sh", "-c", line], user, check=False)
        said = [word for word in done.stdout.split() if word in ("three", "four", "nine") or "socket:" in word]
        ends.append((done.returncode, said, host.read("/tmp/written")))
        assert done.returncode == code, (program, done.stdout, done.stderr)
    assert ends[0] == ends[1]


@WHO
def test_open_files_reach_what_runs_in_the_background(host: Machine, user: str | None) -> None:
    script = "cat <&3; echo inside >&4"
    for verb in ("run --rm --name behind -d", "exec -d"):
        target = IMAGE if verb.startswith("run") else "rests"
        host.sh("rm -f /tmp/written; touch /tmp/written; chmod 666 /tmp/written")
        line = f"{command(user)} {verb} --preserve-fds 2 {target} sh -c '{script}' 3</tmp/three 4>/tmp/written"
        host.run(["sh", "-c", line], user)
        host.sh("for i in $(seq 300); do grep -q inside /tmp/written && exit 0; sleep 0.1; done; exit 1")
    programs = (command(user), judge(host))
    missing = [host.run(["sh", "-c", f"{one} exec -d rests nosuch"], user, False) for one in programs]
    assert [one.returncode for one in missing] == [125, 125] and "has no program nosuch" in missing[0].stderr
    refused = host.run(["sh", "-c", f"{command(user)} create --preserve-fds 1 {IMAGE} true 3</tmp/three"], user, False)
    assert refused.returncode == 125 and "--preserve-fds" in refused.stderr


@WHO
def test_sockets_of_the_service_manager_reach_the_program(host: Machine, user: str | None) -> None:
    script = "echo $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES; cat <&3; cat <&4; test ! -e /proc/self/fd/5"
    given = "LISTEN_PID=77 LISTEN_FDS=2 LISTEN_FDNAMES=one:two"
    opened = "3</tmp/three 4</tmp/four"
    said = []
    for program in (command(user), judge(host)):
        host.run(["sh", "-c", f"{program} create --name socket {IMAGE} sh -c '{script}'"], user)
        for verb in (f"run --rm {IMAGE} sh -c '{script}'", "start -a socket"):
            line = f"export {given}; exec {program} {verb} {opened}"
            said.append(host.run(["sh", "-c", line], user).stdout)
        host.run(["sh", "-c", f"{program} rm socket"], user)
    assert said == ["1 2 one:two\nthree\nfour\n"] * 4
    own = (
        f"LISTEN_FDS=2 {command(user)} run --rm --preserve-fds 1 {IMAGE} sh -c 'cat <&3; echo $LISTEN_FDS' 3</tmp/three"
    )
    done = host.run(["sh", "-c", own], user)
    assert done.stdout == "three\n\n" and "Ignoring LISTEN_FDS" in done.stderr
    for count, why in (("2", "descriptor 3 is not available"), ("x", "not a number")):
        bad = host.run(["sh", "-c", f"LISTEN_FDS={count} {command(user)} run --rm {IMAGE} true"], user, check=False)
        assert bad.returncode == 125 and why in bad.stderr


@WHO
def test_every_exec_is_an_event(host: Machine, user: str | None) -> None:
    """With its end, whoever waits for it; podman tells the same."""
    told = []
    for program in (command(user), judge(host)):
        begin = host.run(["date", "+%s.%N"]).stdout.strip()
        host.run(["sh", "-c", f"{program} exec rests sh -c 'exit 3'"], user, check=False)
        assert end_of(Terminal(host, f"{program} exec -it rests sh -c 'exit 4'", user)) == 4
        shape = "{{.Status}} {{.Name}} {{.ContainerExitCode}}"
        line = f"{judge(host)} events --stream=false --since {begin} --filter container=rests --format '{shape}'"
        told.append(host.run(["sh", "-c", line], user).stdout.split("\n"))
    expected = ["exec rests <nil>", "exec_died rests 3", "exec rests <nil>", "exec_died rests 4", ""]
    assert told[0] == expected
    once = [line for line, before in zip(told[1], ["", *told[1]]) if line != before]  # podman tells of an end twice
    assert once == expected
