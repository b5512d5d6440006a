"""What one host is told of a pod of another: nothing of it is believed that could not be."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.model import Container
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.rows import (
    CONFIGURED,
    EXITED,
    PAUSED,
    ContainerRow,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.pod import portrait
from ansible_collections.daemonless.oci.plugins.module_utils.engine.pod.model import Pod

ID = "ab" * 32


def told(**pod: object) -> dict[str, object]:
    member = {"config": {"id": "cd" * 32, "name": "one", "runtime": "/usr/bin/crun"}, "notes": {}, "ended": None}
    ended = {**member, "config": {"name": "two", "runtime": "runc"}, "ended": {"exitCode": 3}}
    infra = {"config": {"name": "x-infra", "rootfs": "/var/lib/there/rootfs"}}
    return {"pod": {"id": ID, "name": "web", **pod}, "infra": infra, "members": [member, ended]}


def test_a_portrait_is_read() -> None:
    said = portrait.said(told())
    assert (said.id, said.name) == (ID, "web")
    assert [(one.name, one.ended) for one in said.members] == [("one", None), ("two", {"exitCode": 3})]
    assert [one.config["name"] for one in said.all] == ["x-infra", "one", "two"]
    assert said.infra is not None and "rootfs" not in said.infra.config, "no directory of this host"
    assert portrait.runtimes(said) == ["crun"], "only of what is restored"
    assert portrait.said({**told(), "infra": None}).infra is None


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"id": "../x"}, Corrupt), ({"id": ID + "\n"}, Corrupt), ({"id": 1}, Corrupt), ({"name": "a/../b"}, BadInput)],
)
def test_what_is_no_portrait(wrong: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        portrait.said(told(**wrong))


@pytest.mark.parametrize(
    ("ended", "row"),
    [
        ({}, {}),
        ({"exitCode": 3}, {"state": EXITED, "exited": True, "exitCode": 3}),
        ({"exitCode": "3", "startedTime": "now", "pid": 1}, {"state": EXITED, "exited": True, "exitCode": 0}),
        (
            {"exitCode": 0, "finishedTime": "2026-11-29T09:10:00Z"},
            {"state": EXITED, "exited": True, "exitCode": 0, "finishedTime": "2026-11-29T09:10:00Z"},
        ),
    ],
)
def test_how_it_ended_becomes_a_state(ended: dict[str, object], row: dict[str, object]) -> None:
    assert portrait.past(ended) == row


def container(state: int, **more: object) -> Container:
    row = {"state": state, "exitCode": 2, "startedTime": "2026-11-29T09:10:00Z", **more}
    return Container(ContainerRow(("1", "one", ID), b'{"staticDir": "/nowhere"}', json.dumps(row)))


def test_how_one_that_does_not_run_has_ended() -> None:
    assert portrait.ended(container(CONFIGURED)) == {}
    assert portrait.ended(container(EXITED)) == {
        "exitCode": 2,
        "startedTime": "2026-11-29T09:10:00Z",
        "finishedTime": "",
    }
    assert portrait.ended(container(PAUSED, pid=2**30)) is not None, "its process is gone"


def test_nothing_of_a_pod_at_rest_moves() -> None:
    pod = Pod(ID, "web", {}, {}, (container(EXITED),))
    assert portrait.moving(pod) == []
