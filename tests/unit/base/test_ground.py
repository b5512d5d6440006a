"""Ids, digests, time, sizes, atomic files, locks, verified streams and the error texts."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import (
    clock,
    digest,
    errors,
    files,
    ids,
    locks,
    streams,
    units,
)
from hypothesis import given
from hypothesis import strategies as st

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_error_reads_deed_cause_hint_and_failed_cleanup():
    error = errors.Conflict("start container web", "8080/tcp is taken.", "Choose another port")
    error.add_cleanup_failure("unmount /x: busy")
    assert (
        str(error)
        == "start container web: 8080/tcp is taken. Choose another port. Cleaning up failed too: unmount /x: busy"
    )


def test_tool_failure_names_signal_when_silent():
    assert str(errors.ToolFailed("start x", "crun", -9, "")) == "start x: crun: killed by signal 9"


def test_ids():
    assert ids.is_id(ids.new_id())
    assert not ids.is_id("A" * 64)
    assert ids.short("0123456789abcdef") == "0123456789ab"


def test_digest_of_nothing():
    assert str(digest.digest_of(b"")) == EMPTY
    assert str(digest.Digest.parse(EMPTY)) == EMPTY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        EMPTY.upper(),
        EMPTY[:-1],
        EMPTY + "0",
        "md5:" + "0" * 32,
        "sha256:../../../../etc/passwd" + "0" * 36,
        "x",
    ],
)
def test_digest_refuses(text):
    with pytest.raises(errors.BadInput):
        digest.Digest.parse(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("512m", 512 << 20),
        ("0.5g", 512 << 20),
        ("1.5GiB", 3 << 29),
        (1024, 1024),
        ("10b", 10),
        ("1 kB", 1024),
        (".5k", 512),
        ("1t", 1 << 40),
    ],
)
def test_sizes(text, count):
    assert units.parse_size(text) == count


@pytest.mark.parametrize("text", ["", "-1", "m", "1x", "1.2.3", "١", "1e3", "nan"])
def test_sizes_refused(text):
    with pytest.raises(errors.BadInput, match="read memory"):
        units.parse_size(text, "memory")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30", 30 * 10**9),
        ("1m30s", 90 * 10**9),
        ("500ms", 5 * 10**8),
        ("1.5h", 5400 * 10**9),
        ("0", 0),
        (2.5, 25 * 10**8),
    ],
)
def test_durations(text, nanoseconds):
    assert units.parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "s", "1x", "-5s", "1s junk", "1m 30s"])
def test_durations_refused(text):
    with pytest.raises(errors.BadInput):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (61, "About a minute"), (3599, "59 minutes")]
    + [
        (3600, "About an hour"),
        (7200, "2 hours"),
        (3 * 86400, "3 days"),
        (21 * 86400, "3 weeks"),
        (90 * 86400, "3 months"),
    ]
    + [(800 * 86400, "2 years")],
)
def test_ages(seconds, text):
    assert units.human_duration(seconds) == text


@given(st.integers(min_value=-(2**62) // 10**9 * 10**9, max_value=2**62))
def test_time_survives_the_round_trip(nanoseconds):
    assert clock.parse(clock.from_unix_ns(nanoseconds)) == nanoseconds


def test_time_with_offset_and_zero():
    assert clock.parse("2026-01-31T14:00:00+02:00") == clock.parse("2026-01-31T12:00:00Z")
    assert clock.is_zero(clock.ZERO)
    assert not clock.is_zero(clock.now())
    with pytest.raises(errors.BadInput):
        clock.parse("yesterday")


def test_atomic_write_replaces_and_leaves_nothing_behind(tmp_path):
    path = str(tmp_path / "file")
    files.atomic_write(path, b"one", mode=0o640)
    files.atomic_write(path, b"two", mode=0o600)
    assert (tmp_path / "file").read_bytes() == b"two"
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_atomic_write_that_fails_leaves_the_old_file(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError):
        files.atomic_write(str(tmp_path / "file"), b"x")
    assert os.listdir(tmp_path) == ["file"]


def test_read_is_bounded_and_json_is_checked(tmp_path):
    (tmp_path / "long").write_bytes(b"x" * 11)
    with pytest.raises(errors.Corrupt, match="longer than 10 bytes"):
        files.read_bytes(str(tmp_path / "long"), limit=10)
    with pytest.raises(errors.Corrupt, match="not JSON"):
        files.read_json(str(tmp_path / "long"))


HOLDER = """
import fcntl, sys, struct, time
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_excludes_posix_locks_of_others_and_our_own_descriptors(tmp_path):
    path = str(tmp_path / "lock")
    with locks.FileLock(path), pytest.raises(errors.TimedOut), locks.FileLock(path, timeout=0.05):
        pass
    child = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(errors.TimedOut), locks.FileLock(path, timeout=0.05):
        pass
    child.communicate(b"")
    with locks.FileLock(path, timeout=30):
        open(path).close()  # closing another descriptor would drop a POSIX lock; ours must survive
        with pytest.raises(errors.TimedOut), locks.FileLock(path, timeout=0.05):
            pass


def test_shared_locks_share(tmp_path):
    path = str(tmp_path / "lock")
    with locks.FileLock(path, shared=True), locks.FileLock(path, shared=True, timeout=0.05):
        with pytest.raises(errors.TimedOut), locks.FileLock(path, timeout=0.05):
            pass


DATA = b"some bytes in motion" * 100


@pytest.mark.parametrize("step", [1, 7, 4096, -1])
def test_verified_reader_passes_the_right_bytes(step):
    reader = streams.VerifiedReader(io.BytesIO(DATA), digest.digest_of(DATA), len(DATA), "blob")
    parts = []
    while True:
        part = reader.read(step)
        if not part:
            break
        parts.append(part)
    assert b"".join(parts) == DATA


@pytest.mark.parametrize(
    ("data", "size", "cause"),
    [
        (DATA[:-1], len(DATA), "ended after"),
        (DATA + b"x", len(DATA), "longer than"),
        (DATA[:-1] + b"x", None, "has digest"),
    ],
)
def test_verified_reader_says_what_is_wrong(data, size, cause):
    reader = streams.VerifiedReader(io.BytesIO(data), digest.digest_of(DATA), size, "blob")
    with pytest.raises(errors.Corrupt, match=cause):
        reader.finish()


KILLED = """
import sys, types
sys.path.insert(0, sys.argv[1])
from engine.base.steps import reached
for turn in range(5):
    reached("here")
    print(turn, flush=True)
"""


def test_step_kills_at_its_count():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(units.__file__))))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, root],
        env={**os.environ, "DAEMONLESS_STOP_AT": "here:3"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-9, b"0\n1\n")
