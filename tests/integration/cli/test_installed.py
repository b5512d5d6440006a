"""The runtime that tasks leave on a host: who gets it, who uses it, and that later tasks import from it."""

from __future__ import annotations

import pytest
from machine import Machine

pytestmark = pytest.mark.delivery
BASE = "/usr/local/lib/daemonless"


def versions(machine: Machine, base: str = BASE) -> list[str]:
    return [name for name in machine.sh(f"ls {base}").split() if name not in ("current", ".lock")]


def test_the_first_task_installs_and_the_next_ones_use_it(machine: Machine) -> None:
    machine.task("network", {"name": "a"}, check=True)
    machine.task("container_info", {})
    machine.task("host_info", {})
    assert not machine.exists(BASE)
    machine.task("network", {"name": "a"})
    (digest,) = versions(machine)
    assert machine.sh("readlink -f $(command -v daemonless)") == f"{BASE}/{digest}/daemonless"
    assert machine.sh("daemonless network ls -q").split() == ["a", "podman"]
    # A task that runs from the copy reads its byte code and writes nothing there.
    machine.sh(f"find {BASE} -exec touch -h -d @1700000000 {{}} + ; touch -d @1700000001 /tmp/mark")
    found = machine.task("network", {"name": "a"})
    assert found["changed"] is False


def test_a_task_imports_from_the_copy_not_from_its_payload(machine: Machine) -> None:
    machine.task("network", {"name": "a"})
    times = machine.task("network", {"name": "a"}, env={"PYTHONVERBOSE": ""})
    assert times["changed"] is False
    shown = machine.task("host_info", {})["host"]
    assert shown["runtime"]["home"].startswith(BASE)  # type: ignore[index]


def test_a_copy_that_was_tampered_with_is_replaced(machine: Machine) -> None:
    machine.task("network", {"name": "a"})
    (digest,) = versions(machine)
    path = f"{BASE}/{digest}/daemonless_oci/engine/task/network.py"
    machine.sh(f"echo 'raise SystemExit(\"tampered\")' >> {path}")
    assert machine.task("network", {"name": "a"})["changed"] is False
    assert "tampered" not in machine.read(path)


def test_a_copy_that_others_can_write_is_never_run(machine: Machine) -> None:
    machine.task("network", {"name": "a"})
    (digest,) = versions(machine)
    machine.sh(f"echo 'raise SystemExit(\"tampered\")' >> {BASE}/{digest}/daemonless_oci/engine/task/network.py")
    machine.sh(f"chmod 0777 {BASE}")
    refused = machine.task("network", {"name": "a"}, fails=True)
    assert "not yours alone" in str(refused["msg"])
    assert machine.task("network_info", {"name": ["a"]})["changed"] is False


def test_a_plain_user_has_a_copy_of_their_own(machine: Machine) -> None:
    machine.task("network", {"name": "a"}, user="tester")
    assert not machine.exists(BASE)
    home = machine.sh("echo ~tester")
    (digest,) = versions(machine, f"{home}/.local/lib/daemonless")
    assert machine.sh(f"stat -c %U {home}/.local/lib/daemonless/{digest}/daemonless") == "tester"
    assert machine.sh(f"{home}/.local/bin/daemonless network ls -q", user="tester").split() == ["a", "podman"]


def test_a_plain_user_may_run_the_command_that_root_installed(machine: Machine) -> None:
    machine.task("network", {"name": "a"})
    assert machine.sh("daemonless network ls -q", user="tester") == "podman"


def test_tasks_at_once_on_a_bare_host_install_one_copy(machine: Machine) -> None:
    for number in range(5):
        payload = machine.lab.payloads.build("network", {"name": f"net{number}"}, check=False, diff=False)
        machine.write(f"/tmp/task{number}.py", payload.decode())
    machine.sh("for n in 0 1 2 3 4; do /usr/bin/python3 /tmp/task$n.py > /tmp/$n.out 2>&1 & done; wait")
    outs = machine.sh("cat /tmp/*.out")
    assert outs.count('"changed": true') == 5, outs
    assert len(versions(machine)) == 1
    assert machine.sh(f"ls -A {BASE} | grep -c -E '^[.](new|old)' || true") == "0"


def test_tasks_at_once_that_want_one_network_agree(machine: Machine) -> None:
    """One makes it; the others find it made, and that is no conflict."""
    machine.task("network", {"name": "first"})
    machine.write(
        "/tmp/task.py", machine.lab.payloads.build("network", {"name": "a"}, check=False, diff=False).decode()
    )
    machine.sh("for n in 1 2 3 4 5 6; do /usr/bin/python3 /tmp/task.py > /tmp/$n.out 2>&1 & done; wait")
    outs = machine.sh("cat /tmp/*.out")
    assert outs.count('"changed": true') == 1, outs
    assert outs.count('"changed": false') == 5, outs


@pytest.mark.parametrize("step", ["runtime-written", "runtime-installed"])
def test_killed_while_installing_the_next_task_repairs(machine: Machine, step: str) -> None:
    with pytest.raises(AssertionError):
        machine.task("network", {"name": "a"}, env={"DAEMONLESS_STOP_AT": step})
    assert machine.task("network", {"name": "a"})["changed"] is True
    assert len(versions(machine)) == 1
    assert machine.sh("daemonless version --short").startswith("daemonless version")


def test_a_read_only_place_is_a_warning_and_the_task_works(machine: Machine) -> None:
    machine.sh("mount -t tmpfs -o ro tmpfs /usr/local/lib")
    found = machine.task("network", {"name": "a"})
    assert found["changed"] is True
    assert "install the runtime" in str(found["warnings"])
