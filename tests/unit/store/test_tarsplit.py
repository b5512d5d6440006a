"""Tars put together again from tar-split and a tree: the same bytes, or a reason; never what a link leads to."""

from __future__ import annotations

import gzip
import io
import json
import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import optional
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Damaged
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import compression
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.rooted import Root
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store import crc64
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.tar_header import Member
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.tarsplit import Rebuilt, SplitWriter

FILES = {f"./d{number % 150}/../d{number % 150}/f{number}": b"%d" % number * 40 for number in range(400)}
FILES["long"] = b"x" * 600_000


def lines() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name, content in FILES.items():
        crc = b64encode(crc64.by_folding(0, content).to_bytes(8, "big")).decode()
        found.append({"type": 2, "payload": b64encode(name.encode()).decode()})
        found.append({"type": 1, "name": name, "size": len(content), "payload": crc})
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / os.path.normpath(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def rebuilt(tree: Path, text: bytes, *, summed: bool = True) -> Rebuilt:
    return Rebuilt(io.BytesIO(text), (io.BytesIO(), Root.of(str(tree))), "it", summed=summed)


def text_of(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize("summed", [True, False])
@pytest.mark.parametrize("size", [-1, 7, 1 << 20])
def test_the_same_bytes_however_they_are_read(tree: Path, size: int, summed: bool) -> None:
    reader = rebuilt(tree, text_of(lines()), summed=summed)
    parts = [reader.read(size)]
    while size > 0 and parts[-1]:
        parts.append(reader.read(size))
    assert b"".join(parts) == b"".join(name.encode() + content for name, content in FILES.items())


@pytest.mark.parametrize("library", ["zlib", "isal.isal_zlib"])
def test_what_is_written_is_read_again(tree: Path, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "_found", {} if "isal" in library else {"isal.isal_zlib": None})
    assert compression.gzipping().__name__ == library
    fd = os.open(tree / "split", os.O_WRONLY | os.O_CREAT)
    writer = SplitWriter(fd)
    for name, content in FILES.items():
        writer.segment(name.encode())
        member = Member()
        member.name, member.size = name.encode(), len(content)
        writer.body_done(member, writer.crc(0, content))
    writer.segment(b"the end")
    writer.finish()
    os.close(fd)
    whole = b"".join(name.encode() + content for name, content in FILES.items()) + b"the end"
    assert rebuilt(tree, gzip.decompress((tree / "split").read_bytes())).read() == whole


def replace_by_link(tree: Path) -> None:
    (tree / "kept").write_bytes((tree / "d7/f7").read_bytes())
    (tree / "d7/f7").unlink()
    (tree / "d7/f7").symlink_to("../kept")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": lambda tree: (tree / "d7/f7").unlink(),
    "another": lambda tree: (tree / "d7/f7").write_bytes(b"8" * 40),
    "shorter": lambda tree: (tree / "d7/f7").write_bytes(b"7" * 39),
    "a link to the same": replace_by_link,
    "a directory": lambda tree: ((tree / "d7/f7").unlink(), (tree / "d7/f7").mkdir()),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_file_that_is_another(tree: Path, kind: str) -> None:
    DAMAGE[kind](tree)
    for summed in (True, kind == "another"):  # the content alone is what only sums show
        with pytest.raises(Damaged, match="f7 is not as it was unpacked"):
            rebuilt(tree, text_of(lines()), summed=summed).read()


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]\n",
        b'{"type":3}\n',
        b'{"type":2},{"type":2}\n',
        b'{"type":2,"payload":"*"}\n',
        b'{"type":1,"size":"1"}\n',
    ],
)
def test_lines_that_are_none(tree: Path, text: bytes) -> None:
    with pytest.raises(Damaged, match="tar-split"):
        rebuilt(tree, text).read()
