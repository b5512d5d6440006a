"""Who cleans up after a container that is stopped on purpose."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import handover


def _argv(run_dir: Path) -> list[str]:
    return ["daemonless", "container", "cleanup", handover.FLAG, handover.file_of(str(run_dir)), "c0ffee"]


def test_while_somebody_cleans_up_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert not handover.nothing_to_do(_argv(tmp_path))
    with handover.taken_over(str(tmp_path)):
        assert handover.nothing_to_do(_argv(tmp_path))
    assert not handover.nothing_to_do(_argv(tmp_path))
    assert os.listdir(tmp_path) == []


def test_one_who_died_does_not_clean_up(tmp_path: Path) -> None:
    died = subprocess.Popen(["true"])
    died.wait()
    for text in (f"{died.pid} 12345", f"{os.getpid()} 1", f"{os.getpid()} 0", "0 0", "", "rubbish", "1 2 3", "-1 -1"):
        Path(handover.file_of(str(tmp_path))).write_text(text)
        assert not handover.nothing_to_do(_argv(tmp_path)), text


def test_where_the_container_is_gone_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert handover.nothing_to_do(_argv(tmp_path / "gone"))


@pytest.mark.parametrize("argv", ([], ["daemonless", "ps"], ["daemonless", "container", "cleanup", handover.FLAG]))
def test_other_command_lines_are_no_matter(argv: list[str]) -> None:
    assert not handover.nothing_to_do(argv)


def _calls(run_dir: Path) -> bool:
    """Whether the guarded command comes to be called, with its words as they are."""
    done = subprocess.run(
        handover.guarded(("/bin/echo", "clean up", "$HOME"), str(run_dir)), check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout in ("", "clean up $HOME\n")
    return bool(done.stdout)


def test_the_exit_command_is_called_unless_somebody_cleans_up(tmp_path: Path) -> None:
    run_dir = tmp_path / "run dir; $x"
    run_dir.mkdir()
    assert _calls(run_dir)
    with handover.taken_over(str(run_dir)):
        assert not _calls(run_dir)
    assert _calls(run_dir)


def test_the_exit_command_is_not_called_for_one_that_is_gone(tmp_path: Path) -> None:
    assert not _calls(tmp_path / "gone")


def test_the_exit_command_is_called_when_who_wanted_to_clean_up_has_died(tmp_path: Path) -> None:
    died = subprocess.Popen(["true"])
    died.wait()
    for text in (f"{died.pid} 12345", f"{os.getpid()} 1", f"{os.getpid()} 0", "0 0", "", "rubbish", "1 2 3", "-1 -1"):
        Path(handover.file_of(str(tmp_path))).write_text(text)
        assert _calls(tmp_path), text


def test_who_cleans_up_may_have_any_name(tmp_path: Path) -> None:
    script = "import sys, time; sys.stdin.read()"
    odd = tmp_path / "a) Z 1 ("
    odd.symlink_to(os.path.realpath("/usr/bin/python3"))
    with subprocess.Popen([str(odd), "-c", script], stdin=subprocess.PIPE) as child:
        since = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
        Path(handover.file_of(str(tmp_path))).write_text(f"{child.pid} {since}\n")
        assert not _calls(tmp_path)


def test_a_directory_that_is_gone_is_no_error(tmp_path: Path) -> None:
    with handover.taken_over(str(tmp_path / "gone")):
        pass


def test_a_removal_takes_the_file_along(tmp_path: Path) -> None:
    with handover.taken_over(str(tmp_path)):
        os.unlink(handover.file_of(str(tmp_path)))
