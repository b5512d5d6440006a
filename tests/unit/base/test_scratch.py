"""Directories for one deed: gone with it, and those of the killed gone with the next; nobody else's are touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import files, scratch
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.scratch import Scratch

OLD = 1_000_000_000
KILLED = """
import os, runpy, signal, sys
with runpy.run_path(sys.argv[2])["Scratch"]("gpg", sys.argv[1]) as path:
    open(os.path.join(path, "key"), "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def age(path: str) -> None:
    os.utime(path, (OLD, OLD))


def test_it_is_private_and_goes(tmp_path: Path) -> None:
    with Scratch("gpg", str(tmp_path)) as path:
        assert os.stat(path).st_mode & 0o777 == 0o700
        Path(path, "key").write_text("x")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_one_left_goes_with_the_next(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), scratch.__file__], check=False)
    assert killed.returncode == -9
    (left,) = os.listdir(tmp_path)
    with Scratch("gpg", str(tmp_path)):
        assert left in os.listdir(tmp_path), "young ones may be somebody's who has just begun"
    age(str(tmp_path / left))
    with Scratch("save", str(tmp_path)):
        assert left in os.listdir(tmp_path), "another kind"
    with Scratch("gpg", str(tmp_path)):
        assert left not in os.listdir(tmp_path)
    assert os.listdir(tmp_path) == []


def test_one_in_use_stays_and_so_does_what_is_not_ours(tmp_path: Path, monkeypatch: object) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "file").write_text("x")
    (tmp_path / "daemonless-gpg-link").symlink_to(target)
    os.utime(tmp_path / "daemonless-gpg-link", (OLD, OLD), follow_symlinks=False)
    with Scratch("gpg", str(tmp_path)) as first:
        age(first)
        with Scratch("gpg", str(tmp_path)):
            assert os.path.isdir(first)
    stranger = tmp_path / "daemonless-gpg-stranger"
    stranger.mkdir()
    age(str(stranger))
    monkeypatch.setattr(scratch.os, "geteuid", lambda: os.getuid() + 1)  # type: ignore[attr-defined]
    with Scratch("gpg", str(tmp_path)):
        pass
    assert sorted(os.listdir(tmp_path)) == ["daemonless-gpg-link", "daemonless-gpg-stranger", "elsewhere"]
    assert (target / "file").exists()


def test_where_large_files_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(files, "_chosen_scratch", files._chosen_scratch)
    assert files.scratch_directory() == "/var/tmp"
    files.choose_scratch(str(tmp_path / "own"), make=False)
    assert files.scratch_directory() == str(tmp_path / "own") and os.listdir(tmp_path) == []
    files.choose_scratch(str(tmp_path / "own"), make=True)
    assert os.stat(files.scratch_directory()).st_mode & 0o777 == 0o700
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    assert files.scratch_directory() == "/elsewhere"
