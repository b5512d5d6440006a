"""Who starts containers after a boot."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.boot import boot_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity

ROOT = Identity(0, 0, "root", "/root", "/run", False, False)
USER = Identity(1000, 1000, "app", "/home/app", "/run/user/1000", True, False)
SYSTEMD = "run/systemd/system/"
LINGER = "var/lib/systemd/linger/app"
OURS, PODMANS = "daemonless-boot.service", "podman-restart.service"


@pytest.mark.parametrize(
    ("identity", "paths", "unit", "reason"),
    [
        (ROOT, [], "", "no systemd"),
        (ROOT, [SYSTEMD], "", "is not enabled"),
        (ROOT, [SYSTEMD, f"etc/systemd/system/{OURS}"], "", "is not enabled"),
        (ROOT, [SYSTEMD, f"etc/systemd/system/multi-user.target.wants/{OURS}"], OURS, ""),
        (ROOT, [SYSTEMD, f"etc/systemd/system/default.target.wants/{PODMANS}"], PODMANS, ""),
        (ROOT, [SYSTEMD, f"etc/systemd/user/default.target.wants/{OURS}"], "", "is not enabled"),
        (USER, [f"etc/systemd/user/default.target.wants/{OURS}", LINGER], "", "no systemd"),
        (USER, [SYSTEMD, LINGER], "", "not enabled for users"),
        (USER, [SYSTEMD, f"etc/systemd/user/default.target.wants/{OURS}"], OURS, "enable-linger app"),
        (USER, [SYSTEMD, LINGER, f"etc/systemd/user/default.target.wants/{OURS}"], OURS, ""),
        (USER, [SYSTEMD, LINGER, f"home/app/.config/systemd/user/default.target.wants/{OURS}"], OURS, ""),
        (USER, [SYSTEMD, LINGER, f"etc/systemd/system/multi-user.target.wants/{OURS}"], "", "not enabled for users"),
    ],
)
def test_boot(tmp_path: Path, identity: Identity, paths: list[str], unit: str, reason: str) -> None:
    for path in paths:
        made = tmp_path / path
        made.parent.mkdir(parents=True, exist_ok=True)
        made.mkdir() if path.endswith("/") else made.touch()
    found = boot_of(identity, str(tmp_path))
    assert found.unit.rpartition("/")[2] == unit
    assert reason in found.reason
    assert found.starts == (not reason)
    assert bool(found.reason) == bool(reason)
