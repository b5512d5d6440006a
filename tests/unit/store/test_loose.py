"""A tar's tree put where something is already: over nothing of it, where others have it as well."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.loose import unpack_below


def tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755
            if kind == tarfile.REGTYPE:
                info.size = len(data)
            else:
                info.linkname = data.decode()
            made.addfile(info, io.BytesIO(data) if info.size else None)
    return out.getvalue()


F, D, L, H = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def filled(folder, data):
    pieces = iter([data])
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        unpack_below(top, lambda: next(pieces, b""), "a test", fill=True)
    finally:
        os.close(top)


def test_only_what_is_missing(tmp_path):
    (tmp_path / "theirs").write_bytes(b"kept")
    (tmp_path / "folder").mkdir(0o700)
    (tmp_path / "folder" / "theirs").write_bytes(b"kept")
    (tmp_path / "link").symlink_to("theirs")
    members = [
        ("theirs", F, b"x" * 300_000),
        ("folder", D, b""),
        ("folder/theirs", F, b"new"),
        ("folder/ours", F, b"new"),
        ("link", F, b"new"),
        ("deep/er/ours", F, b"new"),
        ("alias", H, b"theirs"),
        ("ours", F, b"new"),
    ]
    filled(tmp_path, tar(*members))
    assert {(tmp_path / name).read_bytes() for name in ("theirs", "folder/theirs", "link", "alias")} == {b"kept"}
    assert {(tmp_path / name).read_bytes() for name in ("ours", "folder/ours", "deep/er/ours")} == {b"new"}
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
    filled(tmp_path, tar(*members))


def test_nothing_leads_out_of_it(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "in").mkdir()
    filled(tmp_path / "in", tar(("out", L, b"../outside"), ("../x", F, b"new")))
    assert not (tmp_path / "x").exists()
    with pytest.raises(Corrupt):
        filled(tmp_path / "in", tar(("a", F, b"1"), ("a/b", F, b"2")))
    assert os.listdir(tmp_path / "outside") == []
