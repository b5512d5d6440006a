"""apply(diff(a, b)) = b, for any two trees that hypothesis thinks of: run as a program, in namespaces of its own.

python layer_pairs.py root|user SCRATCH EXAMPLES [opaque|links|keep]: `user` is the root of a user namespace with many
ids, as rootless podman is. What is wrong goes to standard error, with the smallest pair that shows it; then the code is
1. `opaque` and `links` break the packer. `keep` leaves all pairs as one in SCRATCH/all: trees a and b, and both layers.
"""

from __future__ import annotations

import ctypes
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1]), str(HERE)]
    __import__("conftest")  # makes the collection importable

from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.rooted import Root  # noqa: E402
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.differences import differences  # noqa: E402
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.merged import Merged  # noqa: E402
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.pack import pack  # noqa: E402
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.store import Store  # noqa: E402
from hypothesis import HealthCheck, Phase, given, note, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from layer_trees import look, store_at  # noqa: E402

CAPABILITY = b"\x01\x00\x00\x02\x00\x04" + b"\0" * 14
_IDS = (100000, 65536)
_NEWNS, _NEWUSER = 0x20000, 0x10000000
_REC_PRIVATE = 0x44000
_libc = ctypes.CDLL(None, use_errno=True)


class E(NamedTuple):
    """An entry of a tree; `content` is a file's bytes, a link's target, a device's number, or the path that a hard
    link is to."""

    kind: str = "dir"
    content: object = b""
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    xattrs: tuple[str, ...] = ()
    mtime: int = 1_600_000_000_000_000_000


Tree = dict[bytes, E]


# ---- any pair


ODD_NAMES = [b"\xff\xfe", "é".encode(), b"x" * 120, b"two words", b"new\nline", b".hidden", b"-rf"]
NAMES = st.one_of(st.sampled_from([b"a", b"b"]), st.sampled_from([b"a", b"b", b"c"]), st.sampled_from(ODD_NAMES))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
META = {
    "mode": st.sampled_from([0o755, 0o644, 0o0, 0o4711, 0o2755, 0o1777, 0o7777, 0o500]),
    "uid": st.sampled_from([0, 1, 1000, 65533]),
    "gid": st.sampled_from([0, 5, 65533]),
    # Podman's comparison goes by size and second, ours too: no two of these share theirs.
    "mtime": st.sampled_from([0, 10**9 + 1, 10**18, 10**18 + 10**9 + 10**8, (1 << 33) * 10**9 + 5]),
    "xattrs": st.sets(st.sampled_from(["user.a", "user.b", "security.capability", "trusted.c"])).map(
        lambda keys: tuple(sorted(keys))
    ),
}
ENTRIES = st.one_of(
    st.builds(E, st.just("file"), st.sampled_from([b"", b"1", b"22", b"x" * 511, b"y" * 512, b"z" * 700000]), **META),
    st.builds(E, st.just("dir"), st.just(b""), **META),
    st.builds(E, st.just("link"), st.sampled_from([b"a", b"/a/b", b"../..", b"\xff", b"l" * 200]), **META),
    st.builds(E, st.just("fifo"), st.just(b""), **META),
    st.builds(E, st.just("char"), st.sampled_from([(1, 3), (4095, 1048575)]), **META),
    st.builds(E, st.just("block"), st.sampled_from([(8, 0), (8, 300)]), **META),
    st.builds(E, st.just("hard"), st.integers(0, 9)),
)
TREES = st.dictionaries(PATHS, ENTRIES, max_size=10)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[bytes, E], dict[bytes, E], set[bytes]]:
    """Two trees that have something in common, and the directories of both that are to be made afresh."""
    old, new = draw(TREES), draw(TREES)
    kept = {path: entry for path, entry in old.items() if draw(st.booleans())}
    both = {**kept, **new}
    places = sorted({top for path in both for top in above(path)})
    return old, both, draw(st.sets(st.sampled_from(places))) if places else set()


def above(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:count]) for count in range(1, len(parts))]


