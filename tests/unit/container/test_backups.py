"""Which backups are some, and which of them may go."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import backups
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.backups import Backup, Keeping

DAY = 86400
NOW = 100 * DAY
#: One a day, the newest an hour old.
SOME = [Backup(f"/b/{age}", NOW - age * DAY - 3600) for age in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("keeping", "good", "gone"),
    [
        (Keeping(), 4, ""),
        (Keeping(3), 4, "43"),
        (Keeping(1), 4, "4321"),
        (Keeping(0, 2 * DAY), 4, "432"),
        (Keeping(4, 2 * DAY), 4, "432"),
        (Keeping(2, 4 * DAY), 4, "432"),
        (Keeping(0, 60), 4, "4321"),  # all are too old: the newest stays
        (Keeping(2), 1, "42"),  # the newest three cannot be read: the one that can stays with them
        (Keeping(1, 60), 0, "3210"),
        (Keeping(1), None, ""),
    ],
)
def test_what_may_go(keeping: Keeping, good: int | None, gone: str) -> None:
    found = backups.doomed(SOME, keeping, NOW, None if good is None else SOME[good])
    assert "".join(one.path[3:] for one in found) == gone


@pytest.mark.parametrize(("text", "seconds"), [("30d", 30 * DAY), ("2w", 14 * DAY), ("36h", 36 * 3600), ("0", 0)])
def test_ages(text: str, seconds: int) -> None:
    assert backups.age(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5d", "3 d", "x"])
def test_no_ages(text: str) -> None:
    with pytest.raises(BadInput):
        backups.age(text)


def test_what_is_a_backup(tmp_path) -> None:
    for name in (
        "box.20260131T120000Z.tar.zst",
        "box.20260131T110000Z.tar",
        "box.20260131T130000Z.tar.gz",
        "box.2.20260131T120000Z.tar.zst",  # of the container box.2
        "box.20260131T120000Z.tar.xz",
        "box.20260131T120000Z.tar.zst.old",
        ".box.20260131T140000Z.tar.zst.daemonless-export",  # not finished
        "box.tar.zst",
    ):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "box.20260131T150000Z.tar").mkdir()
    (tmp_path / "box.20260131T160000Z.tar").symlink_to("box.tar.zst")
    found = backups.listed(str(tmp_path), "box")
    assert [one.path.rpartition("T")[2][:4] for one in found] == ["1100", "1200", "1300"]
    assert found[1].taken - found[0].taken == 3600
    assert len(backups.listed(str(tmp_path), "box.2")) == 1
    with pytest.raises(HostLacks):
        backups.listed(str(tmp_path / "none"), "box")
