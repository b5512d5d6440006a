"""Odd layers, unpacked by skopeo and by us: the same trees, and the same tar-split to the byte."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from pathlib import Path

import pytest
from machine import USER, Machine
from store_in_machine import deed

sys.path.insert(0, str(Path(__file__).parents[2] / "unit/store"))

from layer_trees import BLOCK, CHAR, DIR, FIFO, HARD, LINK, M, tar

PAX, GNU, USTAR = tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT
CAPABILITY = "\x01\x00\x00\x02\x00\x04" + "\x00" * 14
PLAIN = tar(M("a", b"x" * 700))

ODD = {
    "top entry": tar(M("./", type=DIR, mode=0o711, uid=3), M("./a", b"x")),
    "implied parents": tar(M("p/q/r", b"x", uid=9)),
    "directory after its files": tar(M("a/b", b"1"), M("a/", type=DIR, mode=0o700, uid=5, mtime=7)),
    "dots": tar(M("../up", b"1"), M("d/../e", b"2"), M("/abs", b"3")),
    "parent by link": tar(M("real/", type=DIR), M("s", type=LINK, link="/real"), M("s/f", b"1")),
    "whiteouts": tar(M("d/", type=DIR), M("d/.wh.x", uid=4), M(".wh.foo"), M("foo/.wh.bar"), M("d/.wh..wh..opq")),
    "file over whiteout": tar(M(".wh.x"), M("x", b"1")),
    "hard links": tar(
        M("a", b"1", uid=5, mode=0o4755), M("b", type=HARD, link="/a", uid=5, mode=0o4755),
        M("s", type=LINK, link="/etc/passwd"), M("t", type=HARD, link="s"),
    ),
    "a hard link that is a whiteout": tar(M("a", b"1"), M(".wh.b", type=HARD, link="a")),
    "nodes": tar(
        M("null", type=CHAR, major=1, minor=3, mode=0o666),
        M("disk", type=BLOCK, major=8, minor=300, uid=5, mode=0o6660),
        M("pipe", type=FIFO, mode=0o4644),
    ),
    "attributes": tar(
        M("ping", b"1", uid=7, pax={"SCHILY.xattr.security.capability": CAPABILITY, "SCHILY.xattr.user.x": "1"}),
        M("l", type=LINK, link="q", pax={"SCHILY.xattr.trusted.x": "1"}),
    ),
    "global header": tar(M("a", b"1"), M("b", b"2"), pax_headers={"comment": "hello", "mtime": "55"}),
    "long names, GNU": tar(M("y" * 60 + "/" + "z" * 200, b"1"), M("s", type=LINK, link="w" * 200), format=GNU),
    "long names, PAX": tar(M("é" * 60 + "/" + "z" * 200, b"1"), M("s", type=LINK, link="w" * 200)),
    "long names, ustar": tar(M("y" * 90 + "/" + "z" * 90, b"1"), format=USTAR),
    "odd letters": tar(M("n\udcff<&>\u2028é", b"1"), M('tab\t"q\\\x01\x7f', b"2"), format=GNU),
    "times": tar(M("a", b"1", mtime=1.123456789), M("b", b"1", mtime=-5), M("c", b"1", mtime=2**33 + 5)),
    "old directories": tar(M("d/", type=b"\0"), M("e/", b"q", type=b"0"), format=USTAR),
    "no members": bytes(1024),
    "no end": PLAIN[: 512 + 1024],
    "half an end": PLAIN[: 512 + 1024] + bytes(512),
}  # fmt: skip

REFUSED = {
    "twice": tar(M("a", b"1"), M("a", b"2")),
    "twice, said otherwise": tar(M("a", b"1"), M("./a", b"2")),
    "directory twice": tar(M("d/", type=DIR), M("d/", type=DIR, mode=0o700)),
    "link, then file": tar(M("a", type=LINK, link="x"), M("a", b"2")),
    "file, then directory": tar(M("a", b"1"), M("a/", type=DIR)),
    "whiteout twice": tar(M(".wh.a"), M(".wh.a")),
    "hard link to a whiteout": tar(M(".wh.a"), M("b", type=HARD, link=".wh.a")),
    "hard link to an opaque mark": tar(M("d/.wh..wh..opq"), M("b", type=HARD, link="d/.wh..wh..opq")),
    "hard link to nothing": tar(M("b", type=HARD, link="a")),
    "hard link to a directory": tar(M("a/", type=DIR), M("b", type=HARD, link="a")),
    "old sparse file": tar(M("s", b"1" * 512, type=b"S"), format=GNU),
    "unknown member": tar(M("s", b"1" * 512, type=b"V"), format=GNU),
}

# skopeo takes them in, but looks for "diff/../up", and for a link's target on the host, when it gives them out.
THEY_CANNOT_EXPORT = ("dots", "parent by link")

LOOK = """
import gzip, json, os, sys
layer, *roots = sys.argv[1:]
def look(root):
    top = os.fsencode(f"{root}/overlay/{layer}/diff")
    info = os.lstat(top)
    found = {"": [info.st_mode, info.st_uid, info.st_gid]}
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            shown = os.path.relpath(path, top)
            info = os.lstat(path)
            made_now = info.st_mtime > 1.75e9  # whiteouts and implied directories carry the time of unpacking
            found[repr(shown)] = [info.st_mode, info.st_uid, info.st_gid, info.st_rdev, info.st_nlink,
                0 if made_now else info.st_mtime_ns,
                os.readlink(path).hex() if os.path.islink(path) else "",
                open(path, "rb").read().hex() if os.path.isfile(path) and not os.path.islink(path) else "",
                {key: os.getxattr(path, key, follow_symlinks=False).hex()
                 for key in os.listxattr(path, follow_symlinks=False)}]
    return found
