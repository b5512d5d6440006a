"""Manifests and indexes: good ones, the choice of an instance, and a table of bad ones that are all refused."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import descriptor, manifest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.manifest import Index, Manifest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.platform import parse as platform
from hypothesis import given
from hypothesis import strategies as st


def digest(seed: str) -> str:
    return "sha256:" + (seed * 64)[:64]


def entry(kind: str, seed: str, size: object = 10, **more: object) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest(seed), "size": size, **more}


GZIP = descriptor.OCI_LAYER + "+gzip"


def image(**change: object) -> dict[str, object]:
    base: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": descriptor.OCI_MANIFEST,
        "config": entry(descriptor.OCI_CONFIG, "a"),
        "layers": [entry(GZIP, "b", 100), entry(descriptor.OCI_LAYER, "c", 200)],
    }
    base.update(change)
    return {key: value for key, value in base.items() if value is not ...}


def index(*entries: dict[str, object], **change: object) -> dict[str, object]:
    base: dict[str, object] = {"schemaVersion": 2, "mediaType": descriptor.OCI_INDEX, "manifests": list(entries)}
    base.update(change)
    return {key: value for key, value in base.items() if value is not ...}


def instance(seed: str, where: str | None, **more: object) -> dict[str, object]:
    made = entry(descriptor.OCI_MANIFEST, seed, **more)
    if where is not None:
        os, architecture, *variant = where.split("/")
        made["platform"] = {"os": os, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
    return made


def read(document: object, told: str = "") -> Manifest | Index:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return manifest.parse(data, told, "q.io/app:1")


def test_oci_image() -> None:
    found = read(image())
    assert isinstance(found, Manifest)
    assert found.config.digest.hex == "a" * 64
    assert [layer.size for layer in found.layers] == [100, 200]
    assert found.size == 310


def test_docker_image() -> None:
    found = read(
        image(
            mediaType=descriptor.DOCKER_MANIFEST,
            config=entry(descriptor.DOCKER_CONFIG, "a"),
            layers=[entry(descriptor.DOCKER_LAYER + ".gzip", "b")] * 2,
        ),
        descriptor.DOCKER_MANIFEST,
    )
    assert isinstance(found, Manifest)
    assert found.size == 20, "a layer that occurs twice is fetched once"


@pytest.mark.parametrize(
    "told", ["", "application/json", "text/plain; charset=utf-8", descriptor.OCI_MANIFEST + "; charset=utf-8"]
)
def test_silent_transport_and_silent_document(told: str) -> None:
    assert isinstance(read(image(), told), Manifest)
    assert isinstance(read(image(mediaType=...), told), Manifest)


@pytest.mark.parametrize(
    ("wanted", "offers", "chosen"),
    [
        ("linux/amd64", ["linux/arm64/v8", "linux/amd64"], 1),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], 1),
        ("linux/arm64/v8", ["linux/arm64"], 0),
        ("linux/amd64", ["linux/amd64", "linux/amd64"], 0),
        ("linux/amd64", ["unknown/unknown", "linux/s390x"], None),
        ("linux/amd64", ["linux/amd64/v3"], None),
        ("linux/amd64", ["linux/s390x", None], 1),
        ("linux/amd64", [None, "linux/amd64"], 1),
        ("windows/amd64", ["linux/amd64"], None),
        ("linux/amd64", [], None),
    ],
)
def test_choice(wanted: str, offers: list[str | None], chosen: int | None) -> None:
    found = read(index(*(instance("0123456789"[n], where) for n, where in enumerate(offers))))
    assert isinstance(found, Index)
    picked = found.choose(platform(wanted))
    assert (picked.digest.hex[0] if picked else None) == (None if chosen is None else str(chosen))


def test_gzip_instance_before_zstd() -> None:
    hint = {"io.github.containers.compression.zstd": "true"}
    found = read(index(instance("1", "linux/amd64", annotations=hint), instance("2", "linux/amd64")))
    assert isinstance(found, Index)
    picked = found.choose(platform("linux/amd64"))
    assert picked is not None
    assert picked.digest.hex[0] == "2"
    assert found.platforms == ("linux/amd64",)


def layered(**change: object) -> dict[str, object]:
    return image(layers=[{**entry(GZIP, "b"), **change}])


BAD: dict[str, object] = {
    "empty": b"",
    "not JSON": b"<html>502 Bad Gateway</html>",
    "a list": b"[]",
    "not UTF-8": b'{"schemaVersion":2,"x":"\xff"}',
    "UTF-16": json.dumps(image()).encode("utf-16"),
    "NaN": b'{"schemaVersion":NaN}',
    "endless nesting": b'{"schemaVersion":' + b"[" * 200_000,
    "number of 5000 digits": b'{"schemaVersion":' + b"2" * 5000 + b"}",
    "too long": b'{"schemaVersion":2,"x":"' + b"x" * manifest.MAX_BYTES + b'"}',
    "trailing data": json.dumps(image()).encode() + b"{}",
    "key twice": json.dumps(image()).encode()[:-1] + b',"layers":[]}',
    "key twice in a layer": json.dumps(image()).replace('"size": 100', '"size": 100, "size": 1').encode(),
    "key twice by case": json.dumps(image()).encode()[:-1] + b',"Layers":[]}',
    "digest key by case": layered(Digest=digest("d")),
    "no schemaVersion": image(schemaVersion=...),
    "schemaVersion 1": image(schemaVersion=1),
    "schemaVersion 3": image(schemaVersion=3),
    "schemaVersion true": image(schemaVersion=True),
    "schemaVersion text": image(schemaVersion="2"),
    "schema 1 fields": {"schemaVersion": 2, "fsLayers": [], "history": []},
    "both image and index": image(manifests=[]),
    "index with layers": index(layers=[]),
    "index that says image": index(mediaType=descriptor.OCI_MANIFEST),
    "image that says index": image(mediaType=descriptor.OCI_INDEX),
    "unknown media type": image(mediaType="application/vnd.example+json"),
    "media type a number": image(mediaType=7),
    "no config": image(config=...),
    "config null": image(config=None),
    "config a text": image(config=digest("a")),
    "config of an artifact": image(config=entry(descriptor.OCI_EMPTY, "a")),
    "config of a chart": image(config=entry("application/vnd.cncf.helm.config.v1+json", "a")),
    "no layers": image(layers=...),
    "layers an object": image(layers={}),
    "layer a text": image(layers=[digest("b")]),
    "layer without digest": layered(digest=None),
    "digest with a path": layered(digest="sha256:../../../../etc/passwd"),
    "digest with a path of the right length": layered(digest="sha256:" + "../" * 21 + "a"),
    "digest in upper case": layered(digest=digest("B")),
    "digest too short": layered(digest="sha256:abc"),
    "digest of an unknown kind": layered(digest="md5:" + "a" * 32),
    "digest with a newline": layered(digest=digest("b") + "\n"),
    "digest a list": layered(digest=[digest("b")]),
    "size negative": layered(size=-1),
    "size a text": layered(size="10"),
    "size a fraction": layered(size=1.5),
    "size true": layered(size=True),
    "size beyond 63 bits": layered(size=1 << 63),
    "size missing": layered(size=None),
    "one digest, two sizes": image(layers=[entry(GZIP, "b", 1), entry(GZIP, "b", 2)]),
    "layer type unknown": layered(mediaType="application/vnd.oci.image.layer.v1.tar+lz4"),
    "layer encrypted": layered(mediaType=GZIP + "+encrypted"),
    "layer type missing": layered(mediaType=None),
    "layer from elsewhere": layered(urls=["http://169.254.169.254/latest"]),
    "layer nondistributable": layered(mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    "layer foreign": layered(mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    "urls a text": layered(urls="http://x"),
    "annotations of numbers": layered(annotations={"a": 1}),
    "501 layers": image(layers=[entry(GZIP, "b")] * 501),
    "index entry a text": index(mediaType=descriptor.OCI_INDEX, manifests=[digest("a")]),
    "index entry with a bad digest": index({**instance("1", "linux/amd64"), "digest": "sha256:.."}),
    "index platform a text": index({**instance("1", None), "platform": "linux/amd64"}),
    "index too long": index(*[instance("1", None)] * (manifest.MAX_INSTANCES + 1)),
    "docker without media type": image(mediaType=..., config=entry(descriptor.DOCKER_CONFIG, "a")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    with pytest.raises(Corrupt, match="read the manifest of q.io/app:1"):
        read(BAD[name])


def test_table_is_complete() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (image(), descriptor.OCI_INDEX),
        (image(), descriptor.DOCKER_MANIFEST),
        (index(), descriptor.OCI_MANIFEST),
        (image(mediaType=...), descriptor.DOCKER_MANIFEST),
        (index(mediaType=...), descriptor.DOCKER_LIST),
        (image(), descriptor.DOCKER_V1_SIGNED),
        (image(), "text/html"),
    ],
)
def test_document_and_transport_disagree(document: object, told: str) -> None:
    with pytest.raises(Corrupt):
        read(document, told)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["digest", "size", "mediaType", "urls", "platform", "layers"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["config", "layers", "mediaType", "schemaVersion", "annotations", "manifests"]),
)
def test_any_value_anywhere_is_read_or_refused(value: object, key: str) -> None:
    document = copy.deepcopy(image())
    document[key] = value
    try:
        read(document)
    except Corrupt:
        pass
