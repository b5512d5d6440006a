"""The file with a layer's short name is whole or not there."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import files
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.overlay import Home, Top


def test_it_is_never_empty(tmp_path, monkeypatch):
    """podman joins what is in it to the directory of all short names, and removes that when the layer goes."""

    def full(_fd, _data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    home, layer, top = Home(str(tmp_path)), "a" * 64, Top(0o555, os.getuid(), os.getgid())
    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        home.make(layer, None, None, top)
    monkeypatch.undo()
    assert sorted(os.listdir(home.layer(layer))) == ["diff", "empty", "merged", "work"]
    assert os.listdir(os.path.join(home.path, "l")) == []
    home.make(layer, None, None, top)
    assert len(home.link_name(layer)) == 26
