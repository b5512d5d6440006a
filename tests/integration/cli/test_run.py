"""`daemonless run` and `create` beside podman's: the containers that they make, what is printed, how they end."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import signal
import struct
import time
from collections.abc import Iterator

import commands
import pytest
from machine import USER, Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"
#: Differs between any two containers.
OWN = {
    *("Id", "Created", "Name", "lockNumber", "GraphDriver", "OCIRuntime"),
    *("ResolvConfPath", "HostnamePath", "HostsPath", "OCIConfigPath", "PidFile", "ConmonPidFile"),
}
#: The judge's own configuration names ulimits.
JUDGES = {"Config.CreateCommand", "HostConfig.Ulimits"}
FLAGS = [
    "--add-host a:10.1.2.3 --annotation a=b --cap-add NET_ADMIN --cap-drop=mknod,chown -h box --init -i",
    "--cap-drop all --cgroup-parent /foo --cgroupns host --cpu-period 50000 --cpu-quota 20000 -t",
    "-c 512 --cpuset-cpus 0 -m 64m --memory-reservation 32m --memory-swap 128m --pids-limit 50 --oom-score-adj 100",
    "--cpus 0.5 --pids-limit -1 --device /dev/fuse --device /dev/null:/dev/xnull:r --privileged=false",
    "--dns 1.2.3.4 --dns-search example.org --dns-opt ndots:2 --entrypoint sh -it",
    "-e A=b -e HOSTV -e C= -e=D=x=y --env-file /tmp/envs --http-proxy=false --hostname=box.example.org",
    "--expose 80 --expose 90/udp -p 8080:80 -p 127.0.0.1:9000:90/udp -p 7000-7002:7000-7002",
    "--group-add 100 --group-add audio -u 1000:1000 --umask 0077 -w /tmp --tz UTC",
    "--health-cmd true --health-interval 10s --health-retries 4 --health-timeout 3s --health-start-period 5s",
    "--health-cmd 'ls /' --health-on-failure kill --health-startup-cmd true --health-startup-interval 5s",
    "--no-healthcheck --no-hosts --personality=linux32 --privileged",
    "--network shop:ip=10.99.0.55,alias=x --systemd always --stop-signal INT --stop-timeout 3",
    "--net none --ipc host --pid host --uts host --userns host",
    "--network=container:other --ipc none --log-driver none --timeout 100",
    "-l a=b --label c --label-file /tmp/labels --log-driver k8s-file --log-opt max-size=10mb --cidfile /tmp/NAME",
    "--mount type=bind,src=/tmp,target=/x,ro --mount type=tmpfs,target=/y,tmpfs-size=1m --tmpfs /z:size=1m,mode=755",
    "--mount type=volume,src=data,target=/x -v /tmp:/y:ro -v data:/z --volumes-from other --requires other",
    "--read-only --read-only-tmpfs=false --restart on-failure:3 --secret sec --secret sec,type=env,target=FOO",
    "--rm --secret sec,target=/x/y,mode=0400,uid=5 --sysctl net.ipv4.ip_forward=1 --shm-size 10m --shm-size-systemd 9m",
    "--security-opt no-new-privileges --security-opt label=disable --ulimit nofile=10:20 --ulimit core=0",
    "--security-opt seccomp=unconfined --security-opt mask=/proc/x --security-opt unmask=/proc/kcore --unsetenv PATH",
    "--unsetenv-all -u nobody --image-volume tmpfs --hosts-file none --group-entry x:x:5: --sdnotify ignore",
]
AS_USER = [FLAGS[number] for number in (0, 4, 5, 6, 8, 14, 15, 17, 21)] + ["--userns keep-id --net host --pid host"]
UNORDERED = {"Config.Env", "Mounts", "HostConfig.Binds"}


def prepare(machine: Machine, user: str | None) -> None:
    assert machine.registry
    machine.task("image", {"name": IMAGE}, user=user)
    machine.podman(["network", "create", "--subnet", "10.99.0.0/24", "shop"], user)
    machine.podman(["volume", "create", "data"], user)
    machine.podman(["create", "--name", "other", "-v", "/srv/v", IMAGE], user)
    machine.write("/tmp/sec", "s3cret")
    machine.write("/tmp/envs", "A=1\n#c\nB=two words\nHOSTV\n")
    machine.write("/tmp/labels", "l1=v1\n")
    machine.podman(["secret", "create", "sec", "/tmp/sec"], user)


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        prepare(made, None)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def plain(lab: object) -> Iterator[Machine]:
    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        prepare(made, USER)
        yield made
    finally:
        made.close()


def command(user: str | None) -> str:
    return "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"


def flat(document: object, before: str = "") -> dict[str, object]:
    if not isinstance(document, dict) or not document:
        return {before: sorted(document, key=str) if before in UNORDERED and isinstance(document, list) else document}
    found: dict[str, object] = {}
    for key, value in document.items():
        found.update(flat(value, f"{before}.{key}".lstrip(".")))
    return found


def shape(machine: Machine, name: str, user: str | None) -> dict[str, object]:
    """podman's inspect document without what is a container's own."""
    document = machine.podman_json(["inspect", name], user)[0]  # type: ignore[index]
    text = json.dumps({key: document[key] for key in document if key not in OWN})
    text = text.replace(document["Id"], "ID").replace(document["Id"][:12], "ID").replace(name, "NAME")
    return {key: value for key, value in flat(json.loads(text)).items() if key not in JUDGES}


def compared(machine: Machine, flags: str, user: str | None) -> None:
    machine.run([command(user), "rm", "-i", "ours", "them"], user)
    for program, name in ((command(user), "ours"), ("podman", "them")):
        words = [word.replace("NAME", name) for word in shlex.split(flags)]
        argv = ["create", "--name", name, *words, IMAGE, "sleep", "5"]
        if program == "podman":
            machine.podman(argv, user, env={"HOSTV": "here"})
        else:
            made = machine.run([program, *argv], user, env={"HOSTV": "here"})
            assert len(made.stdout) == 65
    assert shape(machine, "ours", user) == shape(machine, "them", user)


@pytest.mark.parametrize("flags", FLAGS)
def test_flags_make_the_container_that_podman_makes(host: Machine, flags: str) -> None:
    compared(host, flags, None)


@pytest.mark.parametrize("flags", AS_USER)
def test_flags_make_it_for_a_plain_user_too(plain: Machine, flags: str) -> None:
    compared(plain, flags, USER)


SAME = [
    ["run", "--rm", IMAGE, "echo", "hi"],
    ["run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7"],
    ["run", "--rm", IMAGE, "nope"],
    ["run", "--rm", IMAGE, "/etc"],
    ["run", "--rm", IMAGE, "sh", "-c", "kill -9 $$"],
    ["run", "--rm", IMAGE, "sh", "-c", "exec >&-; sleep 0.2; exit 3"],
    ["run", "--rm", "-t", IMAGE, "sh", "-c", "tty; echo both >&2"],
    ["run", "--rm", "-a", "stderr", IMAGE, "sh", "-c", "echo out; echo err >&2"],
    ["run", "--rm", "-a", "nonsense", IMAGE, "true"],
    ["run", "--rm", "--frob", IMAGE],
    ["run", "--rm", "--pull", "never", "127.0.0.1:5000/nowhere"],
    ["run", "--rm", "-a", "stdin", "-a", "stdout", "--attach=stderr", IMAGE, "echo", "x"],
    ["run", "--replace", IMAGE],
    ["run"],
    ["create"],
    ["create", "--name", "other", IMAGE],
    ["create", "--name", "no/name", IMAGE],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_prints_and_ends_as_podman_does(host: Machine, words: list[str]) -> None:
    ours = host.run(["daemonless", *words], check=False)
    theirs = host.podman(words, check=False)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), (ours.stderr, theirs.stderr)
    if ours.returncode >= 125:
        assert ours.stderr.startswith("Error: ") or ours.returncode > 127
        assert "Traceback" not in ours.stderr
    else:
        assert ours.stderr == theirs.stderr
    left = set(host.sh("daemonless ps -a --format '{{.Names}}'").split())
    assert left <= {"other", "ours", "them"}


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_input_and_megabytes_of_output(host: Machine, plain: Machine, user: str | None) -> None:
    machine = plain if user else host
    copied = machine.run([command(user), "run", "-i", "--rm", IMAGE, "md5sum"], user, input=b"x" * 3_000_000)
    assert copied.stdout.split()[0] == machine.sh("head -c 3000000 /dev/zero | tr '\\0' x | md5sum").split()[0]
    many = machine.run([command(user), "run", "--rm", IMAGE, "sh", "-c", "yes | head -c 5000000"], user)
    assert many.stdout == "y\n" * 2_500_000
    assert machine.run([command(user), "run", "--rm", IMAGE, "cat"], user, input="not for it").stdout == ""


def test_detached_replaced_and_its_id_in_a_file(host: Machine) -> None:
    first = host.sh(f"daemonless run -d --name bg --cidfile /tmp/id {IMAGE} sleep 1000")
    assert host.read("/tmp/id") == first
    again = host.run(["daemonless", "run", "-d", "--name", "bg", IMAGE, "true"], check=False)
    assert (again.returncode, "--replace" in again.stderr) == (125, True)
    assert host.run(["daemonless", "run", "--cidfile", "/tmp/id", IMAGE], check=False).returncode == 125
    second = host.sh(f"daemonless run -d --replace --name bg {IMAGE} sleep 1001")
    assert host.podman(["ps", "-aq", "--no-trunc", "--filter", "name=bg"]).stdout.split() == [second]
    host.sh("daemonless rm -f -t 0 bg")


def test_one_that_cannot_start_stays_for_a_look_unless_it_was_to_vanish(host: Machine) -> None:
    assert host.run(["daemonless", "run", "--name", "bad", IMAGE, "nope"], check=False).returncode == 127
    assert host.sh("daemonless ps -a --filter name=bad --format '{{.State}}'") == "created"
    host.sh("daemonless rm bad")


def test_signals_are_passed_on(host: Machine) -> None:
    script = "trap 'echo got; exit 9' TERM; echo up; while :; do sleep 0.1; done"
    child = host.spawn(["daemonless", "run", "--rm", "--name", "sig", IMAGE, "sh", "-c", script])
    host.sh("for i in $(seq 100); do daemonless logs sig 2>/dev/null | grep -q up && break; sleep 0.1; done")
    child.signal(signal.SIGTERM)
    assert child.wait() == 9
    child = host.spawn(["daemonless", "run", "--rm", "--name", "sig", IMAGE, "sh", "-c", "echo up; exec sleep 1000"])
    host.sh("for i in $(seq 100); do daemonless logs sig 2>/dev/null | grep -q up && break; sleep 0.1; done")
    host.podman(["kill", "sig"])
    assert child.wait() == 137


class Terminal:
    """A command of the machine on a terminal of ours."""

    def __init__(self, machine: Machine, argv: list[str]) -> None:
        self.master, slave = pty.openpty()
        self.said = b""
        self.size(24, 80)
        streams = (slave, slave, slave)
        self.child = commands.spawn(machine.agent, commands.Wish(tuple(argv), None, {}), streams)
        os.close(slave)

    def size(self, rows: int, columns: int) -> None:
        import fcntl
        import termios

        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def says(self, wanted: bytes, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while wanted not in self.said:
            ready, _writable, _broken = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return False
            try:
                self.said += os.read(self.master, 65536)
            except OSError:
                return False
        return True

    def until(self, wanted: bytes, seconds: float = 60) -> None:
        assert self.says(wanted, seconds), (wanted, self.said)
        self.said = self.said.partition(wanted)[2]


def test_a_terminal_keys_to_leave_and_a_new_size(host: Machine) -> None:
    shell = Terminal(host, ["daemonless", "run", "-it", "--name", "tty", IMAGE, "sh"])
    shell.until(b"# ")
    shell.type(b"stty size\n")
    shell.until(b"24 80")
    shell.size(30, 100)
    shell.child.signal(signal.SIGWINCH)
    shell.type(b"until stty size | grep -q '30 100'; do sleep 0.1; done; echo res''ized; sleep 100\n")
    shell.until(b"resized\r\n")
    for _turn in range(30):  # what arrives before the shell waits for its program is lost
        shell.type(b"\x03")  # the program's, not ours
        if shell.says(b"# ", 1):
            break
    shell.until(b"# ")
    shell.type(b"\x10\x11")
    assert shell.child.wait() == 0
    assert host.sh("daemonless ps -q --filter name=tty")
    host.sh("daemonless rm -f -t 0 tty")
