"""Events in podman's words."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import journal
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.events import Event, EventLog

DIED = Event(
    "container",
    "died",
    id="a" * 64,
    name="web",
    image="busybox",
    exit_code=3,
    attributes={"k": "v"},
    time="2026-01-01T00:00:00Z",
)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events" / "events.log"
    assert EventLog("file", str(path)).append(DIED) == ""
    assert path.read_text() == (
        '{"ContainerExitCode":3,"ID":"' + "a" * 64 + '","Image":"busybox","Name":"web","Status":"died",'
        '"Time":"2026-01-01T00:00:00Z","Type":"container","Attributes":{"k":"v"}}\n'
    )


def test_what_is_empty_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    EventLog("file", str(path)).append(Event("volume", "create", name="data", time="2026-01-01T00:00:00Z"))
    assert lines(path) == [
        {"Name": "data", "Status": "create", "Time": "2026-01-01T00:00:00Z", "Type": "volume", "Attributes": None}
    ]


def test_the_time_is_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    EventLog("file", str(path)).append(Event("system", "refresh"))
    assert str(lines(path)[0]["Time"]).endswith("Z")


def test_none_writes_nothing(tmp_path: Path) -> None:
    assert EventLog("none", str(tmp_path / "x")).append(DIED) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_told_not_raised() -> None:
    assert "container died" in EventLog("file", "/proc/nowhere/events.log").append(DIED)


def test_a_full_log_keeps_its_newer_half_between_marks(tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    log = EventLog("file", str(path), 3000)
    for number in range(40):
        log.append(Event("volume", "create", name=f"v{number:03}"))
    assert path.stat().st_size <= 3200
    found = lines(path)
    names = [line["Name"] for line in found if line["Type"] == "volume"]
    assert names[-1] == "v039" and names == sorted(names)  # type: ignore[type-var]
    marks = [line["Attributes"] for line in found if line["Status"] == "log-rotation"]
    assert {"io.podman.event.rotate": "begin"} in marks and {"io.podman.event.rotate": "end"} in marks


def test_journal_encoding() -> None:
    assert journal.encode({"A": "1", "B": "x\ny"}) == b"A=1\nB\n\x03\x00\x00\x00\x00\x00\x00\x00x\ny\n"


def test_journal_datagram_and_file(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        journal.send({"MESSAGE": "hello"}, path)
        assert server.recv(100) == b"MESSAGE=hello\n"
        big = "x" * 3_000_000
        journal.send({"MESSAGE": big}, path)
        data, descriptors, _flags, _address = socket.recv_fds(server, 100, 1)
        assert data == b""
        with open(descriptors[0], "rb") as file:
            file.seek(0)
            assert file.read() == b"MESSAGE=" + big.encode() + b"\n"
