"""A container with state of many kinds, and asking it whether it still has all of it."""

from __future__ import annotations

import time

from machine import Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
# What a program may have in hand: a counter in memory, children, a pipe to one of them, a timer in another, files open
# (one of them deleted, one in a volume), a tmpfs, shared memory, a root file system with files changed and deleted.
PROGRAM = r"""
umask 022
echo changed >>/etc/passwd; rm /etc/group; mkdir /srv; echo made >/srv/made; chmod 4750 /srv/made
echo shared >/dev/shm/block; echo temporary >/scratch/file
exec 4>/srv/gone 5>>/data/log
rm /srv/gone
mkfifo /scratch/pipe
(while read word; do echo "$word" >>/data/answers; done </scratch/pipe) &
exec 6>/scratch/pipe
(sleep 2; while test ! -e /data/go; do sleep 0.2; done; echo rang >/data/rang) &
i=0
while :; do
    i=$((i + 1))
    echo "$i" >/data/count.new; mv /data/count.new /data/count
    echo "$i" >&4; echo "line $i" >&5
    test ! -e /data/ask || { rm /data/ask; echo "asked at $i" >&6; }
    sleep 0.1
done
"""
WISH = {
    "name": "state",
    "image": IMAGE,
    "command": ["sh", "-c", PROGRAM],
    "volume": ["data:/data"],
    "tmpfs": {"/scratch": "rw"},
    "network": ["podman"],
    "publish": ["8088:80"],
    "tty": True,
    "stop_timeout": 0,
}
# Its address. `hostname -i` says that too, but not of a container whose id, and so its name, begins with twelve digits.
ADDRESS = "ip -4 addr show dev eth0 | grep -w inet"


def begin(machine: Machine, **more: object) -> None:
    """`more` beside what it usually is made with, None for what it is to be made without."""
    machine.task("container", {key: value for key, value in {**WISH, **more}.items() if value is not None})
    until(machine, "state", lambda: int(ask(machine, "cat /data/count || echo 0")) > 3)


def ask(machine: Machine, script: str, name: str = "state") -> str:
    found = machine.task("container_exec", {"name": name, "argv": ["sh", "-c", script]})
    return str(found["stdout"]).strip()


def still(machine: Machine, name: str) -> bool:
    """Whether packets of the container's network are dropped."""
    pid = machine.podman_json(["inspect", name])[0]["State"]["Pid"]  # type: ignore[index]
    rules = machine.sh(f"nsenter -t {pid} -n iptables-save; ! command -v nft || nsenter -t {pid} -n nft list ruleset")
    return "DROP" in rules or "policy drop" in rules


def until(machine: Machine, name: str, true, seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, machine.run(["daemonless", "logs", name], check=False).stdout[-2000:]
        time.sleep(0.1)


def goes_on(machine: Machine, before: int, name: str = "state", volumes: bool = True) -> None:
    """Everything is as it was, and the programs go on with it."""

    def said(script: str) -> str:
        return ask(machine, script, name)

    first = int(said("cat /data/count"))
    if volumes:
        assert first >= before, "its memory began anew"
    until(machine, name, lambda: int(said("cat /data/count")) > first)
    assert said("tail -n1 /etc/passwd; cat /srv/made /dev/shm/block /scratch/file").split() == [
        *("changed made shared temporary".split())
    ]
    assert said("stat -c %a /srv/made; test -e /etc/group || echo gone").split() == ["4750", "gone"]
    assert said("ls -l /proc/1/fd | grep -c '/srv/gone (deleted)'") == "1"
    said("touch /data/ask")
    until(machine, name, lambda: "asked at" in said("cat /data/answers || true"))
    said("touch /data/go")
    until(machine, name, lambda: said("cat /data/rang || true") == "rang")
    assert said("readlink /proc/1/fd/0").startswith("/dev/pts/")


def count(machine: Machine, name: str = "state") -> int:
    return int(ask(machine, "cat /data/count", name))