def possible(wanted: Tree, user: bool) -> Tree:
    """What of it can be on one disk: parents are directories, hard links lead to files."""
    tree: Tree = {}
    for path, entry in sorted(wanted.items()):
        if user and entry.kind in ("char", "block") or any(tree.get(top, E()).kind != "dir" for top in above(path)):
            continue
        if path in tree:
            continue
        for top in above(path):
            tree.setdefault(top, E())
        if entry.kind == "hard":
            targets = [other for other, found in tree.items() if found.kind not in ("dir", "hard")]
            if not targets:
                continue
            entry = E("hard", targets[int(str(entry.content)) % len(targets)])
        tree[path] = entry
    return tree


# ---- on the disk


def make(top: bytes, path: bytes, entry: E, user: bool) -> None:
    place = top + b"/" + path
    if entry.kind == "hard":
        os.link(top + b"/" + entry.content, place, follow_symlinks=False)  # type: ignore[operator]
        return
    if entry.kind == "dir":
        os.mkdir(place)
    elif entry.kind == "link":
        os.symlink(entry.content, place)  # type: ignore[arg-type]
    elif entry.kind == "file":
        with open(place, "xb") as file:
            file.write(entry.content)  # type: ignore[arg-type]
    else:
        kind = {"fifo": 0o010600, "char": 0o020600, "block": 0o060600}[entry.kind]
        os.mknod(place, kind, os.makedev(*entry.content) if entry.content else 0)  # type: ignore[misc]
    dress(place, entry, user)


