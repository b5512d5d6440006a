"""A container with memory that moves to another machine: how long it stands still."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

from .ground import IMAGE, Ground, Machine, Spec
from .measure import Row, say

SIZES = (16, 256)
_ROLE = """
- hosts: machine
  gather_facts: false
  roles:
    - role: daemonless.oci.live_migrate
      vars: {live_migrate_container: moving, live_migrate_to: other}
  post_tasks:
    - ansible.builtin.copy: {content: "{{ live_migrate_result | to_json }}", dest: "RESULT", mode: "0644"}
      delegate_to: localhost
      connection: local
"""


def migrate(ground: Ground) -> Iterator[Row]:
    """Frozen into an archive, copied, restored elsewhere by the commands; by the role, with all that Ansible adds."""
    here, there = ground.machine, ground.lab.machine(Spec(os="debian13"))
    try:
        assert there.registry.port == 5000
        there.task("image", {"name": IMAGE})
        for size in SIZES:
            megabytes = size // (8 if os.environ.get("BENCH_QUICK") else 1)
            yield Row(
                "migrate",
                f"{megabytes} MB of memory: export, copy, import elsewhere",
                lambda: _moved(here, there, "daemonless"),
                {"podman": lambda: _moved(here, there, "podman")},
                {"podman": 1.2},
                rounds=3,
                before=lambda: _begin(here, there, megabytes << 20),  # noqa: B023
            )
            _begin(here, there, megabytes << 20)
            say(f"    the role live_migrate stood still for {_by_role(here, there):.3f} s")
    finally:
        there.close()


def _command(machine: Machine, program: str, *words: str) -> None:
    if program == "podman":
        machine.podman(list(words), timeout=600)
    else:
        machine.run([program, *words], timeout=600)


def _begin(here: Machine, there: Machine, size: int) -> None:
    """Memory that does not compress to nothing."""
    for each in (here, there):
        each.podman(["rm", "-f", "-t", "0", "--ignore", "moving"])
    script = f"x=$(head -c {size * 3 // 4} /dev/urandom | base64); echo ready >/ready; while :; do sleep 1; done"
    here.podman(["run", "-d", "--name", "moving", "--network", "none", IMAGE, "sh", "-c", script])
    here.sh("until daemonless exec moving test -e /ready; do sleep 0.5; done")


def _moved(here: Machine, there: Machine, program: str) -> None:
    archive, copy = here.share / "moving.tar.zst", there.share / "moving.tar.zst"
    _command(here, program, "container", "checkpoint", "-e", str(archive), "moving")
    shutil.copyfile(archive, copy)
    _command(there, program, "container", "restore", "-i", str(copy))


def _by_role(here: Machine, there: Machine) -> float:
    inventory, result = here.share / "other.ini", here.share / "result.json"
    inventory.write_text(
        f"other ansible_connection=machine ansible_host={there.agent} ansible_python_interpreter=/usr/bin/python3\n"
    )
    here.playbook(_ROLE.replace("RESULT", str(result)), "-i", str(inventory))
    return float(json.loads(result.read_text())["downtime_seconds"])
