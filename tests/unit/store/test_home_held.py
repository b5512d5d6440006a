"""ROOT/overlay stays mounted onto itself while a layer is being mounted: whoever would take that away is kept out."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import TimedOut
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.locks import FileLock
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store import mounting
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.mounting import Mounter
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.overlay import Home


@pytest.mark.parametrize("there", [True, False])
def test_nobody_takes_it_away_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    made: list[str] = []
    monkeypatch.setattr(mounting.mounts, "is_mountpoint", lambda path: there or path in made)
    monkeypatch.setattr(mounting.mounts, "bind", lambda source, target, private: made.append(target))
    home = Home(str(tmp_path))
    lock = str(tmp_path / "storage.lock")
    others = FileLock(lock, timeout=0)  # podman's, as it ends
    with Mounter(home, (), str(tmp_path)).home_held(lock):
        assert made == ([] if there else [home.path])
        with pytest.raises(TimedOut):
            others.acquire()
    with others:
        pass
