"""What we write of images is valid under the JSON schemas of the OCI image specification, and nobody writes unseen.

Machines of the integration tests are judged as well, when they close: see tests/lab/documents.py.
"""

from __future__ import annotations

import ast
import io
import json
import tarfile
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.root_tree import Recipe, RootTreeSource
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import descriptor as descriptors
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import manifest as manifests
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.platform import Platform
from documents import OCI, complaints
from images import build, index, tar

ENGINE = Path(__file__).parents[3] / "plugins/module_utils/engine"
DIGEST = "sha256:" + "a" * 64


def manifest(**change: object) -> dict[str, object]:
    config = {"mediaType": f"{OCI}.config.v1+json", "digest": DIGEST, "size": 2}
    layer = {"mediaType": f"{OCI}.layer.v1.tar", "digest": DIGEST, "size": 2}
    whole = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": [layer]}
    return {**whole, **change}


GOOD = {
    "manifest": manifest(),
    "index": {"schemaVersion": 2, "manifests": [{"mediaType": f"{OCI}.manifest.v1+json", "digest": DIGEST, "size": 2}]},
    "config": {"architecture": "arm", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}},
    "layout": {"imageLayoutVersion": "1.0.0"},
}
BAD = {
    "no config": {key: value for key, value in manifest().items() if key != "config"},
    "another schema": manifest(schemaVersion=1),
    "a layer without size": manifest(layers=[{"mediaType": "a/b", "digest": DIGEST}]),
    "a digest that is none": manifest(layers=[{"mediaType": "a/b", "digest": "abc", "size": 1}]),
    "annotations that are no texts": manifest(annotations={"a": 1}),
    "an index of nothing": {"schemaVersion": 2, "manifests": [{}]},
    "a platform without architecture": {"schemaVersion": 2, "manifests": [
        {"mediaType": "a/b", "digest": DIGEST, "size": 2, "platform": {"os": "linux"}}]},
    "a config without os": {"architecture": "arm", "rootfs": {"type": "layers", "diff_ids": []}},
    "an environment that is no list": {**GOOD["config"], "config": {"Env": "A=b"}},
    "a layout of another time": {"imageLayoutVersion": "2"},
}  # fmt: skip


@pytest.mark.parametrize("what", GOOD)
def test_good_documents(what: str) -> None:
    assert complaints(json.dumps(GOOD[what]).encode()) == []


@pytest.mark.parametrize("what", BAD)
def test_the_schemas_notice(what: str) -> None:
    assert complaints(json.dumps(BAD[what]).encode())


def test_images_of_the_tests_themselves() -> None:
    one = build("x", [tar({"a": "1"})])
    for blob in (one.manifest, one.config, index([(one, "amd64")])):
        assert complaints(blob.data, blob.media_type) == []


@pytest.mark.parametrize("variant", ["", "v7"])
def test_an_import(tmp_path: Path, variant: str) -> None:
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("a")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    run = {"Env": ["A=b"], "Cmd": ["sh"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"a": "b"}, "Volumes": {"/v": {}}}
    source = RootTreeSource(str(path), Recipe(Platform("linux", "arm", variant), run, "a comment"))
    top = source.manifest()
    assert complaints(top.data, top.media_type) == []
    parsed = manifests.parse(top.data, top.media_type, "it")
    assert complaints(source.blob(parsed.config).read(), parsed.config.media_type) == []
    source.close()


def test_a_descriptor_as_we_write_it() -> None:
    entry = {
        "mediaType": f"{OCI}.layer.v1.tar+zstd", "digest": DIGEST, "size": 7, "urls": ["https://a/b"],
        "annotations": {"a": "b"}, "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
    }  # fmt: skip
    written = descriptors.to_json(descriptors.parse(entry, "read it"))
    assert complaints(json.dumps({"schemaVersion": 2, "manifests": [written]}).encode()) == []
    assert complaints(json.dumps(manifest(layers=[written])).encode()) == []


# Where JSON is written below, and what it is. Whoever adds a place says which of its documents are the specification's,
# and sees to a test that comes by them: one above, or one on a machine.
WRITERS = {
    "image/convert.py": "manifests and indexes of copies; test_convert.py and machines",
    "registry/credential_helpers.py": "credentials",
    "registry/docker_archive.py": "Docker's manifest, which has no schema",
    "image/listing.py": "lists of images; machines",
    "registry/docker_archive_destination.py": "docker save's list, which has no schema",
    "registry/layout_destination.py": "the index of a layout; machines",
    "registry/logins.py": "auth.json",
    "registry/root_tree.py": "config and manifest of an import; above",
    "registry/signatures/blob.py": "sigstore's bundle, no document of the specification",
    "registry/signatures/publishing.py": "the manifest and config that hold attached signatures; machines",
    "registry/tag_moves.py": "an image that stands under a tag while the tag is taken away; machines",
    "spec/image_list.py": "lists of images; machines",
    "spec/manifest.py": "manifests of imports, above, and of commits; machines",
    "registry/signatures/transparency.py": "what a log signed, written again; no document of the specification",
    "registry/signatures/payload.py": "what a signature signs, no document of the specification",
    "store/finished.py": "our note beside a finished layer",
    "store/images.py": "metadata of podman's images.json",
    "store/tables.py": "podman's tables",
    "store/tarsplit.py": "tar-split",
}


def writers() -> set[str]:
    found = set()
    for room in ("image", "registry", "store", "spec"):
        for path in (ENGINE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func)
                    if name in ("json.dumps", "json.dump", "dump_json"):
                        found.add(str(path.relative_to(ENGINE)))
    return found


def test_nobody_writes_documents_unseen() -> None:
    assert writers() - set(WRITERS) == set()
