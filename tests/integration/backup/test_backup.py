"""The role `backup`: what it schedules is run as it stands, keeps as many as were asked for, is restored by time."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from frozen_state import IMAGE, ask, until
from machine import Machine, Spec

_ODD = "[WARNING]: Removed restricted key from module data:"
FOLDER = "/var/backups/daemonless"
SERVICE = "/etc/systemd/system/daemonless-backup-box.service"
COUNT = "i=0; while :; do i=$((i+1)); echo $i >/data/new; mv /data/new /data/count; sleep 0.1; done"
BOX = {
    "name": "box",
    "image": IMAGE,
    "command": ["sh", "-c", COUNT],
    "volume": ["data:/data"],
    "network": ["none"],
    "stop_timeout": 0,
}


def role(
    machine: Machine, *flags: str, tasks: str = "main", check: bool = True, **options: object
) -> subprocess.CompletedProcess[str]:
    given = {"container": "box", **options}
    task = {
        "ansible.builtin.include_role": {"name": "daemonless.oci.backup", "tasks_from": tasks},
        "vars": {f"backup_{key}": each for key, each in given.items()},
    }
    play = [{"hosts": "machine", "gather_facts": False, "tasks": [task]}]
    done = machine.playbook("\n" + json.dumps(play), *flags, check=check)
    # A fact that is called after the lab's connection plugin.
    said = (done.stdout + done.stderr).replace(f"{_ODD} ansible_machine_id", "")
    assert not re.search(r"Traceback|DEPRECATION|WARNING", said), said
    return done


def changes(done: subprocess.CompletedProcess[str]) -> int:
    return sum(int(each) for each in re.findall(r"changed=(\d+)", done.stdout))


def scheduled(machine: Machine, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What the service would start, as it stands in the unit."""
    [line] = re.findall("^ExecStart=(.+)$", machine.read(SERVICE), re.MULTILINE)
    return machine.run(line.split(), check=env is None, env=env)


def kept(machine: Machine) -> list[str]:
    return machine.sh(f"ls -A {FOLDER} | grep -v lock || true").split()


def count(machine: Machine) -> int:
    return int(ask(machine, "cat /data/count || echo 0", "box"))


@pytest.fixture(scope="module")
def freezer(lab) -> Iterator[Machine]:  # type: ignore[no-untyped-def]
    machine = lab.machine(Spec(cgroups="hybrid"))
    machine.sh("ln -s /opt/judge/bin/criu /usr/local/sbin/criu; iptables -V >/dev/null")
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE})
    machine.task("container", BOX)
    yield machine
    machine.close()


