"""Layers that try to leave their tree, and a canary beside it that must not change.

Run as a program it unpacks them all below the directory it is given, as whoever runs it, and prints the outcomes. With
a number as well it unpacks one layer of so many entries, and prints its size and the memory that it took, in KiB.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit/store"))
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    __import__("conftest")  # makes the collection importable

from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, HostLacks  # noqa: E402
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.pack import Entry, header  # noqa: E402
from layer_trees import BLOCK, CHAR, DIR, FIFO, HARD, LINK, M, look, store_at, tar, unpack  # noqa: E402


def escapes(canary: str) -> Iterator[tuple[str, list[M]]]:
    """Ways to name something outside: `canary` is an absolute path of a directory with a file `file` in it."""
    up = "../" * 40 + canary.lstrip("/")
    for how, path in (("absolute", canary), ("dots", up), ("dots below", "a/b/" + up), ("slashes", "//" + canary),
                      ("dot slash", "./" + up), ("inner dots", "x/.." * 30 + canary)):  # fmt: skip
        yield f"file {how}", [M(f"{path}/new", b"evil"), M(f"{path}/file", b"evil")]
        yield f"directory {how}", [M(f"{path}/sub/", type=DIR, mode=0o777), M(path + "/", type=DIR, mode=0o777)]
        yield f"whiteout {how}", [M(f"{path}/.wh.file"), M(f"{path}/.wh..wh..opq")]
        yield f"hard link {how}", [M("h", type=HARD, link=f"{path}/file"), M("h2", b"evil")]
        yield f"link to directory {how}", [M("l", type=LINK, link=path), M("l/file", b"evil"), M("l/new", b"evil")]
        yield f"directory through link {how}", [M("l", type=LINK, link=path), M("l/sub/", type=DIR, mode=0o777)]
        yield f"mode through link {how}", [M("l", type=LINK, link=path), M("l/", type=DIR, mode=0o777, mtime=1)]
        yield f"whiteout through link {how}", [M("l", type=LINK, link=path), M("l/.wh.file"), M("l/.wh..wh..opq")]
        yield (
            f"hard link through link {how}",
            [M("l", type=LINK, link=path), M("h", type=HARD, link="l/file", mode=0o777)],
        )
        yield f"write through hard link to link {how}", [
            M("l", type=LINK, link=f"{path}/file"), M("h", type=HARD, link="l"), M("h", b"evil"), M("./l", b"evil"),
        ]  # fmt: skip
        yield f"link to file {how}", [M("l", type=LINK, link=f"{path}/file"), M("l", b"evil")]
        yield f"pipe through link {how}", [M("l", type=LINK, link=path), M("l/pipe", type=FIFO)]
        yield f"device through link {how}", [M("l", type=LINK, link=path), M("l/null", type=CHAR, major=1, minor=3)]
        yield f"link through link {how}", [M("l", type=LINK, link=path), M("l/again", type=LINK, link="/etc/shadow")]
    yield "parent by link", [M("d/", type=DIR), M("d/up", type=LINK, link=".."), M("d/up/up/../../../x", b"evil")]
    yield (
        "links in a row",
        [M(f"l{n}", type=LINK, link=f"l{n - 1}" if n else canary) for n in range(30)] + [M("l29/file", b"evil")],
    )
    yield (
        "link over directory",
        [M("d/", type=DIR), M("d/x", b"1"), M("d", type=LINK, link=canary), M("d/file", b"evil")],
    )
    yield "link under whiteout", [M(".wh.d"), M("d", type=LINK, link=canary), M("d/file", b"evil")]
    yield "link, whiteout, link", [M("d", type=LINK, link=canary), M(".wh.d"), M("d/file", b"evil")]
    yield "whiteout of parent", [M("d/e/", type=DIR), M("d/e/.wh..."), M("d/e/.wh.."), M(".wh...")]
    yield "whiteout with slash", [M("d/.wh./../../x"), M(".wh.a/b", b"evil")]
    yield "link to proc", [M("p", type=LINK, link="/proc/self/root"), M(f"p{canary}/file", b"evil")]
    yield "link to own descriptor", [M("p", type=LINK, link="/proc/self/fd"), M("p/4/../../../../x", b"evil")]
    yield "loop", [M("a", type=LINK, link="b"), M("b", type=LINK, link="a"), M("a/file", b"evil")]
    yield "itself", [M("a", type=LINK, link="a/a"), M("a/x", b"evil")]
    yield "devices", [M("mem", type=CHAR, major=1, minor=1, mode=0o666), M("disk", type=BLOCK, major=8, mode=0o666)]
    yield "write into a device", [M("n", type=CHAR, major=1, minor=3), M("./n", b"evil"), M("h", type=HARD, link="n")]
    yield "write into a pipe", [M("n", type=FIFO), M("h", type=HARD, link="n"), M("n", b"evil")]
    yield "top as link", [M(".", type=LINK, link=canary), M("file", b"evil")]
    yield "top as file", [M("/", b"evil"), M("./", b"evil"), M("..", b"evil")]
    yield "staging's own files", [M("../staging.lock", b"evil"), M("../tar-split.gz", b"evil"), M("../dir", b"evil")]
    yield "newlines and escapes", [M("a\nb\x1b[31m/..\\..\\x", b"1"), M("a\x00b", b"1", pax={"path": "x\0y"})]


def plant_canary(base: Path) -> Path:
    canary = base / "canary"
    (canary / "dir").mkdir(parents=True)
    (canary / "file").write_text("untouched")
    (canary / "dir/file").write_text("untouched")
    return canary


def outside(base: Path) -> dict[bytes, tuple[object, ...]]:
    """Everything below the base but the store's own files."""
    return {path: entry for path, entry in look(base).items() if not path.startswith((b"root", b"run"))}


