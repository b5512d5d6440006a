"""The role `host` on Debian 12 and 13: what it makes, and that a second run changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from machine import Machine

PLAYBOOK = """
- hosts: all
  gather_facts: false
  roles:
    - role: daemonless.oci.host
      vars:
        host_users: [tester, guest]
        host_sysctls:
          net.ipv4.ip_forward: 1
          no.such.setting: 1
        host_search_registries: [docker.io, quay.io]
        host_registries:
          - prefix: docker.io
            mirrors:
              - location: 127.0.0.1:5000/docker
                insecure: true
"""
KINDS = pytest.mark.parametrize("os", ["host", "debian13"])


def changed(output: str) -> int:
    found = re.search(r"changed=(\d+)", output)
    assert found, output
    return int(found.group(1))


@KINDS
def test_a_second_run_changes_nothing(os: str, new_machine: Callable[..., Machine]) -> None:
    machine = new_machine(os=os)
    machine.sh("chmod 600 /dev/net/tun; rm -r /etc/containers; echo 0 >/proc/sys/net/ipv4/ip_forward")
    predicted = machine.playbook(PLAYBOOK, "--check").stdout
    assert changed(predicted) > 0
    assert not machine.exists("/etc/containers")
    assert changed(machine.playbook(PLAYBOOK).stdout) > 0
    assert changed(machine.playbook(PLAYBOOK).stdout) == 0
    assert machine.sh("cat /proc/sys/net/ipv4/ip_forward; stat -c %a /dev/net/tun") == "1\n666"
    assert json.loads(machine.read("/etc/containers/policy.json")) == {"default": [{"type": "insecureAcceptAnything"}]}


def test_sub_ids_do_not_overlap(machine: Machine) -> None:
    machine.write("/etc/subuid", "tester:200000:65536\n")
    machine.write("/etc/subgid", "other:900000:65536\ntester:200000:65536\n")
    machine.playbook(PLAYBOOK)
    assert machine.read("/etc/subuid") == "tester:200000:65536\nguest:965536:65536\n"
    assert machine.read("/etc/subgid").splitlines()[2:] == ["guest:965536:65536"]
    assert machine.sh("unshare --map-users=auto --map-groups=auto -r true; echo made", user="guest") == "made"


def test_the_judge_reads_the_registries(machine: Machine) -> None:
    machine.playbook(PLAYBOOK)
    machine.registry.push("docker/library/busybox:latest", machine.lab.images["busybox:latest"])
    machine.podman(["pull", "-q", "busybox"])
    names = machine.podman(["images", "--format", "{{.Repository}}"]).stdout
    assert names == "docker.io/library/busybox\n"


def test_a_policy_of_the_host_is_kept(machine: Machine) -> None:
    kept = '{"default": [{"type": "reject"}]}'
    machine.write("/etc/containers/policy.json", kept)
    machine.playbook(PLAYBOOK)
    assert machine.read("/etc/containers/policy.json") == kept


def test_a_user_who_is_not_there_is_named(machine: Machine) -> None:
    failed = machine.playbook(PLAYBOOK.replace("guest", "nobody-here"), check=False)
    assert failed.returncode != 0
    assert "There is no user nobody-here" in failed.stdout


UNPACKS_BY = """
import os, sys, types
home = os.path.realpath("/usr/local/lib/daemonless/current")
package = types.ModuleType("daemonless_oci")
package.__path__ = [home + "/daemonless_oci"]
sys.modules["daemonless_oci"] = package
from daemonless_oci.engine.base import bundle
bundle.use(home)
from daemonless_oci.engine.base.optional import optional
print(optional("isal.isal_zlib") is not None)
"""


@pytest.mark.parametrize("os", ["host", "debian13"])
def test_the_accelerator_is_there_where_the_distribution_has_it(os: str, new_machine: Callable[..., Machine]) -> None:
    """Also for the host command, which runs without the directories of the distribution's modules."""
    machine = new_machine(os=os)
    there = str(int(machine.sh(". /etc/os-release && echo $VERSION_ID")) >= 13)
    machine.playbook(PLAYBOOK)
    machine.task("volume", {"name": "any"})  # which brings the engine
    for switches in ("-I", "-IS"):
        assert machine.run(["/usr/bin/python3", switches, "-c", UNPACKS_BY]).stdout.strip() == there
