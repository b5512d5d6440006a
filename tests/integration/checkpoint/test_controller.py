"""Archives that are fetched to the controller, and brought from it."""

from __future__ import annotations

import json
from pathlib import Path

from frozen_state import IMAGE, ask, until
from machine import Machine

COUNT = "i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done"
BOX = {"name": "box", "image": IMAGE, "command": ["sh", "-c", COUNT], "network": ["none"], "stop_timeout": 0}


def played(machine: Machine, wish: dict[str, object], *flags: str, fails: bool = False) -> dict[str, object]:
    """One task by ansible-playbook, where the action plugin carries the archives; its result."""
    out = Path(machine.share) / "result.json"
    out.unlink(missing_ok=True)
    here = {"delegate_to": "localhost", "connection": "local", "check_mode": False}
    copy = {"content": "{{ done | to_json }}", "dest": str(out), "mode": "0644"}
    tasks = [
        {"daemonless.oci.checkpoint": wish, "register": "done", "ignore_errors": True, "diff": True},
        {"ansible.builtin.copy": copy, **here},
    ]
    play = [{"hosts": "machine", "gather_facts": False, "tasks": tasks}]
    ran = machine.playbook("\n" + json.dumps(play), *flags)
    result = dict(json.loads(out.read_text()))
    assert bool(result.get("failed")) is fails, (result, ran.stdout[-2000:], ran.stderr[-2000:])
    assert "stage" not in result
    return result


def test_to_the_controller_and_back(shared_freezer: Machine) -> None:
    machine = shared_freezer
    machine.podman(["rm", "-f", "-t", "0", "-a"])
    machine.task("container", BOX)
    until(machine, "box", lambda: int(ask(machine, "cat /count || echo 0", "box")) > 3)
    before = int(ask(machine, "cat /count", "box"))
    archive = machine.share / "box.tar.zst"
    export = {"name": "box", "state": "exported", "dest": str(archive), "fetch": True}
    refused = played(machine, {**export, "dest": str(machine.share / "none" / "box")}, fails=True)
    assert "has to be a directory" in refused["msg"]
    assert played(machine, export, "--check")["changed"]
    assert not archive.exists()
    assert machine.podman_json(["inspect", "box"])[0]["State"]["Running"], "what cannot arrive is not frozen"  # type: ignore[index]

    made = played(machine, export)
    assert made["changed"]
    assert made["checkpoint"]["dest"] == str(archive)  # type: ignore[index]
    assert made["checkpoint"]["archive_size"] == archive.stat().st_size  # type: ignore[index]
    assert archive.stat().st_mode & 0o777 == 0o600
    assert not made["checkpoint"]["exists"], "it is kept at the controller now, and not here"  # type: ignore[index]
    for flags in ((), ("--check",)):
        assert not played(machine, export, *flags)["changed"]

    machine.task("container", {"name": "box", "state": "absent"})
    bring = {"state": "imported", "src": str(archive), "remote_src": False}
    foretold = played(machine, bring, "--check")
    assert (foretold["changed"], foretold["bytes_sent"]) == (True, 0)
    assert machine.podman(["ps", "-aq"]).stdout == ""
    back = played(machine, bring)
    assert back["changed"]
    assert {key: back[key] for key in ("actions", "diff")} == {key: foretold[key] for key in ("actions", "diff")}
    assert back["bytes_sent"] == archive.stat().st_size
    assert int(ask(machine, "cat /count", "box")) >= before
    again = played(machine, bring)
    assert (again["changed"], again["bytes_sent"]) == (False, 0)
    assert machine.sh("ls -A /root/.ansible/tmp 2>/dev/null || true") == ""

    # What did not arrive is kept where it was frozen: the next run fetches that very checkpoint.
    archive.unlink()
    machine.task("checkpoint", {"name": "box"})
    kept = machine.task("checkpoint_info", {"name": ["box"]})["checkpoints"][0]["time"]  # type: ignore[index]
    played(machine, export)
    machine.run(["cp", f"{machine.share}/box.tar.zst", "/var/tmp/box"])
    assert machine.task("checkpoint_info", {"src": ["/var/tmp/box"]})["checkpoints"][0]["time"] == kept  # type: ignore[index]
    damaged = archive.read_bytes()[:-20]
    archive.write_bytes(damaged)
    machine.task("container", {"name": "box", "state": "absent"})
    played(machine, bring, fails=True)
    assert machine.podman(["ps", "-aq"]).stdout == ""
    played(machine, {**bring, "src": str(machine.share / "nothing")}, fails=True)


def test_options_that_mean_nothing(shared_freezer: Machine) -> None:
    for wish, words in (
        ({"name": "box", "fetch": True}, "no meaning with state checkpointed"),
        ({"name": "box", "remote_src": False}, "there is no src"),
        ({"name": "box", "state": "exported", "dest": "/x", "ignore_previous": True}, "only with with_previous"),
    ):
        assert words in shared_freezer.task("checkpoint", wish, fails=True)["msg"]
