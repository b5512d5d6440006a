"""The choice of a runtime is made by trying, and remembered."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroups
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import Completed, LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.probe import Candidate, Prober, candidates

from .conftest import Box

pytestmark = pytest.mark.integration


class CountingRunner(LinuxRunner):
    """The real runner, which remembers what it ran."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | None = None,
        pass_fds: Sequence[int] = (),
        check: str | None = None,
    ) -> Completed:
        self.ran.append(tuple(argv))
        return super().run(argv, input=input, env=env, cwd=cwd, timeout=timeout, pass_fds=pass_fds, check=check)


def _facts() -> cgroups.CgroupFacts:
    return cgroups.observe(os.geteuid() != 0, os.geteuid())


def test_a_working_runtime_is_found_and_remembered(box: Box, tmp_path: Path) -> None:
    order = (Candidate(box.runtime.name, (box.runtime.path,)),)
    runner = CountingRunner()
    choice = Prober(runner, str(tmp_path / "cache"), _facts()).choose(order)
    assert (choice.name, choice.path, choice.refused) == (box.runtime.name, box.runtime.path, ())
    assert choice.version[0].isdigit()
    assert runner.ran
    again = CountingRunner()
    assert Prober(again, str(tmp_path / "cache"), _facts()).choose(order) == choice
    assert again.ran == []
    assert os.listdir(tmp_path / "cache") == ["programs.json"], "a trial bundle was left"
    assert not [name for name in os.listdir(tmp_path) if name.startswith("probe-")]


@pytest.mark.skipif(not os.path.ismount("/sys/fs/cgroup/unified"), reason="no hybrid cgroups here")
def test_hybrid_cgroups_make_crun_refuse_and_runc_serve(tmp_path: Path) -> None:
    if not (shutil.which("crun") and shutil.which("runc")):
        pytest.skip("needs both runtimes")
    runner = CountingRunner()
    choice = Prober(runner, str(tmp_path), _facts()).choose()
    assert choice.name == "runc"
    (refusal,) = choice.refused
    assert refusal.name == "crun" and "hybrid cgroups" in refusal.reason
    again = CountingRunner()
    assert Prober(again, str(tmp_path), _facts()).choose() == choice
    assert again.ran == []


def test_a_changed_binary_is_tried_again(box: Box, tmp_path: Path) -> None:
    program = tmp_path / "runtime"
    program.write_text(f'#!/bin/sh\nexec {box.runtime.path} "$@"\n')
    program.chmod(0o755)
    order = (Candidate("runtime", (str(program),)),)
    Prober(CountingRunner(), str(tmp_path / "cache"), _facts()).choose(order)
    program.write_text("#!/bin/sh\necho 'no seccomp on this kernel' >&2; exit 1\n")
    runner = CountingRunner()
    with pytest.raises(HostLacks, match="runtime: .*no seccomp on this kernel"):
        Prober(runner, str(tmp_path / "cache"), _facts()).choose(order)
    assert runner.ran


@pytest.mark.parametrize("damage", ["", "[]", '{"boot": "another", "entries": {}}', '{"boot": 1, "entries": 7}'])
def test_a_spoilt_cache_is_only_a_cache(box: Box, tmp_path: Path, damage: str) -> None:
    (tmp_path / "programs.json").write_text(damage)
    order = (Candidate(box.runtime.name, (box.runtime.path,)),)
    assert Prober(LinuxRunner(), str(tmp_path), _facts()).choose(order).name == box.runtime.name


def test_a_refusal_is_not_believed_for_ever(tmp_path: Path) -> None:
    program = tmp_path / "runtime"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    order = (Candidate("runtime", (str(program),)),)
    cache = tmp_path / "cache"
    for expected in (True, False):
        runner = CountingRunner()
        with pytest.raises(HostLacks):
            Prober(runner, str(cache), _facts()).choose(order)
        assert bool(runner.ran) is expected
    record = json.loads((cache / "programs.json").read_text())
    for entry in record["entries"].values():
        entry["at"] -= 7200
    (cache / "programs.json").write_text(json.dumps(record))
    runner = CountingRunner()
    with pytest.raises(HostLacks):
        Prober(runner, str(cache), _facts()).choose(order)
    assert runner.ran


def test_every_reason_is_named(tmp_path: Path) -> None:
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    failing.chmod(0o755)
    order = (Candidate("absent", ("/no/such",)), Candidate("failing", (str(failing),)))
    with pytest.raises(HostLacks) as caught:
        Prober(LinuxRunner(), str(tmp_path / "cache"), _facts()).choose(order)
    assert "absent: not installed" in str(caught.value) and "failing: failing: broken" in str(caught.value)


@pytest.mark.parametrize("answers", ["", 'case "$*" in *version*) echo runtime version 1.0; exit;; esac\n'])
def test_a_runtime_that_hangs_is_passed_over(box: Box, tmp_path: Path, answers: str) -> None:
    hanging = tmp_path / "hanging"
    hanging.write_text(f"#!/bin/sh\n{answers}exec sleep 1000\n")
    hanging.chmod(0o755)
    order = (Candidate("hanging", (str(hanging),)), Candidate(box.runtime.name, (box.runtime.path,)))
    choice = Prober(LinuxRunner(), str(tmp_path / "cache"), _facts(), 3).choose(order)
    assert choice.name == box.runtime.name
    assert "within 3 s" in choice.refused[0].reason


def test_a_runtime_that_looks_for_the_program_only_at_start(box: Box, tmp_path: Path) -> None:
    late = tmp_path / "late"
    late.write_text(f'#!/bin/sh\ncase "$*" in *create*) sleep 1000 & exit 0;; *) exec {box.runtime.path} "$@";; esac\n')
    late.chmod(0o755)
    began = time.monotonic()
    choice = Prober(LinuxRunner(), str(tmp_path / "cache"), _facts()).choose((Candidate("late", (str(late),)),))
    assert choice.name == "late" and time.monotonic() - began < 300


def test_conmon(tmp_path: Path) -> None:
    path = shutil.which("conmon")
    assert path
    found = Prober(LinuxRunner(), str(tmp_path), _facts()).conmon(path)
    assert found.version[0].isdigit()
    assert {"full-attach", "log-size-max", "exec-process-spec", "sdnotify-socket"} <= found.options
    again = CountingRunner()
    assert Prober(again, str(tmp_path), _facts()).conmon(path) == found
    assert again.ran == []


def test_what_is_no_conmon(tmp_path: Path) -> None:
    with pytest.raises(HostLacks, match="conmon"):
        Prober(LinuxRunner(), str(tmp_path), _facts()).conmon("/bin/true")


def test_the_order_of_candidates() -> None:
    assert [one.name for one in candidates({})] == ["crun", "runc"]
    assert [one.name for one in candidates({}, "runc")] == ["runc", "crun"]
    assert [one.name for one in candidates({}, "youki")] == ["youki", "crun", "runc"]
    first, *_rest = candidates({"kata": ("/opt/kata",)}, "kata")
    assert first == Candidate("kata", ("/opt/kata",))
    assert candidates({}, "/opt/bin/crun")[0] == Candidate("crun", ("/opt/bin/crun",))