def dress(place: bytes, entry: E, user: bool) -> None:
    """Owner, mode, attributes and time; attributes that it must not have go."""
    os.chown(place, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != "link":
        os.chmod(place, entry.mode)
    wanted = {key: CAPABILITY if key == "security.capability" else key.encode() + b"\0\xff" for key in entry.xattrs}
    for key in list(wanted):
        misplaced = key.startswith("user.") and entry.kind not in ("file", "dir")
        if misplaced or key == "security.capability" and entry.kind != "file" or key.startswith("trusted.") and user:
            del wanted[key]
    for key in os.listxattr(place, follow_symlinks=False):
        if key not in wanted:
            os.removexattr(place, key, follow_symlinks=False)
    for key, value in wanted.items():
        os.setxattr(place, key, value, follow_symlinks=False)
    os.utime(place, ns=(entry.mtime, entry.mtime), follow_symlinks=False)


def plant(top: bytes, tree: Tree, user: bool) -> None:
    os.mkdir(top)
    for path in sorted(tree, key=lambda path: (tree[path].kind == "hard", path)):
        make(top, path, tree[path], user)
    date_directories(top, tree)


def date_directories(top: bytes, tree: Tree) -> None:
    for path in sorted(tree, reverse=True):
        if tree[path].kind == "dir":
            os.utime(top + b"/" + path, ns=(tree[path].mtime, tree[path].mtime))


def become(top: bytes, old: Tree, new: Tree, afresh: set[bytes], user: bool) -> None:
    """Turn the tree that `old` is into `new`, by removing and making what differs."""
    linked = {entry.content for tree in (old, new) for entry in tree.values() if entry.kind == "hard"}

    def stays(path: bytes) -> bool:
        if any(up in gone for up in above(path)) or path not in new:
            return False
        if old[path].kind == "dir":
            return new[path].kind == "dir" and path not in afresh
        return old[path] == new[path] and old[path].kind != "hard" and path not in linked

    gone: set[bytes] = set()
    for path in sorted(old):
        if not stays(path):
            gone.add(path)
    for path in sorted(gone, reverse=True):
        (os.rmdir if old[path].kind == "dir" else os.unlink)(top + b"/" + path)
    for path in sorted(new, key=lambda path: (new[path].kind == "hard", path)):
        if path not in old or path in gone:
            make(top, path, new[path], user)
        elif new[path].kind == "dir" and new[path] != old[path]:
            dress(top + b"/" + path, new[path], user)
    date_directories(top, new)


class Overlay:
    """A mounted one; without `upper` only to be looked at."""

    def __init__(self, base: Path, lower: list[str], user: bool, upper: str = "") -> None:
        self.path = Path(tempfile.mkdtemp(dir=base))
        options = "lowerdir=" + ":".join(lower)
        if upper:
            work = tempfile.mkdtemp(dir=base)
            options += f",upperdir={upper},workdir={work}"
        elif len(lower) == 1:
            options += f":{tempfile.mkdtemp(dir=base)}"
        mount(self.path, options + (",userxattr" if user else ""))

    def __enter__(self) -> bytes:
        return os.fsencode(self.path)

    def __exit__(self, *_error: object) -> None:
        if _libc.umount2(os.fsencode(self.path), 2):
            raise OSError(ctypes.get_errno(), "umount")


def mount(target: Path, options: str) -> None:
    if _libc.mount(b"overlay", os.fsencode(target), b"overlay", 0, os.fsencode(options)):
        raise OSError(ctypes.get_errno(), f"mount: {os.strerror(ctypes.get_errno())}: {options}")


def seen(top: str | bytes, links: bool = True) -> dict[bytes, tuple[object, ...]]:
    """As `look`; a file with several names is told by the first in order, or without `links` by its own."""
    found = look(os.fsdecode(top))
    first: dict[object, bytes] = {}
    for path in sorted(found):
        first.setdefault(found[path][5], path)
    return {path: (*entry[:5], first[entry[5]] if links else path, *entry[6:]) for path, entry in found.items()}


# ---- what must hold


def general(old: bytes, new: bytes) -> bytes:
    """The layer that leads from one tree to the other, made of what our `differences` names, by GNU tar."""
    with Merged([os.fsdecode(old)]) as was, Merged([os.fsdecode(new)]) as now:
        found = [(kind, os.fsencode(path)[1:]) for kind, path in differences(was, now)]
    whiteouts = tempfile.mkdtemp(dir=os.path.dirname(new))
    for kind, path in found:
        if kind == "D":
            head, _slash, name = path.rpartition(b"/")
            folder = os.path.join(os.fsencode(whiteouts), head)
            os.makedirs(folder, exist_ok=True)
            # A name as long as a file system allows leaves no room for the prefix; none here is.
            open(os.path.join(folder, b".wh." + name), "x").close()
    there = b"".join(b"./" + path + b"\0" for kind, path in found if kind != "D")
    words = ["--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--no-recursion", "--null"]
    made = subprocess.run(
        ["tar", "-C", new, *words, "--verbatim-files-from", "-T", "-", "-cf", "-"],
        input=there, stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    gone = b"".join(
        b"./" + os.path.join(os.path.dirname(path), b".wh." + os.path.basename(path)) + b"\0"
        for kind, path in found
        if kind == "D"
    )
    more = subprocess.run(
        ["tar", "-C", whiteouts, "--format=pax", "--no-recursion", "--null", "--verbatim-files-from", "-T", "-",
         "-cf", "-"],
        input=gone, stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    return _members(made) + more


def _members(archive: bytes) -> bytes:
    """Without the zeros at the end."""
    end = len(archive)
    while end and not any(archive[end - 512 : end]):
        end -= 512
    return archive[:end]


def hold(base: Path, old: Tree, new: Tree, afresh: set[bytes], user: bool) -> tuple[bytes, bytes]:
    """Returns the layers of `a`, and of what leads to `b`."""
    before, after, upper = (os.fsencode(base / name) for name in ("a", "b", "upper"))
    plant(before, old, user)
    plant(after, new, user)
    wanted = seen(after)
    os.mkdir(upper)
    with Overlay(base, [os.fsdecode(before)], user, os.fsdecode(upper)) as merged:
        become(merged, old, new, afresh, user)
        assert seen(merged) == wanted, "the test itself: the overlay is not what it was to become"
    store = store_at(base / "store", rootless=user)
    first, layer = packed(before), packed(upper)
    lower, over = unpacked(store, first), unpacked(store, layer)
    assert seen(lower) == seen(before), "a tree unpacks to what was packed"
    with Overlay(base, [over, lower], user) as merged:
        assert seen(merged) == wanted, "apply(diff(a, b)) = b"
    with Merged([over, lower]) as ours:
        assert listed(ours) == {path: entry[:5] for path, entry in wanted.items()}, "read without a mount"
    assert packed(os.fsencode(over)) == layer, "packed again: the same bytes"
    # The other way to a layer: what differs, found by comparing. Two files that became one by a link are not told.
    over = unpacked(store, general(before, after))
    with Overlay(base, [over, lower], user) as merged:
        assert seen(merged, False) == seen(after, False), "apply(compare(a, b)) = b"
    return first, layer


def packed(top: bytes) -> bytes:
    with Root.of(top) as tree:
        return b"".join(pack(tree))


def unpacked(store: Store, data: bytes) -> str:
    return store.stage_layer(io.BytesIO(data)).tree


def listed(tree: Merged) -> dict[bytes, tuple[object, ...]]:
    found: dict[bytes, tuple[object, ...]] = {}
    todo = [tree.top()]
    while todo:
        for node in tree.inside(todo.pop()):
            info = node.info
            found[node.path] = (info.st_mode, info.st_uid, info.st_gid, info.st_rdev, info.st_mtime_ns)
            if node.is_directory:
                todo.append(node)
    return found


# ---- namespaces


def enter(user: bool) -> None:
    """A mount namespace of one's own; for `user` below a user namespace with many ids, whose root we become."""
    me = os.getpid()
    ready, go = os.pipe()
    child = os.fork() if user else 0
    if user and not child:
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{me}/{name}").write_text(f"0 {_IDS[0]} {_IDS[1]}\n")
        os._exit(0)
    if _libc.unshare(_NEWNS | (_NEWUSER if user else 0)):
        raise OSError(ctypes.get_errno(), "unshare")
    if user:
        os.write(go, b"1")
        if os.waitpid(child, 0)[1]:
            raise OSError("no ids for the user namespace")
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    if _libc.mount(b"none", b"/", None, _REC_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "mount --make-rprivate /")


def sabotage(what: str) -> None:
    """A packer that forgets something: the test of the test."""
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.store import pack as module

    packer = module.Packer
    if what == "opaque":
        packer._opaque = lambda *_words: iter(())  # type: ignore[assignment]
    else:
        entry = packer.entry
        packer.entry = lambda self, *words: (self.linked.clear(), entry(self, *words))[1]  # type: ignore


def main(who: str, scratch: str, examples: str, broken: str = "") -> None:
    kept: list[tuple[Tree, Tree, set[bytes]]] = []
    if broken in ("opaque", "links"):
        sabotage(broken)
    user = who == "user"
    if user:
        os.chown(scratch, _IDS[0], _IDS[0])
    enter(user)
    os.umask(0)

    phases = (Phase.generate,) if broken else (Phase.generate, Phase.shrink)
    quiet = list(HealthCheck)

    steady = int(examples) < 1000 and not broken  # a short run takes the same pairs each time, a long one searches

    @settings(
        max_examples=int(examples),
        deadline=None,
        database=None,
        suppress_health_check=quiet,
        phases=phases,
        derandomize=steady,
    )
    @given(pairs())
    def holds(pair: tuple[Tree, Tree, set[bytes]]) -> None:
        old, new = (possible(tree, user) for tree in pair[:2])
        note(f"a = {old}\nb = {new}")
        kept.append((old, new, pair[2]))
        base = Path(tempfile.mkdtemp(dir=scratch))
        try:
            hold(base, old, new, pair[2], user)
        finally:
            shutil.rmtree(base)

    holds()
    if broken == "keep":
        keep(Path(scratch) / "all", kept, user)


def keep(base: Path, pairs: list[tuple[Tree, Tree, set[bytes]]], user: bool) -> None:
    """All pairs side by side, each in a directory of its own."""
    old: Tree = {}
    new: Tree = {}
    afresh = set()
    for number, (one, other, again) in enumerate(pairs):
        top = b"p%d" % number
        for tree, part in ((old, one), (new, other)):
            tree[top] = E()
            for path, entry in part.items():
                linked = entry._replace(content=top + b"/" + entry.content) if entry.kind == "hard" else entry  # type: ignore[operator]
                tree[top + b"/" + path] = linked
        afresh |= {top + b"/" + path for path in again}
    base.mkdir()
    for name, data in zip(("first.tar", "layer.tar"), hold(base, old, new, afresh, user)):
        (base / name).write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