def split(root):
    with gzip.open(f"{root}/overlay-layers/{layer}.tar-split.gz") as file:
        return file.read().decode()
print(json.dumps([[look(root), split(root)] for root in roots]))
"""


def write_layout(directory: Path, layer: bytes) -> None:
    def put(data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (directory / "blobs/sha256" / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    kind = "application/vnd.oci.image"
    (directory / "blobs/sha256").mkdir(parents=True)
    rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": {"mediaType": f"{kind}.config.v1+json", **put(config)},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar", **put(layer)}],
    }
    entry = {
        "mediaType": f"{kind}.manifest.v1+json",
        **put(json.dumps(manifest).encode()),
        "annotations": {"org.opencontainers.image.ref.name": "x"},
    }
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("user", [None, USER], ids=["root", "rootless"])
def test_the_same_trees_and_the_same_split(machine: Machine, user: str | None) -> None:
    theirs = "/tmp/theirs"
    ours = machine.podman(["info", "-f", "{{.Store.GraphRoot}}"], user).stdout.strip()
    machine.write("/tmp/look.py", LOOK)
    # A plain user's files are seen as they are in the namespace that podman gives the user.
    look = ["/usr/bin/python3", "/tmp/look.py"] if user is None else ["podman", "unshare", "python3", "/tmp/look.py"]
    for number, (what, layer) in enumerate(ODD.items()):
        layout = machine.share / f"layout{number}"
        write_layout(layout, layer)
        deed(machine, "pull", str(layout), f"localhost/odd:{number}", user=user)
        place = f"containers-storage:[overlay@{theirs}+/tmp/theirs-run]localhost/odd:{number}"
        machine.skopeo(["copy", "-q", f"oci:{layout}:x", place], user)
        identity = hashlib.sha256(layer).hexdigest()
        mine, other = json.loads(machine.run([*look, identity, ours, theirs], user).stdout)
        assert mine[0] == other[0], what
        assert mine[1] == other[1], what
        assert deed(machine, "tar_digests", f"localhost/odd:{number}", user=user).stdout == "ok", what
        if what not in THEY_CANNOT_EXPORT:
            source = f"containers-storage:localhost/odd:{number}"
            machine.skopeo(["copy", "-q", source, f"oci:/tmp/out{number}:x"], user)
    checked = machine.podman(["system", "check"], user, check=False)
    assert "layer content does not match" not in checked.stdout + checked.stderr


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("user", [None, USER], ids=["root", "rootless"])
def test_what_they_refuse_we_refuse(machine: Machine, user: str | None) -> None:
    for number, (what, layer) in enumerate(REFUSED.items()):
        layout = machine.share / f"layout{number}"
        write_layout(layout, layer)
        name = f"localhost/odd:{number}"
        ours = deed(machine, "pull", str(layout), name, user=user, check=False)
        assert "Corrupt: unpack layer" in ours.stderr, what
        theirs = machine.skopeo(["copy", "-q", f"oci:{layout}:x", f"containers-storage:{name}"], user, check=False)
        assert theirs.returncode != 0, what
    assert json.loads(deed(machine, "images", user=user).stdout) == {}
    assert json.loads(deed(machine, "check", user=user).stdout) == []
