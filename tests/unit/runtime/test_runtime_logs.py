"""Log files and journal entries, read as they were written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import logs_file, logs_journal
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.logs import (
    LINE_LIMIT,
    LogLine,
    LogQuery,
    LogSource,
    join,
)
from hypothesis import given, settings
from hypothesis import strategies as st

STAMP = "2026-11-23T18:48:21.229350878+00:00"
BASE_NS = 1795459701229350878


def _stamp(number: int) -> str:
    return f"2026-11-23T18:{number // 60 % 60:02d}:{number % 60:02d}.000000001+00:00"


def _raw(number: int, text: str, flag: str = "F", stream: str = "stdout") -> str:
    return f"{_stamp(number)} {stream} {flag} {text}\n"


def _read(path: Path, query: LogQuery = LogQuery()) -> list[LogLine]:  # noqa: B008
    return list(join(logs_file.read_file(str(path), query, lambda: False)))


def test_one_line() -> None:
    line = logs_file.parse_line(f"{STAMP} stderr F two  spaces \n".encode())
    assert line == LogLine(BASE_NS, STAMP, "stderr", b"two  spaces ", True)


def test_an_offset_is_respected() -> None:
    line = logs_file.parse_line(b"2026-11-23T20:48:21.229350878+02:00 stdout P x")
    assert line is not None and line.time_ns == BASE_NS and not line.complete


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"x",
        b"a b c d",
        b"2026 stdout F x",
        f"{STAMP} stdin F x".encode(),
        f"{STAMP} stdout".encode(),
        b"\xff" * 99,
    ],
)
def test_what_is_not_of_the_format(raw: bytes) -> None:
    assert logs_file.parse_line(raw) is None


def test_an_empty_line() -> None:
    for raw in (f"{STAMP} stdout F ", f"{STAMP} stdout F"):
        line = logs_file.parse_line(raw.encode())
        assert line is not None and line.data == b""


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert _read(tmp_path / "none") == []


def test_parts_are_joined_per_stream_under_the_first_time(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_text(_raw(1, "he", "P") + _raw(2, "err", "F", "stderr") + _raw(3, "llo") + _raw(4, "tail", "P"))
    assert [(x.stamp, x.stream, x.data, x.complete) for x in _read(path)] == [
        (_stamp(2), "stderr", b"err", True),
        (_stamp(1), "stdout", b"hello", True),
        (_stamp(4), "stdout", b"tail", False),
    ]


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_text(_raw(1, "whole") + _raw(2, "torn").rstrip("\n")[:-2])
    assert [x.data for x in _read(path)] == [b"whole"]


def test_lines_without_end_are_cut_so_memory_stays_small() -> None:
    piece = LogLine(1, STAMP, "stdout", b"x" * 8192, False)
    found = list(join(iter([piece] * 300)))
    assert sum(len(x.data) for x in found) == 300 * 8192
    assert max(len(x.data) for x in found) <= LINE_LIMIT + 8192
    assert not any(x.complete for x in found)


_LINES = st.lists(
    st.tuples(st.lists(st.text("ab cé", max_size=9), min_size=1, max_size=4), st.sampled_from(["stdout"])), max_size=12
)


@settings(max_examples=150, deadline=None)
@given(_LINES, st.integers(0, 14), st.booleans())
def test_the_tail_is_the_end_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, lines, count: int, open_end: bool
) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("log") / "ctr.log"
    text = ""
    for number, (parts, stream) in enumerate(lines):
        for part in parts[:-1]:
            text += _raw(number, part, "P", stream)
        text += _raw(number, parts[-1], "F", stream)
    if open_end:
        text += _raw(99, "open", "P")
    path.write_text(text)
    whole = _read(path)
    assert _read(path, LogQuery(tail=count)) == (whole[-count:] if count else [])
    assert _read(path, LogQuery(tail=count, since_ns=0)) == (whole[-count:] if count else [])


def test_the_tail_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_text("".join(_raw(n % 3600, f"{n} " + "x" * (n % 9000)) for n in range(300)))
    for count in (1, 7, 8, 100, 299, 300, 301):
        assert [x.data.split()[0] for x in _read(path, LogQuery(tail=count))] == [
            str(n).encode() for n in range(300)[-count:]
        ]


def test_the_tail_of_a_file_of_one_huge_line(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_text("".join(_raw(1, "y" * 8000, "P") for _number in range(50)) + _raw(2, "end"))
    (line,) = _read(path, LogQuery(tail=1))
    assert len(line.data) == 50 * 8000 + 3 and line.complete


class Writer:
    """Changes the file at each look, then reports the end."""

    def __init__(self, *steps: object) -> None:
        self.steps = iter(steps)

    def __call__(self) -> bool:
        step = next(self.steps, None)
        if step is None:
            return False
        step()  # type: ignore[operator]
        return True


def test_following_over_a_replaced_and_an_emptied_file(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_text(_raw(1, "a"))

    def append(text: str) -> object:
        return lambda: path.open("a").write(text)

    def replace() -> None:
        with path.open("a") as file:
            file.write(_raw(3, "c"))
        (tmp_path / "new").write_text(_raw(4, "d"))
        os.rename(tmp_path / "new", path)

    writer = Writer(append(_raw(2, "b")), replace, append(_raw(5, "e")), lambda: path.write_text(_raw(6, "f")))
    found = list(join(logs_file.read_file(str(path), LogQuery(follow=True), writer)))
    assert [x.data for x in found] == [b"a", b"b", b"c", b"d", b"e", b"f"]


def test_what_is_written_right_before_the_exchange_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ctr.log"
    path.write_text(_raw(1, "a"))
    (tmp_path / "new").write_text(_raw(3, "c"))
    look = logs_file._successor

    def late(file: BinaryIO, name: str) -> BinaryIO | None:
        if (tmp_path / "new").exists():
            with path.open("a") as old:
                old.write(_raw(2, "b"))
            os.rename(tmp_path / "new", path)
        return look(file, name)

    monkeypatch.setattr(logs_file, "_successor", late)
    found = list(join(logs_file.read_file(str(path), LogQuery(follow=True), Writer(lambda: None))))
    assert [x.data for x in found] == [b"a", b"b", b"c"]


def test_following_ends_at_until(tmp_path: Path) -> None:
    path = tmp_path / "ctr.log"
    path.write_text(_raw(1, "a"))
    query = LogQuery(follow=True, until_ns=1)
    assert list(logs_file.read_file(str(path), query, lambda: True)) == []


def _entry(**fields: object) -> bytes:
    base: dict[str, object] = {"MESSAGE": "hello", "PRIORITY": "6", "__REALTIME_TIMESTAMP": "1795459701229350"}
    return json.dumps({**base, **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "stream", "data", "complete"),
    [
        ({}, "stdout", b"hello", True),
        ({"PRIORITY": "3"}, "stderr", b"hello", True),
        ({"CONTAINER_PARTIAL_MESSAGE": "true"}, "stdout", b"hello", False),
        ({"MESSAGE": [255, 0, 10]}, "stdout", b"\xff\x00", True),
        ({"MESSAGE": "line\n"}, "stdout", b"line", True),
        ({"MESSAGE": "é"}, "stdout", "é".encode(), True),
    ],
)
def test_journal_entries(fields: dict[str, object], stream: str, data: bytes, complete: bool) -> None:
    line = logs_journal.parse_entry(_entry(**fields))
    assert line is not None
    assert (line.stream, line.data, line.complete, line.time_ns) == (stream, data, complete, 1795459701229350000)
    assert line.stamp == "2026-11-23T18:48:21.22935Z"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"7", _entry(MESSAGE=None), _entry(MESSAGE=[256]), _entry(MESSAGE={})]
)
def test_what_is_no_entry(raw: bytes) -> None:
    assert logs_journal.parse_entry(raw) is None


def test_the_question_to_the_journal() -> None:
    query = LogQuery(since_ns=1_500_000_000_123_456_789, tail=5)
    argv = logs_journal.arguments(LogSource("journald", "web", "c" * 64), query)
    assert "--since=@1500000000.123456" in argv and "--lines=5" in argv
    assert argv[-1] == "CONTAINER_ID_FULL=" + "c" * 64
    assert "--follow" not in argv
    assert "--lines=all" in logs_journal.arguments(LogSource("journald", "web", "c"), LogQuery(follow=True))


def test_joining_is_lazy() -> None:
    def endless() -> Iterator[LogLine]:
        while True:
            yield LogLine(1, STAMP, "stdout", b"x", True)

    assert next(join(endless())).data == b"x"
