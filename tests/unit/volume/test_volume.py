"""Named volumes: the wish, the plan, the deed on files and rows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, InUse, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume import mount, observed, steps
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume.desired import VolumeDesired, check

A = "a" * 64


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    storage = tmp_path / "storage.conf"
    storage.write_text(f'[storage]\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    containers = tmp_path / "containers.conf"
    containers.write_text(f'[engine]\ntmp_dir = "{tmp_path}/tmp"\nlock_type = "file"\nevents_logger = "file"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    monkeypatch.setenv("CONTAINERS_CONF", str(containers))
    return Session(Identity(0, 0, "root", str(tmp_path), str(tmp_path / "xdg"), False, False), LinuxRunner())


@pytest.mark.parametrize(
    ("desired", "named"),
    [
        (VolumeDesired(""), "letter or digit"),
        (VolumeDesired("../etc"), "letter or digit"),
        (VolumeDesired(".hidden"), "letter or digit"),
        (VolumeDesired("a/b"), "letter or digit"),
        (VolumeDesired("a\n"), "letter or digit"),
        (VolumeDesired("data", driver="nfs"), "driver nfs"),
        (VolumeDesired("data", options=(("mode", "0700"),)), "mode is not an option"),
        (VolumeDesired("data", options=(("device", "/srv"),)), "needs a type"),
    ],
)
def test_wishes_that_cannot_be_meant(desired: VolumeDesired, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        check(desired)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, False),
        ({"type": "tmpfs"}, True),
        ({"type": "bind", "device": "/srv"}, True),
        ({"o": "uid=5", "UID": "5"}, False),
        ({"o": "uid=5,gid=6", "UID": "5", "GID": "6"}, False),
        ({"o": "uid=5", "UID": "5", "type": "tmpfs"}, True),
        ({"o": "size=1m", "SIZE": "1m"}, False),
    ],
)
def test_which_volumes_are_mounts(options: dict[str, str], expected: bool) -> None:
    assert observed.needs_mount("local", options) is expected


def test_made_as_podman_makes_it(session: Session, tmp_path: Path) -> None:
    made = steps.ensure(session, VolumeDesired("data", labels=(("a", "b"),)))
    assert made.mountpoint == f"{tmp_path}/graph/volumes/data/_data"
    assert (made.needs_copy_up, made.needs_chown, made.labels, made.users) == (True, True, {"a": "b"}, ())
    assert oct(os.stat(made.mountpoint).st_mode & 0o777) == "0o755"
    assert oct(os.stat(os.path.dirname(made.mountpoint)).st_mode & 0o777) == "0o700"
    row = session.database.volume("data")
    assert row is not None
    assert row.config == {
        "name": "data",
        "lockID": 0,
        "labels": {"a": "b"},
        "volumeDriver": "local",
        "mountPoint": made.mountpoint,
        "createdAt": made.created,
        "isAnon": False,
        "uid": 0,
        "gid": 0,
        "size": 0,
        "inodes": 0,
    }
    assert row.state == {"mountCount": 0, "notYetMounted": True, "notYetChowned": True}


def test_an_existing_one_is_taken_as_it_is(session: Session) -> None:
    first = steps.ensure(session, VolumeDesired("data", labels=(("a", "b"),)))
    assert steps.ensure(session, VolumeDesired("data", labels=(("c", "d"),))) == first
    assert session.locks.allocated() == {first.lock_id}


def test_an_owner_given_is_kept(session: Session) -> None:
    made = steps.ensure(session, VolumeDesired("data", uid=5, gid=6))
    info = os.stat(made.mountpoint)
    assert (info.st_uid, info.st_gid, made.needs_chown) == (5, 6, False)


def test_marks_of_the_first_use(session: Session) -> None:
    steps.ensure(session, VolumeDesired("data"))
    mount.copied_up(session, "data")
    mount.chowned(session, "data", 7, 8)
    found = observed.find(session, "data")
    assert found is not None and (found.needs_copy_up, found.needs_chown) == (False, False)
    row = session.database.volume("data")
    assert row is not None and row.state == {"mountCount": 0, "uidChowned": 7, "gidChowned": 8}


def test_a_plain_volume_is_neither_mounted_nor_counted(session: Session) -> None:
    made = steps.ensure(session, VolumeDesired("data"))
    assert mount.attach(session, "data") == made.mountpoint
    mount.detach(session, "data")
    mount.detach(session, "nothing")
    with pytest.raises(NotFound):
        mount.attach(session, "nothing")


def test_removed_with_its_content_and_lock(session: Session, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").touch()
    made = steps.ensure(session, VolumeDesired("data"))
    os.symlink(outside, os.path.join(made.mountpoint, "link"))
    assert steps.remove(session, "data")
    assert not steps.remove(session, "data")
    assert not os.path.exists(os.path.dirname(made.mountpoint))
    assert (outside / "canary").exists()
    assert session.locks.allocated() == set()


def test_one_in_use_stays(session: Session) -> None:
    made = steps.ensure(session, VolumeDesired("data"))
    session.database.add_container({"id": A, "name": "web"}, {"state": 1}, volumes=["data"])
    for force in (False, True):
        with pytest.raises(InUse, match="mounted by web"):
            steps.remove(session, "data", force=force)
    assert os.path.isdir(made.mountpoint)
    assert observed.find(session, "data") == made._replace(users=(A,))


@pytest.mark.parametrize("step", ["volume-directory-made", "volume-lock-allocated", "volume-added"])
def test_killed_at_every_step_the_next_one_finishes(session: Session, step: str) -> None:
    session.ensure_booted()
    session.close()
    pid = os.fork()
    if pid == 0:
        os.environ["DAEMONLESS_STOP_AT"] = step
        try:
            steps.ensure(session, VolumeDesired("data"))
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 9
    made = steps.ensure(session, VolumeDesired("data"))
    assert os.path.isdir(made.mountpoint)
    assert len(session.database.volumes()) == 1


@pytest.mark.parametrize("again_first", [True, False])
@pytest.mark.parametrize("step", ["volume-set-aside", "volume-row-removed"])
def test_killed_while_removing_the_content_never_comes_back(session: Session, step: str, again_first: bool) -> None:
    made = steps.ensure(session, VolumeDesired("data"))
    Path(made.mountpoint, "secret").touch()
    session.close()
    pid = os.fork()
    if pid == 0:
        os.environ["DAEMONLESS_STOP_AT"] = step
        try:
            steps.remove(session, "data")
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 9
    if again_first:
        steps.remove(session, "data")
    again = steps.ensure(session, VolumeDesired("data"))
    assert again.mountpoint == made.mountpoint and os.listdir(again.mountpoint) == []
    assert os.listdir(session.paths.volume_path) == ["data"]


def test_killed_while_removing_a_volume_that_finds_a_user(session: Session) -> None:
    made = steps.ensure(session, VolumeDesired("data"))
    Path(made.mountpoint, "kept").touch()
    os.rename(os.path.dirname(made.mountpoint), os.path.join(session.paths.volume_path, ".removed-data.01234567"))
    session.database.add_container({"id": A, "name": "web"}, {"state": 1}, volumes=["data"])
    assert os.listdir(steps.ensure(session, VolumeDesired("data")).mountpoint) == ["kept"]
