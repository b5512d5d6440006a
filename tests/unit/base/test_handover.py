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


def test_a_directory_that_is_gone_is_no_error(tmp_path: Path) -> None:
    with handover.taken_over(str(tmp_path / "gone")):
        pass


def test_a_removal_takes_the_file_along(tmp_path: Path) -> None:
    with handover.taken_over(str(tmp_path)):
        os.unlink(handover.file_of(str(tmp_path)))
