"""What a restart policy asks for, and the journal of unfinished deeds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import clock
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.files import dump_json
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import cleanup
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.journal import Journal
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.model import Container
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.rows import EXITED, RUNNING, ContainerRow

ID = "ab" * 32
OTHER = "cd" * 32


def container(config=None, state=None):
    base = {"id": ID, "name": "web", "spec": {"process": {"args": ["true"]}}}
    text = [dump_json(value).decode() for value in ({**base, **(config or {})}, state or {})]
    return Container(ContainerRow((ID, "web", None), *text))


@pytest.mark.parametrize(
    ("config", "state", "wanted"),
    [
        ({}, {}, False),
        ({"restart_policy": "no"}, {}, False),
        ({"restart_policy": "always"}, {}, True),
        ({"restart_policy": "always"}, {"stoppedByUser": True}, False),
        ({"restart_policy": "unless-stopped"}, {"exitCode": 0}, True),
        ({"restart_policy": "on-failure"}, {"exitCode": 0}, False),
        ({"restart_policy": "on-failure"}, {"exitCode": 1}, True),
        ({"restart_policy": "on-failure", "restart_retries": 2}, {"exitCode": 1, "restartCount": 1}, True),
        ({"restart_policy": "on-failure", "restart_retries": 2}, {"exitCode": 1, "restartCount": 2}, False),
        ({"restart_policy": "always"}, {"state": RUNNING}, False),
    ],
)
def test_restart_policy(config, state, wanted):
    assert cleanup.restart_wanted(container(config, {"state": EXITED, **state})) is wanted


@pytest.mark.parametrize(
    ("count", "ran_seconds", "delay"),
    [(0, 0, 0.1), (1, 0, 0.2), (3, 1, 0.8), (30, 0, 60.0), (30, 11, 0.1)],
)
def test_back_off(count, ran_seconds, delay):
    start = clock.parse("2026-01-01T00:00:00Z")
    state = {
        "restartCount": count,
        "startedTime": clock.from_unix_ns(start),
        "finishedTime": clock.from_unix_ns(start + ran_seconds * 10**9),
    }
    assert cleanup.delay_seconds(container(state=state)) == pytest.approx(delay)


AUTHOR = """
import os, sys
sys.path.insert(0, sys.argv[1])
from engine.container.journal import Journal
entry = Journal(sys.argv[2]).begin(sys.argv[3], "create", name="web")
entry.note(lock=7)
print("begun", flush=True)
sys.stdin.read()
os._exit(0)
"""


def test_only_the_entries_of_dead_authors_are_abandoned(tmp_path):
    directory = str(tmp_path / "journal")
    journal = Journal(directory)
    assert list(journal.abandoned()) == []
    assert not journal.busy()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(cleanup.__file__))))
    child = subprocess.Popen(
        [sys.executable, "-c", AUTHOR, root, directory, OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"begun\n"
    with journal.begin(ID, "remove"):
        assert journal.busy()
        assert list(journal.abandoned()) == []
    child.communicate(b"")
    (entry,) = journal.abandoned()
    assert (entry.key, entry.notes) == (OTHER, {"deed": "create", "name": "web", "lock": 7})
    entry.leave()
    (entry,) = journal.abandoned()
    entry.end()
    assert os.listdir(directory) == []


def test_an_entry_that_was_begun_and_never_written_is_nothing_to_do(tmp_path):
    (tmp_path / f"{ID}-create.lock").touch()
    (tmp_path / "stray").touch()
    (entry,) = Journal(str(tmp_path)).abandoned()
    assert entry.notes == {}


def test_two_deeds_about_one_container_do_not_wait_for_each_other(tmp_path):
    journal = Journal(str(tmp_path))
    with journal.begin(ID, "replace"), journal.begin(ID, "remove"):
        assert len(os.listdir(tmp_path)) == 4
    assert os.listdir(tmp_path) == []


def test_replacements_are_put_right_last_and_one_entry_is_held_at_a_time(tmp_path):
    journal = Journal(str(tmp_path))
    for key, deed in ((ID, "replace"), (OTHER, "remove"), (ID, "create")):
        journal.begin(key, deed).leave()
    seen = []
    for entry in journal.abandoned():
        seen.append(entry.text("deed"))
        if seen[-1] == "replace":
            with journal.begin(OTHER, "remove"):  # would wait for ever if the sweep still held it
                pass
        entry.end()
    assert seen == ["create", "remove", "replace"]
