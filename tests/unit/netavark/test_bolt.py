# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import functools
import os
import signal
import tempfile
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark import bolt, boltfile
from hypothesis import given, settings
from hypothesis import strategies as st

_leaf = st.binary(max_size=300)
_tree = st.recursive(
    st.dictionaries(st.binary(min_size=1, max_size=40), _leaf, max_size=30),
    lambda inner: st.dictionaries(st.binary(min_size=1, max_size=40), st.one_of(_leaf, inner), max_size=8),
    max_leaves=40,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(_tree, min_size=1, max_size=6))
def test_what_is_written_is_read_through_many_changes(tmp_path_factory, trees):
    path = str(tmp_path_factory.mktemp("bolt") / "ipam.db")
    for tree in trees:
        with boltfile.opened(path) as content:
            content.clear()
            content.update(tree)
        assert boltfile.load(path) == tree
        if os.path.getsize(path):
            _page_accounts_balance(path)


def _page_accounts_balance(path):
    """Every page below the high-water mark is in the tree, in the free list, or is the free list."""
    with open(path, "rb") as file:
        data = file.read()
    reader = bolt.Reader(data, path)
    reader.tree()
    own = reader.freelist_pages()
    start = reader.meta.freelist * reader.meta.page_size
    count = bolt.PAGE_HEADER.unpack_from(data, start)[2]
    body = start + bolt.PAGE_HEADER.size
    free = [int.from_bytes(data[body + 8 * i : body + 8 * i + 8], "little") for i in range(count)]
    assert free == sorted(set(free))
    assert not set(free) & reader.used and not set(free) & own and not reader.used & own
    assert set(free) | reader.used | own == set(range(2, reader.meta.high_water))
    assert len(data) >= reader.meta.high_water * reader.meta.page_size


def test_a_large_bucket_gets_branch_pages_and_stays_small_when_rewritten(tmp_path):
    path = str(tmp_path / "ipam.db")
    wanted = {b"net": {b"10.0.0.0/16": {i.to_bytes(4, "big"): b"c" * 64 for i in range(5000)}, b"ids": {}}}
    with boltfile.opened(path) as content:
        content.update(wanted)
    assert boltfile.load(path) == wanted
    size = os.path.getsize(path)
    for i in range(20):
        with boltfile.opened(path) as content:
            content[b"net"][b"10.0.0.0/16"][i.to_bytes(4, "big")] = b"d" * 64
    _page_accounts_balance(path)
    assert os.path.getsize(path) <= 2.2 * size


def test_nothing_is_written_when_nothing_changed_or_the_block_failed(tmp_path):
    path = str(tmp_path / "ipam.db")
    with boltfile.opened(path) as content:
        content[b"a"] = {b"b": b"c"}
    before = Path(path).read_bytes()
    with boltfile.opened(path) as content:
        content[b"a"] = {b"b": b"c"}
    with pytest.raises(KeyError):
        with boltfile.opened(path) as content:
            content[b"a"][b"b"] = b"changed"
            raise KeyError
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize("step", ["bolt-pages-written", "bolt-committed"])
def test_killed_half_way_the_file_holds_old_or_new(tmp_path, step):
    path = str(tmp_path / "ipam.db")
    old = {b"net": {i.to_bytes(4, "big"): b"old" for i in range(300)}}
    new = {b"net": {i.to_bytes(4, "big"): b"new" for i in range(300)}}
    with boltfile.opened(path) as content:
        content.update(old)
    child = os.fork()
    if child == 0:
        os.environ["DAEMONLESS_STOP_AT"] = step
        with boltfile.opened(path) as content:
            content.update(new)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert boltfile.load(path) == (old if step == "bolt-pages-written" else new)
    with boltfile.opened(path) as content:
        content[b"next"] = b"change"
    _page_accounts_balance(path)


def test_a_torn_head_falls_back_to_the_other(tmp_path):
    path = str(tmp_path / "ipam.db")
    for value in (b"1", b"2", b"3"):
        with boltfile.opened(path) as content:
            content[b"k"] = value
    with open(path, "rb") as file:
        data = bytearray(file.read())
    newest = bolt.read_meta(bytes(data), "x").txid % 2
    data[newest * 4096 + 40] ^= 0xFF
    assert bolt.parse(bytes(data)) == {b"k": b"2"}
    data[(1 - newest) * 4096 + 40] ^= 0xFF
    with pytest.raises(Corrupt, match="neither of its two head pages"):
        bolt.parse(bytes(data))


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 5 * 4096 - 1), st.binary(min_size=1, max_size=8), st.integers(0, 1))
def test_damaged_files_are_refused_or_read_never_a_crash(offset, noise, cut):
    data = bytearray(_sample())
    if cut:
        data = data[:offset]
    else:
        data[offset : offset + len(noise)] = noise
    try:
        bolt.parse(bytes(data))
    except Corrupt:
        pass


@functools.lru_cache(maxsize=1)
def _sample():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.db")
        with boltfile.opened(path) as content:
            content.update({b"n": {i.to_bytes(4, "big"): b"v" * 60 for i in range(100)}, b"m": {b"a": {b"b": b"c"}}})
        return Path(path).read_bytes()
