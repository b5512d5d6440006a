"""Reading checkpoint archives in whatever order and compression their members come, and unpacking them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import checkpoint_unpack
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.checkpoint_unpack import Origin, Targets

CONFIG = ("config.dump", json.dumps({"id": "c"}).encode())
NOTES = ("daemonless.json", b'{"time": "now"}')
PAGES = ("checkpoint/pages-1.img", b"memory")
EARLY = ("pre-checkpoint/pages-1.img", b"early")


def archive(path, *members, squeeze=lambda data: data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data, *link in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link[0]
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(squeeze(out.getvalue()))
    return Origin(str(path))


@pytest.mark.parametrize(
    ("members", "early"),
    [
        ((CONFIG, NOTES, PAGES), False),
        ((PAGES, NOTES, CONFIG), False),  # as the layer of an image has them
        ((CONFIG, EARLY, PAGES, NOTES), False),
        ((CONFIG, NOTES, EARLY), True),
        ((EARLY, NOTES, CONFIG), True),
    ],
)
def test_what_an_archive_says(tmp_path, members, early):
    for squeeze in (bytes, gzip.compress):
        said = checkpoint_unpack.look(None, archive(tmp_path / "a", *members, squeeze=squeeze))
        assert said.config == {"id": "c"}
        assert said.early is early


def test_no_archive(tmp_path):
    with pytest.raises(NotFound):
        checkpoint_unpack.look(None, Origin(str(tmp_path / "none")))
    for data in (b"", b"x" * 2000):
        (tmp_path / "a").write_bytes(data)
        with pytest.raises(Corrupt):
            checkpoint_unpack.look(None, Origin(str(tmp_path / "a")))
    with pytest.raises(Corrupt, match=r"holds no config\.dump"):
        checkpoint_unpack.look(None, archive(tmp_path / "a", PAGES))
    with pytest.raises(Corrupt, match="not JSON"):
        checkpoint_unpack.look(None, archive(tmp_path / "a", ("config.dump", b"{")))


def test_members_that_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_unpack, "_MOST_MEMBERS", 3)
    with pytest.raises(Corrupt, match="more than 3 members"):
        checkpoint_unpack.look(None, archive(tmp_path / "a", *[(f"ignored-{n}", b"") for n in range(5)], CONFIG))


def unpacked(tmp_path, *members):
    folder = tmp_path / "static"
    folder.mkdir()
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        gone = checkpoint_unpack.unpack(None, archive(tmp_path / "a", *members), Targets(fd, None, lambda _name: -1))
    finally:
        os.close(fd)
    return folder, gone


def test_an_earlier_round_goes_along(tmp_path):
    members = (CONFIG, EARLY, PAGES, ("checkpoint/parent", b"", "../pre-checkpoint"), ("deleted.files", b'["/a", 1]'))
    folder, gone = unpacked(tmp_path, *members)
    assert gone == ["/a"]
    assert (folder / "checkpoint" / "parent" / "pages-1.img").read_bytes() == b"early"
    assert (folder / "checkpoint" / "pages-1.img").stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_over(tmp_path):
    with pytest.raises(Corrupt, match="in it twice"):
        unpacked(tmp_path, CONFIG, PAGES, PAGES)
