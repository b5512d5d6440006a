"""The way of every task: one AnsibleModule, one result or one error, nothing installed where nothing may change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.daemonless.oci.plugins.module_utils import installed
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Conflict, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.plan.change import Change, Plan, Step
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import frame, install

Reconcile = Callable[[frame.Request], frame.Result]
OPTIONS = {"name": {"type": "str"}, "token": {"type": "str", "no_log": True}, "executable": frame.EXECUTABLE}


@pytest.fixture
def delivery(tmp_path: Path) -> installed.Delivery:
    engine = tmp_path / "source" / "engine"
    (engine / "cli").mkdir(parents=True)
    (engine / "cli" / "main.py").write_text("def main(argv):\n    return 0\n")
    listing = installed.listing_of_directory(str(engine))
    base = str(tmp_path / "usr" / "lib" / "daemonless")
    return installed.Delivery(installed.digest_of(listing), listing, str(engine.parent), "engine/", base)


class Play:
    """Runs a noun as a module would be run, and returns what it printed."""

    def __init__(self, delivery: installed.Delivery, capsys: pytest.CaptureFixture[str]) -> None:
        self.delivery = delivery
        self.capsys = capsys
        self.code = 0

    def __call__(self, reconcile: Reconcile, reads: bool = False, **params: object) -> dict[str, object]:
        noun = frame.Noun("thing", OPTIONS, reconcile, reads=reads)
        with patch_module_args(params), pytest.raises(SystemExit) as ended:
            frame.run(self.delivery, noun)
        self.code = int(ended.value.code or 0)
        printed = json.loads(self.capsys.readouterr().out)
        assert isinstance(printed, dict)
        return printed

    def installed(self) -> list[str]:
        return install.versions(self.delivery.base)


@pytest.fixture
def play(delivery: installed.Delivery, capsys: pytest.CaptureFixture[str]) -> Play:
    return Play(delivery, capsys)


def nothing(request: frame.Request) -> frame.Result:
    return frame.Result({"Name": request.text("name")})


def test_a_result_has_the_noun_and_what_was_done(play: Play) -> None:
    found = play(lambda request: frame.Result({"a": 1}, changed=True, actions=["made a"], extra={"rc": 0}), name="x")
    assert found["thing"] == {"a": 1}
    assert found["changed"] is True
    assert found["actions"] == found["podman_actions"] == ["made a"]
    assert found["rc"] == 0
    assert play.code == 0


def test_a_plan_gives_changed_actions_and_diff(play: Play) -> None:
    plan = Plan("make a", (Step("create thing", "a"),), (Change("size", 1, 2),), {}, {})
    found = play(lambda request: frame.Result({}, plan=plan))
    assert found["changed"] is True
    assert found["actions"] == ["create thing a"]
    assert found["diff"] == plan.render()


def test_a_plan_without_steps_changes_nothing(play: Play) -> None:
    found = play(lambda request: frame.Result({}, plan=Plan("make a", (), (), {}, {})))
    assert (found["changed"], found["actions"]) == (False, [])


def test_a_text_in_the_diff_ends_with_a_newline(play: Play) -> None:
    found = play(lambda request: frame.Result({}, changed=True, before="", after="one"))
    assert found["diff"] == {"before": "", "after": "one\n"}


def test_readers_report_no_actions_and_install_nothing(play: Play) -> None:
    found = play(nothing, reads=True)
    assert "actions" not in found
    assert play.installed() == []


def test_writers_leave_the_runtime_and_know_its_command(play: Play) -> None:
    found = play(lambda request: frame.Result(request.command))
    assert play.installed() == [play.delivery.digest]
    assert found["thing"] == os.path.join(play.delivery.base, play.delivery.digest, "daemonless")
    assert found["changed"] is False


def test_check_mode_installs_nothing(play: Play) -> None:
    found = play(lambda request: frame.Result([request.check, request.command]), _ansible_check_mode=True)
    assert found["thing"] == [True, None]
    assert not os.path.exists(play.delivery.base)


def test_where_nothing_can_be_installed_the_task_goes_on_with_a_warning(play: Play, tmp_path: Path) -> None:
    (tmp_path / "usr").write_text("no directory")
    found = play(nothing, name="x")
    assert found["thing"] == {"Name": "x"}
    assert "install the runtime" in str(found["warnings"])


def test_a_place_that_others_can_write_is_an_error(play: Play) -> None:
    os.makedirs(play.delivery.base)
    os.chmod(play.delivery.base, 0o777)
    found = play(nothing)
    assert found["failed"] is True
    assert found["error"] == "Refused"


def _raise(error: Exception) -> Reconcile:
    def reconcile(request: frame.Request) -> frame.Result:
        request.warnings.append("said before it failed")
        raise error

    return reconcile


@pytest.mark.parametrize(
    ("error", "message", "kind"),
    [
        (NotFound("find thing a", "there is none"), "find thing a: there is none", "NotFound"),
        (Conflict("make a", "taken", "Choose another"), "make a: taken. Choose another", "Conflict"),
        (PermissionError(13, "Permission denied", "/x"), "thing: [Errno 13] Permission denied: '/x'", None),
        (KeyError("x"), "thing: KeyError: 'x'. This is a bug in daemonless.oci, please report it", None),
    ],
)
def test_an_error_is_one_clear_message(play: Play, error: Exception, message: str, kind: str | None) -> None:
    found = play(_raise(error))
    assert found["failed"] is True
    assert found["msg"] == message
    assert found.get("error") == kind
    assert "said before it failed" in str(found["warnings"])
    assert play.code == 1


def test_a_failure_with_a_result_keeps_the_result(play: Play) -> None:
    found = play(lambda request: frame.Result({"a": 1}, changed=True, extra={"rc": 3}, failure="ended with 3"))
    assert (found["failed"], found["msg"], found["rc"], found["thing"]) == (True, "ended with 3", 3, {"a": 1})


@pytest.mark.parametrize("program", ["sh", "/bin/sh"])
def test_executable_that_exists_is_accepted(play: Play, program: str) -> None:
    assert play(nothing, executable=program)["changed"] is False


@pytest.mark.parametrize("program", ["no-such-podman", "/bin/no-such-podman", "/etc/passwd", "/etc"])
def test_executable_that_does_not_exist_is_refused(play: Play, program: str) -> None:
    found = play(nothing, executable=program)
    assert found["failed"] is True
    assert program in str(found["msg"])


def test_secrets_are_not_in_the_invocation(play: Play) -> None:
    found = play(lambda request: frame.Result(f"the token is {request.text('token')}"), token="hunter2")
    assert "hunter2" not in json.dumps(found)


def test_an_unknown_option_is_an_error(play: Play) -> None:
    assert "frob" in str(play(nothing, frob=1)["msg"])


def test_the_session_is_closed_and_its_warnings_told_once(play: Play) -> None:
    closed = []

    def reconcile(request: frame.Request) -> frame.Result:
        request._session = SimpleNamespace(warnings=["w", "w2"], close=lambda: closed.append(1))  # type: ignore[assignment]
        request.warnings.append("w")
        return frame.Result({})

    found = play(reconcile)
    assert closed == [1]
    told = json.dumps(found["warnings"])
    assert (told.count('"w"'), told.count('"w2"')) == (1, 1)


def test_readers_of_parameters() -> None:
    made = SimpleNamespace(home=None)
    request = frame.Request({"a": "x", "b": None, "c": [1, "2"], "d": True}, check=False, diff=False, delivery=made)  # type: ignore[arg-type]
    assert (request.text("a"), request.text("b"), request.text("none")) == ("x", "", "")
    assert (request.texts("c"), request.texts("b")) == (("1", "2"), ())
    assert (request.flag("d"), request.flag("b")) == (True, False)
