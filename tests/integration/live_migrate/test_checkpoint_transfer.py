"""The module `checkpoint_transfer`: a container of a pod goes on in a pod of another machine, or where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from frozen_state import IMAGE, begin, count, goes_on
from machine import Machine, Spec

HOST = "other ansible_connection=machine ansible_host={agent} ansible_python_interpreter=/usr/bin/python3\n"
WISH = {"name": "state", "from_host": "machine", "pod": "there"}


@pytest.fixture(scope="module")
def pair(lab) -> Iterator[tuple[Machine, Machine]]:  # type: ignore[no-untyped-def]
    machines = [lab.machine(Spec(cgroups="hybrid")) for _one in range(2)]
    for each in machines:
        each.sh("ln -s /opt/judge/bin/criu /usr/local/sbin/criu; iptables -V >/dev/null")
        assert each.registry.port == 5000
        each.task("image", {"name": IMAGE})
    machines[0].task("pod", {"name": "here"})
    begin(machines[0], pod="here", network=None, publish=None)
    machines[1].task("pod", {"name": "there", "publish": ["8088:80"]})
    yield machines[0], machines[1]
    for each in machines:
        each.close()


def moved(pair: tuple[Machine, Machine], wish: dict[str, object], *flags: str, step: str = "") -> dict[str, object]:
    here, there = pair
    inventory, out = here.share / "other.ini", here.share / "result.json"
    inventory.write_text(HOST.format(agent=there.agent))
    out.unlink(missing_ok=True)
    copy = {"content": "{{ done | to_json }}", "dest": str(out), "mode": "0644"}
    task = {"daemonless.oci.checkpoint_transfer": wish, "register": "done", "ignore_errors": True, "diff": True}
    if step:
        task["environment"] = {"DAEMONLESS_STOP_AT": step}
    local = {"delegate_to": "localhost", "connection": "local", "check_mode": False}
    play = {"hosts": "other", "gather_facts": False, "tasks": [task, {"ansible.builtin.copy": copy, **local}]}
    ran = here.playbook("\n" + json.dumps([play]), "-i", str(inventory), *flags, check=False)
    assert ran.returncode == 0 and "Traceback" not in ran.stdout + ran.stderr, ran.stdout[-3000:] + ran.stderr[-2000:]
    return dict(json.loads(out.read_text()))


def unmoved(pair: tuple[Machine, Machine], before: int) -> None:
    here, there = pair
    goes_on(here, before)
    assert there.podman(["ps", "-a", "--format", "{{.Names}}"]).stdout.count("state") == 0
    assert there.podman(["volume", "ls", "-q"]).stdout == ""
    assert there.podman(["ps", "-q"]).stdout == "", "the infra container was started for it alone"


def test_refused_or_taken_back(pair: tuple[Machine, Machine]) -> None:
    _here, there = pair
    before = count(pair[0])
    alone = {key: each for key, each in WISH.items() if key != "pod"}
    for wish, words in (
        (alone, "goes only into one"),
        ({**WISH, "pod": "none"}, "there is no pod"),
        ({**WISH, "name": "none"}, "machine has no container of this name"),
        ({**WISH, "from_host": "nobody"}, "there is no host nobody"),
    ):
        result = moved(pair, wish)
        assert result["failed"] and words in str(result["msg"]), result
    there.task("volume", {"name": "data"})
    result = moved(pair, WISH)
    assert "volume data is here (volumes names those that it may replace)" in str(result["msg"])
    there.podman(["volume", "rm", "data"])
    foretold = moved(pair, WISH, "--check")
    assert (foretold["changed"], foretold["bytes_sent"]) == (True, 0)
    by_alias = {"container": "state", **{key: each for key, each in WISH.items() if key != "name"}}
    assert moved(pair, by_alias, "--check") == foretold, "without a word about an option given twice"
    result = moved(pair, WISH, step="import-recorded")
    assert result["failed"] and "It runs on machine as before" in str(result["msg"]), result["msg"]
    unmoved(pair, before)


def test_moved(pair: tuple[Machine, Machine]) -> None:
    here, there = pair
    before = count(here)
    done = moved(pair, WISH)
    assert done["changed"] and done["actions"] == ["Moved container state here from machine"]
    assert 0 < float(str(done["downtime_seconds"])) < 300 and int(str(done["bytes_sent"])) > 0
    goes_on(there, before)
    pod = there.podman_json(["inspect", "state"])[0]["Pod"]  # type: ignore[index]
    assert there.podman_json(["pod", "inspect", pod])[0]["Name"] == "there"  # type: ignore[index]
    [kept] = here.task("checkpoint_info", {"name": ["state"]})["checkpoints"]  # type: ignore[misc]
    assert kept["can_restore"], "until it is removed there it can go back"
    here.task("container", {"name": "state", "state": "absent"})
    for flags in ((), ("--check",)):
        again = moved(pair, WISH, *flags)
        assert (again["changed"], again["bytes_sent"]) == (False, 0)
    for each in pair:
        assert each.sh("ls -A /root/.ansible/tmp 2>/dev/null || true") == ""
