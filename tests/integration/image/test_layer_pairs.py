"""Layers between random trees, applied by those who judge: podman, umoci and GNU tar find the same tree as we do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import Machine

sys.path.insert(0, str(Path(__file__).parents[2] / "unit/store"))

import layer_pairs

LOOK = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
def look(top):
    found, first = {}, {}
    top = os.fsencode(top)
    for directory, names, files in os.walk(top):
        for path in sorted(os.path.join(directory, name) for name in names + files):
            info = os.lstat(path)
            shown = os.path.relpath(path, top)
            content = os.readlink(path).hex() if os.path.islink(path) else ""
            if os.path.isfile(path) and not os.path.islink(path):
                content = open(path, "rb").read().hex()
            xattrs = {key: os.getxattr(path, key, follow_symlinks=False).hex()
                      for key in os.listxattr(path, follow_symlinks=False)}
            found[shown] = [info.st_mode, info.st_uid, info.st_gid, info.st_rdev, info.st_mtime_ns, content, xattrs]
            first.setdefault(info.st_ino, []).append(shown)
    for path, entry in found.items():
        info = os.lstat(os.path.join(top, path))
        entry.append(repr(min(first[info.st_ino])) if info.st_nlink > 1 and entry[0] >> 12 != 4 else "")
    return found
one, other = look(sys.argv[1]), look(sys.argv[2])
print(json.dumps([[repr(path), one.get(path), other.get(path)]
    for path in sorted(set(one) | set(other)) if one.get(path) != other.get(path)][:5]), len(one))
"""


@pytest.fixture
def pairs(machine: Machine) -> Path:
    """SCRATCH/all of layer_pairs.py, where the machine sees it, too."""
    scratch = machine.share / "pairs"
    scratch.mkdir()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch)}
    argv = [sys.executable, "-B", str(layer_pairs.__file__), "root", str(scratch), "60", "keep"]
    done = subprocess.run(argv, env=environment, stderr=subprocess.PIPE, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return scratch / "all"


def layout_of(directory: Path, *layers: bytes) -> None:
    """An OCI layout with one image, `x`."""

    def put(data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (directory / "blobs/sha256" / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    kind = "application/vnd.oci.image"
    (directory / "blobs/sha256").mkdir(parents=True)
    diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": {"mediaType": f"{kind}.config.v1+json", **put(config)},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar", **put(layer)} for layer in layers],
    }
    entry = {
        "mediaType": f"{kind}.manifest.v1+json",
        **put(json.dumps(manifest).encode()),
        "annotations": {"org.opencontainers.image.ref.name": "x"},
    }
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


@pytest.mark.machine(os="debian13")
def test_the_judges_come_to_the_same_tree(machine: Machine, pairs: Path) -> None:
    first, layer = ((pairs / name).read_bytes() for name in ("first.tar", "layer.tar"))
    layout = machine.share / "pairs-layout"
    layout_of(layout, first, layer)
    wanted = pairs / "b"
    machine.umoci(["unpack", "--image", f"{layout}:x", "/tmp/bundle"])
    compared = machine.python(LOOK, str(wanted), "/tmp/bundle/rootfs").stdout.split("\n")[0]
    assert compared.startswith("[] "), f"umoci: {compared}"
    machine.skopeo(["copy", "-q", f"oci:{layout}:x", "containers-storage:localhost/pairs:1"])
    mounted = machine.podman(["image", "mount", "localhost/pairs:1"]).stdout.strip()
    compared = machine.python(LOOK, str(wanted), mounted).stdout.split("\n")[0]
    machine.podman(["image", "unmount", "localhost/pairs:1"])
    assert compared.startswith("[] "), f"podman: {compared}"
    assert int(compared.split()[1]) > 50


@pytest.mark.machine(os="debian13")
def test_gnu_tar_reads_what_we_packed(machine: Machine, pairs: Path) -> None:
    out = machine.share / "by-tar"
    out.mkdir()
    words = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-p"]
    subprocess.run(["tar", "-C", out, *words, "-xf", pairs / "first.tar"], check=True)
    assert layer_pairs.seen(str(out)) == layer_pairs.seen(str(pairs / "a"))
