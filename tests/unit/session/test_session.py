"""Opening costs nothing that is not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import rows
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.events import Event
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session

A = "a" * 64
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """One whose every place is below tmp_path."""
    storage = tmp_path / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    containers = tmp_path / "containers.conf"
    containers.write_text(f'[engine]\ntmp_dir = "{tmp_path}/tmp"\nlock_type = "file"\nevents_logger = "file"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    monkeypatch.setenv("CONTAINERS_CONF", str(containers))
    return Session(Identity(0, 0, "root", str(tmp_path), str(tmp_path / "xdg"), False, False), LinuxRunner())


def test_looking_makes_no_file(session: Session, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    assert session.database.containers() == []
    assert session.paths.graph_root == f"{tmp_path}/graph"
    assert session.warnings == []
    session.close()
    assert sorted(tmp_path.iterdir()) == before


def test_the_first_write_records_the_boot(session: Session, tmp_path: Path) -> None:
    session.database.add_container({"id": A, "name": "web"}, {"state": rows.RUNNING})
    assert (tmp_path / "tmp/alive").read_bytes() == Path("/proc/sys/kernel/random/boot_id").read_bytes()
    assert session.after_boot is not None
    assert '"Status":"refresh"' in (tmp_path / "tmp/events/events.log").read_text()
    stored = session.database.stored_settings()
    assert stored is not None and stored.graph_driver == "overlay"  # named in storage.conf, so podman would write it


def test_locks_wait_for_the_boot_check(session: Session, tmp_path: Path) -> None:
    number = session.locks.allocate()
    assert (tmp_path / "tmp/alive").exists()
    session.database.add_container({"id": A, "name": "web", "lockID": number}, {"state": rows.CONFIGURED})
    assert session.locks.allocated() == {number}
    row = session.database.container("web")
    assert row is not None
    with session.hold(row, timeout=30):
        pass


def test_after_an_unrecorded_reboot_states_read_reset_and_stay_unwritten(session: Session, tmp_path: Path) -> None:
    session.database.add_container({"id": A, "name": "web"}, {"state": rows.RUNNING, "pid": 5})
    session.close()
    (tmp_path / "tmp/alive").unlink()
    again = Session(session.identity, session.runner)
    row = again.database.container("web")
    assert row is not None and (row.status, row.state.get("pid")) == (rows.EXITED, None)
    assert not (tmp_path / "tmp/alive").exists()
    again.ensure_booted()
    row = again.database.container("web")
    assert row is not None and row.status == rows.EXITED
    assert (tmp_path / "tmp/alive").exists()


def test_changed_roots_do_not_move_the_store(session: Session, tmp_path: Path) -> None:
    """The database lies in graphroot and remembers runroot; podman too keeps to what it says."""
    session.database.add_container({"id": A, "name": "web"}, {"state": rows.CONFIGURED})
    storage = tmp_path / "storage.conf"
    storage.write_text(storage.read_text().replace(f"{tmp_path}/run", f"{tmp_path}/other"))
    again = Session(session.identity, session.runner)
    assert again.store_options.run_root == f"{tmp_path}/run"
    assert again.store.container_run_dir(A).startswith(f"{tmp_path}/run/")
    assert len(again.warnings) == 1 and "which stay in use" in again.warnings[0]


def test_a_place_that_cannot_be_written_is_named(session: Session, tmp_path: Path) -> None:
    (tmp_path / "tmp").touch()
    with pytest.raises(HostLacks, match=f"{tmp_path}/tmp"):
        session.database.add_container({"id": A, "name": "web"}, {"state": rows.CONFIGURED})


def test_a_store_apart_is_told_once(session: Session, tmp_path: Path) -> None:
    (tmp_path / "graph/libpod").mkdir(parents=True)
    (tmp_path / "graph/libpod/bolt_state.db").touch()
    assert session.database.containers() == []
    assert session.paths.own
    assert len(session.warnings) == 1 and "apart from podman's" in session.warnings[0]


def test_an_event_that_cannot_be_written_is_a_warning(session: Session, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp/events").touch()
    for _turn in range(2):
        session.emit(Event("volume", "create", name="data"))
    assert len(session.warnings) == 1


def test_opening_loads_little() -> None:
    """What a task that does nothing must not pay for."""
    code = """
import sys
sys.path.insert(0, "plugins/module_utils")
from engine.session.session import Session
from engine.host import identity
session = Session(identity.who_am_i(), None)
session.conf
heavy = {"sqlite3", "ctypes", "subprocess", "threading", "http.client", "ssl", "socket", "mmap"} & set(sys.modules)
print(sorted(heavy))
"""
    env = {"PATH": "/usr/bin:/bin", "HOME": "/root", "CONTAINERS_CONF": "/dev/null"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
