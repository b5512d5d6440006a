"""What another host says of an image is held against digests."""

from __future__ import annotations

import copy
import json
from base64 import b64encode

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.travel import name_for, parse
from images import build, index, tar

IMAGE = build("app", [tar({"a": "1"}), tar({"b": "2"})])
OTHER = build("other", [tar({"c": "3"})])


def document(digest: object, data: bytes) -> dict:
    return {"digest": str(digest), "data": b64encode(data).decode()}


def words() -> dict:
    listed = index([(IMAGE, "amd64"), (OTHER, "arm64")])
    return {
        "config": b64encode(IMAGE.config.data).decode(),
        "documents": [document(IMAGE.manifest.digest, IMAGE.manifest.data), document(listed.digest, listed.data)],
        "names": ["q.io/app", "q.io/app:2"],
        "transport": "oci-archive",
        "origin": "app.tar",
    }


def test_whole() -> None:
    found = parse(words())
    assert found.chosen.id == IMAGE.id
    assert found.names == ("q.io/app:latest", "q.io/app:2")
    assert list(found.diff_ids) == json.loads(IMAGE.config.data)["rootfs"]["diff_ids"]
    assert parse(found.words()) == found


def bad(change: dict) -> dict:
    return {**copy.deepcopy(words()), **change}


FOREIGN = index([(OTHER, "arm64")])


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"documents": []}, BadInput, "no manifest"),
        ({"documents": [document(OTHER.manifest.digest, IMAGE.manifest.data)]}, Corrupt, "a document is"),
        ({"documents": [document("sha512:" + "a" * 128, IMAGE.manifest.data)]}, Corrupt, "a document is"),
        ({"documents": [document("../x", IMAGE.manifest.data)]}, BadInput, "digest"),
        ({"documents": [document(FOREIGN.digest, FOREIGN.data)]}, BadInput, "an index is not"),
        ({"config": b64encode(OTHER.config.data).decode()}, Corrupt, "its config is"),
        ({"config": "!!"}, BadInput, "not base64"),
        (
            {"documents": [words()["documents"][0], document(FOREIGN.digest, FOREIGN.data)]},
            Corrupt,
            "is no index of the image",
        ),
        (
            {"documents": [words()["documents"][0], document(OTHER.manifest.digest, OTHER.manifest.data)]},
            Corrupt,
            "is no index of the image",
        ),
        ({"names": ["Q.io/APP"]}, BadInput, ""),
    ],
)
def test_refused(change: dict, kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        parse(bad(change))


@pytest.mark.parametrize(
    ("wanted", "offered", "name"),
    [
        ("q.io/app", [], "q.io/app:latest"),
        ("app:1", [], "localhost/app:1"),
        ("app", ["q.io/x/app:latest"], "q.io/x/app:latest"),
        ("app", ["q.io/myapp:latest", "q.io/app:2"], "localhost/app:latest"),
    ],
)
def test_names(wanted: str, offered: list[str], name: str) -> None:
    assert name_for(wanted, offered) == name
