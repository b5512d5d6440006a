"""Volumes moved from one host to another: only what differs, exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from machine import USER, Machine

HOST = "other ansible_connection=machine ansible_host={agent} ansible_python_interpreter=/usr/bin/python3 {more}\n"
FILL = """
cd {data}; mkdir -p deep/er; echo one >deep/one; echo two >deep/er/two; head -c 300000 /dev/urandom >big
ln deep/one hard; ln -s deep/one soft; mkfifo pipe; chown 12:34 deep/er/two; chmod 4711 big; chmod 1770 .; chown 5:6 .
setfattr -n user.note -v kept big 2>/dev/null || python3 -c 'import os; os.setxattr("big", "user.note", b"kept")'
"""
LOOK = "cd {data}; find . -printf '%P %y %m %U:%G %l ' \\( -type f -printf '%n %s %T@' -o -true \\) -printf '\n' | sort"
DATA = "/var/lib/containers/storage/volumes/data/_data"


class Pair:
    """`machine` receives what `other` has."""

    def __init__(self, machine: Machine, other: Machine) -> None:
        self.machine = machine
        self.other = other

    def transfer(self, *flags: str, fails: bool = False, keywords: dict | None = None, more: str = "", **options):  # type: ignore[no-untyped-def]
        inventory = self.machine.share / "other.ini"
        inventory.write_text(HOST.format(agent=self.other.agent, more=more))
        out = Path(self.machine.share) / "result.json"
        out.unlink(missing_ok=True)
        task = {
            "daemonless.oci.volume_transfer": {"name": "data", "from_host": "other", **options},
            "register": "moved",
            "ignore_errors": True,
            "diff": True,
            **(keywords or {}),
        }
        copy = {"content": "{{ moved | to_json }}", "dest": str(out), "mode": "0644"}
        here = {"delegate_to": "localhost", "connection": "local", "check_mode": False, "become": False}
        play = {"hosts": "machine", "gather_facts": False, "tasks": [task, {"ansible.builtin.copy": copy, **here}]}
        done = self.machine.playbook("\n" + json.dumps([play]), "-i", str(inventory), *flags)
        result = json.loads(out.read_text())
        assert bool(result.get("failed")) is fails, (result.get("msg"), done.stdout[-3000:], done.stderr[-2000:])
        assert "Traceback" not in done.stdout + done.stderr
        return result

    def look(self) -> tuple[str, str]:
        return tuple(one.sh(LOOK.format(data=DATA)) for one in (self.other, self.machine))  # type: ignore[return-value]


@pytest.fixture
def pair(new_machine: Callable[..., Machine]) -> Pair:
    return Pair(new_machine(), new_machine())


def test_only_what_differs(pair: Pair) -> None:
    pair.other.task("volume", {"name": "data", "label": {"tier": "db"}})
    pair.other.sh(FILL.format(data=DATA))
    foreseen = pair.transfer("--check", delete=True)
    assert foreseen["changed"] and foreseen["bytes_sent"] == 0 and foreseen["volume"] == {}
    assert pair.machine.podman_json(["volume", "ls", "--format", "json"]) in ([], None)
    moved = pair.transfer(delete=True)
    assert {key: moved[key] for key in ("actions", "files", "size", "diff")} == {
        key: foreseen[key] for key in ("actions", "files", "size", "diff")
    }
    assert moved["volume"]["Labels"] == {"tier": "db"}
    assert moved["bytes_sent"] > 300000
    there, here = pair.look()
    assert there == here
    assert pair.machine.sh(f"python3 -c 'import os; print(os.getxattr(\"{DATA}/big\", \"user.note\"))'") == "b'kept'"
    again = pair.transfer(delete=True)
    assert not again["changed"] and again["bytes_sent"] == 0 and again["actions"] == []
    assert not pair.transfer("--check", delete=True)["changed"]

    # Written without a trace in size and time: only the kernel's own date tells.
    pair.other.sh(f"cd {DATA}; t=$(stat -c %y deep/one); echo ONE >deep/one; touch -d \"$t\" deep/one")
    pair.other.sh(f"cd {DATA}; touch -d 2001-02-03 deep/er/two; rm soft; mkdir soft; echo in >soft/file")
    pair.machine.sh(f"cd {DATA}; mkdir mine; echo mine >mine/file")
    later = pair.transfer(changed_since=moved["taken"])
    assert later["removed"] == 0 and later["bytes_sent"] < 10000, "the big file did not travel again"
    assert pair.machine.sh(f"cat {DATA}/hard {DATA}/soft/file") == "ONE\nin"
    assert pair.machine.exists(f"{DATA}/mine/file")
    last = pair.transfer(delete=True)
    assert (last["removed"], last["files"], last["bytes_sent"]) == (1, 0, 0)
    there, here = pair.look()
    assert there == here
    for one in (pair.machine, pair.other):
        assert one.sh("ls -A /root/.ansible/tmp 2>/dev/null || true") == ""
        assert one.podman(["system", "check"]).stdout.strip() == ""


@pytest.mark.slow
def test_users_and_refusals(pair: Pair) -> None:
    """A plain user's volume comes through answers where the files of a task cannot be handed over."""
    home = f"/home/{USER}/.local/share/containers/storage"
    pair.other.task("volume", {"name": "data"}, user=USER)
    pair.other.sh(f"mkdir -p {home}/volumes/data/_data/d; echo text >{home}/volumes/data/_data/d/file", user=USER)
    more = f"ansible_become=true ansible_become_user={USER}"
    keywords = {"become": True, "become_user": USER}
    assert pair.transfer(keywords=keywords, more=more)["changed"]
    assert pair.machine.sh(f"cat {home}/volumes/data/_data/d/file", user=USER) == "text"
    assert not pair.transfer(keywords=keywords, more=more)["changed"]
    for one in (pair.machine, pair.other):
        assert one.sh(f"ls -A {home}/libpod/daemonless-transfer 2>/dev/null || true", user=USER) == ""
    assert "other: send volume data: there is none of this name" in pair.transfer(fails=True)["msg"]
    assert "no host nobody" in pair.transfer(fails=True, from_host="nobody")["msg"]
    pair.other.task("volume", {"name": "data"})
    pair.machine.task("volume", {"name": "data", "options": ["type=tmpfs", "device=tmpfs"]})
    assert "one with other options is here" in pair.transfer("--check", fails=True)["msg"]