def attempt(base: Path, members: list[M], rootless: bool) -> str:
    """ "refused", "taken", or what else happened."""
    try:
        unpack(base, tar(*members), rootless)
    except Corrupt:
        return "refused"
    except HostLacks as error:
        return f"refused: {error}" if rootless else f"host lacks: {error}"
    return "taken"


def run(base: Path, rootless: bool) -> dict[str, str]:
    canary = plant_canary(base)
    before = outside(base)
    results: dict[str, str] = {}
    for what, members in escapes(str(canary)):
        results[what] = attempt(base, members, rootless)
        if outside(base) != before:
            results[what] = "ESCAPED"
            shutil.rmtree(canary)
            plant_canary(base)
            before = outside(base)
        staging = base / "root/overlay/staging"
        for child in os.listdir(staging):
            extra = set(os.listdir(staging / child)) - {"dir", "tar-split.gz", "staging.lock", "layer.json"}
            if extra or (staging / child / "staging.lock").read_bytes():
                results[what] = f"ESCAPED into staging: {extra}"
        for layer in list(store_at(base).home.abandoned()):
            shutil.rmtree(staging / layer, ignore_errors=True)
    return results


class Endless:
    """An uncompressed archive of so many empty files, a thousand in each directory, made as it is read."""

    def __init__(self, entries: int) -> None:
        self.size = 512 * entries + 1024
        self._pieces = self._archive(entries)
        self._rest = b""

    @staticmethod
    def _archive(entries: int) -> Iterator[bytes]:
        for number in range(entries):
            yield header(Entry(b"d%d/f%d" % (number // 1000, number), b"0", 0o644))
        yield bytes(1024)

    def read(self, size: int = -1) -> bytes:
        parts = [self._rest]
        while sum(map(len, parts)) < size:
            piece = b"".join(islice(self._pieces, 256))
            if not piece:
                break
            parts.append(piece)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]


def many(base: Path, entries: int) -> str:
    archive = Endless(entries)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    staged = store_at(base, rootless=os.stat("/").st_uid != 0).stage_layer(archive)
    return f"{staged.diff_size} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}"


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.stdout.write(many(Path(sys.argv[1]), int(sys.argv[2])))
        sys.exit()
    sys.stdout.write(json.dumps(run(Path(sys.argv[1]), True)))
