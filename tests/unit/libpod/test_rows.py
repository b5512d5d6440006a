"""What a reboot makes of states."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import rows

RUNNING = {
    "state": rows.RUNNING,
    "pid": 10,
    "conmonPid": 11,
    "mounted": True,
    "mountPoint": "/m",
    "netns": "/run/netns/x",
    "networkStatus": {"podman": {}},
    "bindMounts": {"/etc/hosts": "/r"},
    "newExecSessions": {"s": {}},
    "restartCount": 4,
    "checkpointedTime": "2026-01-01T00:00:00Z",
    "startedTime": "2026-01-01T00:00:00Z",
    "exitCode": 0,
    "runDir": "/run/x",
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rows.UNKNOWN, rows.CONFIGURED),
        (rows.CONFIGURED, rows.CONFIGURED),
        (rows.CREATED, rows.CONFIGURED),
        (rows.RUNNING, rows.EXITED),
        (rows.STOPPED, rows.EXITED),
        (rows.PAUSED, rows.EXITED),
        (rows.EXITED, rows.EXITED),
        (rows.REMOVING, rows.REMOVING),
        (rows.STOPPING, rows.EXITED),
        (99, rows.CONFIGURED),
        ("x", rows.CONFIGURED),
    ],
)
def test_state_after_boot(before: object, after: int) -> None:
    assert rows.after_boot({"state": before})["state"] == after


def test_nothing_of_the_old_boot_stays() -> None:
    assert rows.after_boot(RUNNING) == {
        "state": rows.EXITED,
        "checkpointedTime": "0001-01-01T00:00:00Z",
        "startedTime": "2026-01-01T00:00:00Z",
        "exitCode": 0,
        "runDir": "/run/x",
    }
    assert RUNNING["pid"] == 10


def test_volume_keeps_its_first_use_marks() -> None:
    state = {"mountCount": 2, "notYetMounted": True, "mountPoint": "/p", "copiedUp": True, "uidChowned": 5}
    assert rows.volume_after_boot(state) == {"mountCount": 0, "notYetMounted": True, "uidChowned": 5}