def test_scheduled_kept_and_restored(freezer: Machine) -> None:
    machine = freezer
    options = {"scheduler": "systemd", "keep": 2, "calendar": "hourly"}
    assert changes(role(machine, "--check", **options)) > 0
    assert not machine.exists(SERVICE)
    assert changes(role(machine, **options)) > 0
    assert changes(role(machine, **options)) == 0
    assert machine.sh(f"stat -c %a {FOLDER}") == "700"
    timer = SERVICE.replace(".service", ".timer")
    assert machine.sh(f"readlink /etc/systemd/system/timers.target.wants/{timer.rpartition('/')[2]}") == timer
    judged = machine.run(["systemd-analyze", "verify", timer, SERVICE], check=False)
    assert "box" not in judged.stderr, judged.stderr

    taken, counts = [], []
    for _round in range(3):
        counts.append(count(machine))
        done = scheduled(machine)
        taken.append(done.stdout.split()[0])
        seen = count(machine)
        until(machine, "box", lambda seen=seen: count(machine) > seen + 10)  # a second: names tell them apart
    assert done.stdout.split()[1:] == ["removed", taken[0]]
    assert [f"{FOLDER}/{name}" for name in kept(machine)] == taken[1:]
    assert machine.sh(f"stat -c %a {taken[1]}") == "600"

    # Neither killed nor full, nothing half-written counts, and nothing goes for it.
    killed = scheduled(machine, env={"DAEMONLESS_STOP_AT": "export-written"})
    assert killed.returncode in (-9, 137)
    assert [name for name in kept(machine) if not name.startswith(".")] == [one.rpartition("/")[2] for one in taken[1:]]
    last = scheduled(machine).stdout.split()[0]
    assert [f"{FOLDER}/{name}" for name in kept(machine)] == [taken[2], last]
    listed = machine.sh("daemonless container backup --help").splitlines()
    assert any("--keep-for" in line for line in listed)

    machine.task("container", {"name": "box", "state": "absent"})
    failed = machine.run(["daemonless", "container", "backup", "-d", FOLDER, "box"], check=False)
    assert failed.returncode == 125
    machine.podman(["volume", "rm", "data"])
    stamp = re.findall(r"(\d{8})T(\d{6})Z", taken[2])[0]
    moment = re.sub(r"(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)", r"\1-\2-\3 \4:\5:\6", " ".join(stamp))
    early = role(machine, tasks="restore", restore_time="2001", check=False)
    assert "There is no backup of container box" in early.stdout and taken[2].rpartition("/")[2] in early.stdout
    assert changes(role(machine, "--check", tasks="restore", restore_time=moment)) > 0
    assert changes(role(machine, tasks="restore", restore_time=moment)) > 0
    assert counts[2] <= count(machine)
    until(machine, "box", lambda: count(machine) > counts[2])
    assert changes(role(machine, tasks="restore", restore_time=moment)) == 0

    assert changes(role(machine, state="absent")) > 0
    assert changes(role(machine, state="absent")) == 0
    assert machine.sh("find $(ls -d /etc/systemd/system /etc/cron.d 2>/dev/null) -name '*daemonless*'") == ""
    assert kept(machine), "the archives stay"

    # A container of a pod, out of its archive and into another pod.
    beside = {key: value for key, value in BOX.items() if key != "network"}
    mate = {**beside, "name": "mate", "command": ["sh", "-c", COUNT.replace("/data", "/mates")], "volume": ["m:/mates"]}
    machine.task("pod", {"name": "crew", "state": "started", "containers": [mate]})

    def counted() -> int:
        return int(ask(machine, "cat /mates/count || echo 0", "mate"))

    until(machine, "mate", lambda: counted() > 10)
    machine.sh(f"daemonless container backup -d {FOLDER} mate")
    machine.task("pod", {"name": "crew", "state": "absent"})
    machine.podman(["volume", "rm", "m"])
    homeless = role(machine, tasks="restore", container="mate", check=False)
    assert homeless.returncode and "it comes out of a pod, and goes only into one" in homeless.stdout
    machine.task("pod", {"name": "other"})
    assert changes(role(machine, tasks="restore", container="mate", restore_pod="other")) > 0
    assert counted() > 10
    [seen] = machine.podman_json(["pod", "inspect", "other"])
    assert sorted((one["Name"].rpartition("-")[2], one["State"]) for one in seen["Containers"]) == [
        ("infra", "running"),
        ("mate", "running"),
    ]
    assert changes(role(machine, tasks="restore", container="mate", restore_pod="other")) == 0


def test_without_systemd(freezer: Machine) -> None:
    """An entry for cron; where nothing would start it, that is said."""
    machine = freezer
    machine.sh("mkdir -p /etc/cron.d")
    role(machine, keep=0, keep_for="30d", cron="5 4 * * *")
    entry = machine.read("/etc/cron.d/daemonless-backup-box").splitlines()
    command = f"/usr/local/bin/daemonless container backup --directory {FOLDER} --keep-for 30d box"
    assert entry[-1] == f"5 4 * * * root {command} >/dev/null"
    machine.sh("rm -r /etc/cron.d")
    failed = role(machine, check=False)
    assert "has neither systemd nor /etc/cron.d" in failed.stdout
    refused = role(machine, directory="/srv/$(reboot)", check=False)
    assert "no more" in refused.stdout
