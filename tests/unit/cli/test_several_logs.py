"""Following several logs: each line is shown once and whole, however much of a log has been written at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.log_follow import follow
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.logs import (
    LogLine,
    LogQuery,
    LogSource,
    read,
)

More = Callable[[], bool]


class Logs:
    """Files that grow a step further whenever what was in them has been shown."""

    def __init__(self, folder: Path, *steps: dict[str, str]) -> None:
        self.folder, self.steps = folder, list(steps)
        self.said: list[str] = []
        self.wanted = 0
        self.step()

    def step(self) -> None:
        """`1a 2b.`: line a of time 1, the beginning of a line of time 2; capitals are of standard error."""
        for name, text in self.steps.pop(0).items():
            with (self.folder / name).open("a") as file:
                for moment, word in ((piece[0], piece[1:]) for piece in text.split()):
                    stream = "stderr" if word[0].isupper() else "stdout"
                    full = "P" if word.endswith(".") else "F"
                    file.write(f"2026-01-01T00:00:0{moment}.000000000+00:00 {stream} {full} {word.rstrip('.')}\n")
                    self.wanted += full == "F"

    def read(self, name: str, query: LogQuery) -> Callable[[More], Iterator[LogLine]]:
        return lambda more: read(LinuxRunner(), LogSource("k8s-file", name, "", str(self.folder / name)), query, more)

    def followed(self, *names: str, tail: int = -1, hidden: int = 0) -> list[str]:
        end = time.monotonic() + 60

        asked: list[bool] = []

        def more() -> bool:
            assert time.monotonic() < end, self.said
            asked.append(True)
            if len(asked) > 1 and self.steps and len(self.said) >= self.wanted - hidden:
                self.step()
            return bool(self.steps) or len(self.said) < self.wanted - hidden

        def show(line: LogLine, number: int) -> None:
            self.said.append(f"{names[number]}:{line.data.decode()}{'' if line.complete else '.'}")

        follow([self.read(name, LogQuery(tail=tail, follow=True)) for name in names], more, show, look=0.01)
        return self.said


def test_by_time_and_then_as_they_come(tmp_path: Path) -> None:
    logs = Logs(tmp_path, {"x": "1a 4b", "y": "2c 3d"}, {"y": "5e"}, {"x": "6f"})
    assert logs.followed("x", "y") == ["x:a", "y:c", "y:d", "x:b", "y:e", "x:f"]


def test_lines_of_one_time_in_several_steps(tmp_path: Path) -> None:
    """A monitor gives all that it reads at once one time, and may not have written all of it down yet."""
    logs = Logs(tmp_path, {"x": "1a 1b", "y": ""}, {"x": "1c"}, {"x": "1d 2e"})
    assert logs.followed("x", "y") == ["x:a", "x:b", "x:c", "x:d", "x:e"]


def test_a_line_that_ends_after_others_have_been_shown(tmp_path: Path) -> None:
    logs = Logs(tmp_path, {"x": "1a 2begin. 3Error", "y": "3y"}, {"x": "4Worse"}, {"x": "5end"}, {"x": "6open."})
    assert logs.followed("x", "y") == ["x:a", "x:Error", "y:y", "x:Worse", "x:beginend", "x:open."]


def test_what_has_ended_is_shown_by_time(tmp_path: Path) -> None:
    logs = Logs(tmp_path, {"x": "1a 2open.", "y": "3b"})
    logs.wanted = 0
    assert logs.followed("x", "y") == ["x:a", "x:open.", "y:b"]


def test_one_that_has_no_log_yet(tmp_path: Path) -> None:
    logs = Logs(tmp_path, {"x": "1a"}, {"y": "2b 3c"}, {"y": "4d"})
    assert logs.followed("x", "y") == ["x:a", "y:b", "y:c", "y:d"]


@pytest.mark.parametrize(("tail", "first"), [(0, []), (1, ["x:b", "y:d"]), (2, ["x:a", "x:b", "y:c", "y:d"])])
def test_the_last_ones_of_each_first(tmp_path: Path, tail: int, first: list[str]) -> None:
    logs = Logs(tmp_path, {"x": "1a 2b", "y": "3c 4d"}, {"x": "5e 6f"}, {"y": "7g 7h 7i"})
    shown = logs.followed("x", "y", tail=tail, hidden=4 - len(first))
    assert shown == [*first, "x:e", "x:f", "y:g", "y:h", "y:i"]


def test_what_goes_wrong_with_one_ends_all(tmp_path: Path) -> None:
    logs = Logs(tmp_path, {"x": "1a"})

    def broken(more: More) -> Iterator[LogLine]:
        raise BadInput("read the logs of container y", "its log driver none keeps none")

    with pytest.raises(BadInput, match="keeps none"):
        follow([logs.read("x", LogQuery(follow=True)), broken], lambda: True, lambda line, number: None, look=0.01)
