"""Events read again: what the writer wrote, what podman writes, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import event_reader
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.event_reader import Window
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.events import (
    Event,
    EventLog,
    Health,
    _fields,
)

STAMP = "2026-01-02T03:04:05.5Z"
DIED = Event(
    "container",
    "died",
    "c1",
    "web",
    "busybox",
    exit_code=3,
    attributes={"a": "b"},
    time=STAMP,
    health=Health("ok", 2, "{}"),
)
MADE = Event("network", "create", "n1", network="shop", time="2026-01-02T03:04:06Z")


def written(path: Path, *events: Event) -> EventLog:
    log = EventLog("file", str(path / "events" / "events.log"))
    for event in events:
        assert log.append(event) == ""
    return log


def test_what_was_written_is_read(tmp_path: Path) -> None:
    log = written(tmp_path, DIED, MADE)
    assert list(event_reader.read(log, LinuxRunner(), Window())) == [DIED, MADE]


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [(None, None, 2), (1767323046_000000000, None, 1), (None, 1767323045_500000000, 1), (1, 2, 0)],
)
def test_only_those_of_the_window(tmp_path: Path, since: int | None, until: int | None, found: int) -> None:
    log = written(tmp_path, DIED, MADE)
    assert len(list(event_reader.read(log, LinuxRunner(), Window(since, until)))) == found


def test_a_followed_window_ends_when_it_is_over(tmp_path: Path) -> None:
    log = written(tmp_path, DIED)
    assert list(event_reader.read(log, LinuxRunner(), Window(until_ns=1767323046_000000000, follow=True))) == [DIED]


def test_without_a_log_there_are_none(tmp_path: Path) -> None:
    assert list(event_reader.read(EventLog("file", str(tmp_path / "none")), LinuxRunner(), Window())) == []
    with pytest.raises(BadInput, match="none are kept"):
        event_reader.read(EventLog("none", ""), LinuxRunner(), Window())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b"{}\n",
        b'{"Type": 3}\n',
        b'{"Type":"system","Attributes":{"io.podman.event.rotate":"begin"}}\n',
    ],
)
def test_what_is_no_event(line: bytes) -> None:
    assert event_reader.parse_line(line) is None


@pytest.mark.parametrize("event", [DIED, DIED._replace(pod_id="p1"), DIED._replace(exit_code=None)])
def test_the_journals_fields_are_read_as_they_are_written(event: Event) -> None:
    assert event_reader.parse_entry(json.dumps(_fields(event)).encode()) == event


def test_an_entry_that_is_hostile() -> None:
    assert event_reader.parse_entry(b"[") is None
    assert event_reader.parse_entry(b'{"MESSAGE":"x"}') is None
    found = event_reader.parse_entry(
        b'{"PODMAN_TYPE":"container","PODMAN_LABELS":"{","PODMAN_EXIT_CODE":"x","PODMAN_TIME":"'
        + STAMP.encode()
        + b'"}'
    )
    assert found == Event("container", "", time=STAMP)
