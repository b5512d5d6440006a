"""What CRIU says, what it leaves, and where the members of an archive may go."""

from __future__ import annotations

import os
import struct

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.criu import archive, logs, probe
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner


def program(folder, version="Version: 4.1.1", check="echo 'Looks good.'"):
    """A CRIU that says what real ones were seen to say."""
    path = folder / "criu"
    path.write_text(
        f'#!/bin/sh\ncase "$1 $2" in\n--version*) echo "{version}";;\n"check --feature") exit 1;;\n*) {check};;\nesac\n'
    )
    path.chmod(0o755)
    return str(path)


OLD_KERNEL = (
    "echo 'Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds' >&2;"
    "echo 'Warn  (criu/cr-check.c:824): Dirty tracking is OFF.' >&2; exit 1"
)


@pytest.mark.parametrize(
    ("version", "check", "words"),
    [
        ("Version: 4.1.1", "exit 0", ""),
        ("Version: 3.11", "exit 0", ""),
        ("Version: 3.10", "exit 0", "CRIU 3.10 is too old, 3.11 is the first that works"),
        ("Version: 3.17.1", OLD_KERNEL, "does not work with this kernel: vdso: Unexpected rt vDSO area bounds"),
        ("Version: 4.2", "exit 3", "criu check ended with exit code 3"),
    ],
)
def test_what_stands_in_the_way(tmp_path, version, check, words):
    found, reason = probe.seen(LinuxRunner(), program(tmp_path, version, check))
    assert found is not None
    assert words in reason
    assert bool(words) is bool(reason)
    assert found.works is not bool(words)
    assert not found.tracks_memory


def test_no_criu_is_told_with_what_to_do(tmp_path):
    with pytest.raises(HostLacks, match="criu_path takes the absolute path"):
        probe.find(str(tmp_path / "criu"))
    with pytest.raises(HostLacks, match="does not tell its version"):
        probe.probe(LinuxRunner(), program(tmp_path, "what?"))
    assert probe.seen(LinuxRunner(), "criu")[1]


def test_the_runtimes_find_it_by_path(tmp_path):
    folder = str(tmp_path / "link")
    for path in ("/opt/first/sbin/criu", "/opt/second/criu-4", "/opt/second/criu-4"):
        search = probe.path_for(folder, path)
        assert search.split(":")[0] == folder
        assert os.readlink(f"{folder}/criu") == path


def test_causes_out_of_a_log(tmp_path):
    log = tmp_path / logs.DUMP_LOG
    log.write_text(
        "(00.010) Dumping path for 0 fd\n"
        "(00.011) Error (criu/sk-inet.c:194): inet: Connected TCP socket, consider using --tcp-established option.\n"
        "(00.012)     12: Error (criu/files.c:1): second\n"
        "(00.013) Error (criu/cr-dump.c:1): Dumping FAILED.\n"
    )
    text, hint = logs.cause(str(log))
    assert text.startswith("inet: Connected TCP socket")
    assert text.endswith("; second")
    assert hint == "Say tcp_established: true to keep connections"
    assert logs.cause(str(tmp_path / "none")) == ("", "")
    assert not logs.finished(str(tmp_path))
    log.write_text("(00.2) Dumping finished successfully\n")
    assert logs.finished(str(tmp_path))


# stats-dump of CRIU 4.1.1
STATS = bytes.fromhex("4059105506330957220000000a200890031084a205188c0420682831300038224000480050085808600068007000")


def test_statistics(tmp_path):
    path = tmp_path / "stats-dump"
    path.write_bytes(STATS)
    assert logs.statistics(str(path)) == {
        "freezing_time": 400,
        "frozen_time": 86276,
        "memdump_time": 524,
        "memwrite_time": 104,
        "pages_scanned": 49,
        "pages_skipped_parent": 0,
        "pages_written": 34,
    }
    head = struct.pack("<II", 0x55105940, 0x57093306)
    for damaged in (b"", STATS[:20], STATS[:-3], b"x" * 60, head + struct.pack("<I", 3) + b"\xff\xff\xff"):
        path.write_bytes(damaged)
        assert logs.statistics(str(path)) == {}
    assert logs.statistics(str(tmp_path / "none")) == {}


FILE, FOLDER, LINK = b"0", b"5", b"2"


@pytest.mark.parametrize(
    ("name", "kind", "link", "place"),
    [
        ("config.dump", FILE, "", archive.Place(archive.FILE, "config.dump")),
        ("./config.dump", FILE, "", archive.Place(archive.FILE, "config.dump")),
        ("checkpoint/", FOLDER, "", archive.Place(archive.FOLDER, "checkpoint")),
        ("checkpoint/pages-1.img", FILE, "", archive.Place(archive.FILE, "checkpoint/pages-1.img")),
        ("pre-checkpoint/pages-1.img", FILE, "", archive.Place(archive.FILE, "pre-checkpoint/pages-1.img")),
        ("checkpoint/parent", LINK, "../pre-checkpoint", archive.Place(archive.LINK, "checkpoint/parent")),
        ("rootfs-diff.tar", FILE, "", archive.Place(archive.TREE)),
        ("devshm-checkpoint.tar", FILE, "", archive.Place(archive.SHM_TREE, "devshm-checkpoint.tar")),
        ("volumes/data.tar", FILE, "", archive.Place(archive.VOLUME_TREE, "data")),
        ("artifacts/", FOLDER, "", archive.Place(archive.IGNORED)),
        ("artifacts/create-config", FILE, "", archive.Place(archive.IGNORED)),
        ("something.new", FILE, "", archive.Place(archive.IGNORED)),
        (".", FOLDER, "", archive.Place(archive.IGNORED)),
        # what no checkpoint has
        ("spec.dump", LINK, "/etc/shadow", archive.Place(archive.BAD)),
        ("config.dump", b"1", "spec.dump", archive.Place(archive.BAD)),
        ("config.dump", b"3", "", archive.Place(archive.BAD)),
        ("checkpoint", LINK, "/etc", archive.Place(archive.BAD)),
        ("checkpoint/parent", LINK, "../../../../etc", archive.Place(archive.BAD)),
        ("checkpoint/other", LINK, "../pre-checkpoint", archive.Place(archive.BAD)),
        ("checkpoint/../x", FILE, "", archive.Place(archive.BAD)),
        ("../config.dump", FILE, "", archive.Place(archive.BAD)),
        ("/etc/passwd", FILE, "", archive.Place(archive.BAD)),
        ("checkpoint/.hidden", FILE, "", archive.Place(archive.BAD)),
        ("volumes/../../x.tar", FILE, "", archive.Place(archive.BAD)),
        ("volumes/.tar", FILE, "", archive.Place(archive.BAD)),
        ("volumes/a\nb.tar", FILE, "", archive.Place(archive.BAD)),
    ],
)
def test_where_a_member_goes(name, kind, link, place):
    assert archive.place(name, kind, link) == place
