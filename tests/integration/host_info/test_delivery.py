"""The engine travels once: the action plugins send later tasks without it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from machine import Machine

pytestmark = pytest.mark.delivery
PLAY = """
- hosts: all
  gather_facts: false
  module_defaults:
    group/daemonless.oci.all:
      executable: {executable}
  tasks:
    - daemonless.oci.network:
        name: first
      register: one
    - daemonless.oci.network:
        name: first
      register: two
    - daemonless.oci.network:
        name: nothing
        state: absent
      async: 60
      poll: 1
    - ansible.builtin.debug:
        msg: "changed {{{{ one.changed }}}} {{{{ two.changed }}}}"
"""


def play(machine: Machine, executable: str = "/bin/true", *options: str, check: bool = True) -> str:
    return machine.playbook(PLAY.format(executable=executable), "-vvv", *options, check=check).stdout


def test_the_second_task_comes_without_the_engine(new_machine: Callable[[], Machine]) -> None:
    machine = new_machine()
    first = play(machine)
    assert "changed True False" in first
    assert "runtime_absent" not in first
    versions = machine.sh("ls /usr/local/lib/daemonless").split()
    assert len([name for name in versions if len(name) == 32]) == 1, versions
    again = play(machine)
    assert "changed False False" in again
    # Three tasks, the last of them asynchronous, for which nobody could send the engine afterwards.
    sent = [line.rpartition("/")[2] for line in again.splitlines() if "Using module file" in line]
    assert [name for name in sent if name != "async_status.py"] == ["task.py", "task.py", "network.py"]


def test_a_check_run_leaves_nothing_and_answers(new_machine: Callable[[], Machine]) -> None:
    machine = new_machine()
    output = play(machine, "/bin/true", "--check", "--skip-tags", "never")
    assert "changed True True" in output
    assert not machine.exists("/usr/local/lib/daemonless")


def test_defaults_of_the_group_reach_the_tasks(machine: Machine) -> None:
    output = play(machine, "/no/such/program", check=False)
    assert "/no/such/program is not a program" in output


def test_a_lost_copy_is_sent_again(new_machine: Callable[[], Machine]) -> None:
    machine = new_machine()
    machine.task("network", {"name": "first"})
    machine.sh("rm -r /usr/local/lib/daemonless/[0-9a-f]*")
    assert machine.task("network", {"name": "first"})["changed"] is False
    machine.sh("test -x /usr/local/lib/daemonless/current/daemonless")


def test_nothing_runs_without_an_order(machine: Machine) -> None:
    payload = machine.lab.payloads.build("task", {}, check=False, diff=False)
    answer = json.loads(machine.run(["/usr/bin/python3"], check=False, input=payload).stdout)
    assert answer["failed"] and "action plugins" in answer["msg"]
