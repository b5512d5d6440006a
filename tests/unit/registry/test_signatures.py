"""Signatures: their formats, what they claim, whom they name, and the pieces that keys are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import plain_yaml
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import Digest, digest_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt, Denied
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import policy
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.signatures import (
    blob,
    names,
    payload,
    pem,
    registries_d,
    secretbox,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.signatures.lookaside import Lookaside
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference

HEX = "a" * 64
CRITICAL = {
    "identity": {"docker-reference": "q.io/a/b:1"},
    "image": {"docker-manifest-digest": f"sha256:{HEX}"},
    "type": payload.SIMPLE_TYPE,
}
GOOD = {"critical": CRITICAL, "optional": {"creator": "x", "timestamp": 1}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x00",
        b"\x00simple-signing",
        b"\x00pgp\nx",
        b"\x00sigstore-json\n",
        b"\x00sigstore-json\n{}",
        b'\x00sigstore-json\n{"mimeType":"x","payload":"!","annotations":{}}',
        b'\x00sigstore-json\n{"mimeType":"x","payload":"","payload":"","annotations":{}}',
        b'\x00sigstore-json\n{"mimeType":"x","payload":"","annotations":{"a":1}}',
        b"\x00\x01\nx",
        b"\x88" + b"0" * blob.MAX_BYTES,
    ],
)
def test_no_signature(data: bytes) -> None:
    with pytest.raises(Corrupt):
        blob.parse(data, "read")


def test_blobs_come_back() -> None:
    for one in (blob.Signature(blob.SIMPLE, b"\xa3x"), blob.attached(blob.SIGSTORE_TYPE, b"{}", {"k": "v"})):
        assert blob.parse(one.blob(), "read") == one
    assert blob.parse(b"\x00simple-signing\n\xa3x", "read") == blob.Signature(blob.SIMPLE, b"\xa3x")


def damaged(path: str, value: object) -> bytes:
    """GOOD with one place changed; DROP takes it away."""
    document = json.loads(json.dumps(GOOD))
    at = document
    *parents, last = path.split("/")
    for part in parents:
        at = at[part]
    if value is DROP:
        del at[last]
    else:
        at[last] = value
    return json.dumps(document).encode()


DROP = object()
HOSTILE = [
    ("more", 1),
    ("critical", DROP),
    ("optional", DROP),
    ("optional", None),
    ("optional", []),
    ("optional/creator", 1),
    ("optional/timestamp", "1"),
    ("optional/timestamp", 1.5),
    ("optional/timestamp", True),
    ("critical", []),
    ("critical/more", 1),
    ("critical/type", payload.SIGSTORE_TYPE),
    ("critical/type", DROP),
    ("critical/Type", "x"),
    ("critical/image", None),
    ("critical/image/more", 1),
    ("critical/image/docker-manifest-digest", "sha256:x"),
    ("critical/image/docker-manifest-digest", f"md5:{HEX}"),
    ("critical/image/docker-manifest-digest", f"SHA256:{HEX}"),
    ("critical/image/docker-manifest-digest", 1),
    ("critical/image/docker-manifest-digest", DROP),
    ("critical/identity", {}),
    ("critical/identity/docker-reference", ["q.io/a/b:1"]),
    ("critical/identity/more", ""),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE)
def test_a_payload_says_what_it_should_and_nothing_else(path: str, value: object) -> None:
    with pytest.raises(Corrupt):
        payload.read(damaged(path, value), payload.SIMPLE_TYPE, "read")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"critical":{},"critical":{},"optional":{}}', b"\xff{}"])
def test_no_payload(data: bytes) -> None:
    with pytest.raises(Corrupt):
        payload.read(data, payload.SIMPLE_TYPE, "read")


def test_payloads_come_back() -> None:
    claim = payload.Claim("q.io/a/b:1", Digest("sha256", HEX))
    assert payload.read(json.dumps(GOOD).encode(), payload.SIMPLE_TYPE, "read") == claim
    for kind in (payload.SIMPLE_TYPE, payload.SIGSTORE_TYPE):
        assert payload.read(payload.make(claim, kind, "us", 5), kind, "read") == claim
    cosign = {"critical": {**CRITICAL, "type": payload.SIGSTORE_TYPE}, "optional": None}
    assert payload.read(json.dumps(cosign).encode(), payload.SIGSTORE_TYPE, "read") == claim


EXACT, REPO_DIGEST, REPOSITORY = (
    {"type": kind} for kind in ("matchExact", "matchRepoDigestOrExact", "matchRepository")
)
REFERENCE = {"type": "exactReference", "dockerReference": "q.io/a/b:1"}
EXACT_REPOSITORY = {"type": "exactRepository", "dockerRepository": "q.io/a/b"}
REMAP = {"type": "remapIdentity", "prefix": "mirror:5000/v", "signedPrefix": "q.io"}
BY_DIGEST = f"q.io/a/b@sha256:{HEX}"


@pytest.mark.parametrize(
    ("rule", "image", "signed", "good"),
    [
        (EXACT, "q.io/a/b:1", "q.io/a/b:1", True),
        (EXACT, "q.io/a/b:1", "q.io/a/b:2", False),
        (EXACT, "q.io/a/b:1", "q.io/a/b", False),
        (EXACT, BY_DIGEST, "q.io/a/b:1", False),
        (EXACT, BY_DIGEST, BY_DIGEST, True),
        (EXACT, "docker.io/library/busybox:1", "busybox:1", True),
        (None, "q.io/a/b:1", "q.io/a/b:1", True),
        (None, "q.io/a/b:1", "q.io/a/b:2", False),
        (None, "q.io/a/b:1", "q.io/a/c:1", False),
        (REPO_DIGEST, BY_DIGEST, "q.io/a/b:7", True),
        (REPO_DIGEST, BY_DIGEST, "q.io/a/b", False),
        (REPO_DIGEST, BY_DIGEST, "q.io/a/c:7", False),
        (REPO_DIGEST, "q.io/a/b:1", BY_DIGEST, False),
        (REPOSITORY, "q.io/a/b:1", "q.io/a/b", True),
        (REPOSITORY, "q.io/a/b:1", "q.io/a/b:9", True),
        (REPOSITORY, "q.io/a/b:1", "q.io/a/bb:1", False),
        (REPOSITORY, "q.io/a/b:1", "Q.io/a/B:1", False),
        (REPOSITORY, "q.io/a/b:1", "", False),
        (REPOSITORY, "q.io/a/b:1", "docker://q.io/a/b:1", False),
        (REPOSITORY, None, "q.io/a/b:1", False),
        (REFERENCE, "else.io/x:2", "q.io/a/b:1", True),
        (REFERENCE, None, "q.io/a/b:1", True),
        (REFERENCE, "q.io/a/b:2", "q.io/a/b:2", False),
        (REFERENCE, "q.io/a/b:1", "q.io/a/b", False),
        (EXACT_REPOSITORY, None, "q.io/a/b:5", True),
        (EXACT_REPOSITORY, "q.io/a/b:5", "q.io/a/c:5", False),
        (REMAP, "mirror:5000/v/a/b:1", "q.io/a/b:1", True),
        (REMAP, "mirror:5000/v/a/b:1", "mirror:5000/v/a/b:1", False),
        (REMAP, "mirror:5000/vv/a:1", "mirror:5000/vv/a:1", True),
        (REMAP, f"mirror:5000/v/a@sha256:{HEX}", "q.io/a:3", True),
        (REMAP, "mirror:5000/v/a:1", "q.io/a:3", False),
    ],
)
def test_names(rule: object, image: str | None, signed: str, good: bool) -> None:
    made = names.parse(rule, "read")  # type: ignore[arg-type]
    refusal = made.refuse(reference.parse(image) if image else None, signed)
    assert (refusal == "") is good, refusal


BY = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}
SIG = {"type": "sigstoreSigned", "keyPath": "/k"}
FULCIO = {"caPath": "/c", "oidcIssuer": "https://i", "subjectEmail": "a@b"}
PKI = {"caRootsPath": "/c", "subjectEmail": "a@b"}


@pytest.mark.parametrize(
    "requirement",
    [
        {**BY, "keyData": "aaaa"},
        {"type": "signedBy", "keyType": "GPGKeys"},
        {"type": "signedBy", "keyPath": "/k"},
        {**BY, "keyType": "gpg"},
        {**BY, "more": 1},
        {**BY, "keyPath": 1},
        {"type": "signedBy", "keyType": "GPGKeys", "keyPaths": []},
        {"type": "signedBy", "keyType": "GPGKeys", "keyPaths": [1]},
        {"type": "signedBy", "keyType": "GPGKeys", "keyData": "***"},
        {**BY, "signedIdentity": None},
        {**BY, "signedIdentity": {}},
        {**BY, "signedIdentity": {"type": "any"}},
        {**BY, "signedIdentity": {"type": "matchExact", "dockerReference": "x"}},
        {**BY, "signedIdentity": {"type": "exactReference"}},
        {**BY, "signedIdentity": {"type": "exactReference", "dockerReference": "q.io/a/b"}},
        {**BY, "signedIdentity": {"type": "exactRepository", "dockerRepository": "Q"}},
        {**BY, "signedIdentity": {"type": "remapIdentity", "prefix": "q.io"}},
        {**BY, "signedIdentity": {"type": "remapIdentity", "prefix": "busybox", "signedPrefix": "q.io"}},
        {**BY, "signedIdentity": {"type": "remapIdentity", "prefix": "q.io", "signedPrefix": "q.io/a:1"}},
        {**SIG, "keyType": "GPGKeys"},
        {**SIG, "keyPaths": ["/k"]},
        {"type": "sigstoreSigned"},
        {**SIG, "rekorPublicKeyPath": "/r", "rekorPublicKeyData": "aaaa"},
        {"type": "sigstoreSigned", "fulcio": FULCIO},
        {"type": "sigstoreSigned", "fulcio": {"caPath": "/c"}, "rekorPublicKeyPath": "/r"},
        {"type": "sigstoreSigned", "fulcio": {**FULCIO, "oidcIssuer": ""}, "rekorPublicKeyPath": "/r"},
        {"type": "sigstoreSigned", "fulcio": {**FULCIO, "caData": "aaaa"}, "rekorPublicKeyPath": "/r"},
        {"type": "sigstoreSigned", "fulcio": FULCIO, "rekorPublicKeyPaths": []},
        {"type": "sigstoreSigned", "pki": {"caRootsPath": "/c"}},
        {"type": "sigstoreSigned", "pki": {"subjectEmail": "a@b"}},
        {"type": "sigstoreSigned", "pki": {**PKI, "caRootsData": "aaaa"}},
        {"type": "sigstoreSigned", "pki": {**PKI, "caIntermediatesPath": "/c", "caIntermediatesData": "aaaa"}},
        {"type": "sigstoreSigned", "pki": PKI, "rekorPublicKeyPath": "/r"},
        {"type": "sigstoreSigned", "fulcio": {"more": 1}, "rekorPublicKeyPath": "/r"},
        {"type": "sigstoreSigned", "pki": {}, "rekorPublicKeyPath": "/r"},
        {"type": "reject", "more": 1},
        {"type": "insecureAcceptAnything", "signedIdentity": {"type": "matchExact"}},
        {"type": "signedBaseLayer"},
    ],
)
def test_requirements_that_make_the_file_an_error(requirement: dict[str, object]) -> None:
    with pytest.raises(Corrupt):
        policy.parse(json.dumps({"default": [requirement]}).encode(), "/p.json")


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}},
        {**BY, "keyType": "X509Certificates"},
    ],
)
def test_requirements_that_nobody_here_can_verify(requirement: dict[str, object]) -> None:
    """Nobody is even asked for the image."""
    made = policy.parse(json.dumps({"default": [requirement]}).encode(), "/p.json")
    with pytest.raises(Denied, match="cannot verify"):
        made.rule("docker", [], "x")


@pytest.mark.parametrize(
    ("transport", "scope"),
    [("docker-archive", "/srv/a.tar"), ("dir", "srv"), ("dir", "/"), ("dir", "/srv/"), ("oci", "/srv/../x:1")],
)
def test_scopes_that_would_protect_nothing(transport: str, scope: str) -> None:
    document = {"default": [{"type": "reject"}], "transports": {transport: {scope: [{"type": "reject"}]}}}
    with pytest.raises(Corrupt):
        policy.parse(json.dumps(document).encode(), "/p.json")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", {}),
        ("# nothing\n---\n", {}),
        ("a: b\n", {"a": "b"}),
        (
            "a:\n  q.io:5000/x:\n    k: file:///srv/x # why\n  'it''s': \"\\u0041\"\n",
            {"a": {"q.io:5000/x": {"k": "file:///srv/x"}, "it's": "A"}},
        ),
        ("a:\nb: {}\nc: true\nd: ~\n", {"a": None, "b": {}, "c": True, "d": None}),
        ("a: http://h/x#y\n", {"a": "http://h/x#y"}),
        ("a:\n- b\n- c=d\n-\ne: []\n", {"a": ["b", "c=d", None], "e": []}),
        (
            "a:\n  - b: 1\n    c:\n    - x\n    - 'y'\n  -   d: ~\n  - - p\n    - q\nz: \"0\"\n",
            {"a": [{"b": "1", "c": ["x", "y"]}, {"d": None}, ["p", "q"]], "z": "0"},
        ),
    ],
)  # fmt: skip
def test_yaml(text: str, meant: object) -> None:
    assert plain_yaml.loads(text, "read") == meant


@pytest.mark.parametrize(
    "text",
    ["- a\n", "a:\n  - b\n c: d\n", "a:\n- b\n  - c\n", "a: b\n- c\n", "a:\n- b: c\n- [d]\n",
     "a:\n  " + "- " * 40 + "b\n",
     "a: [b]\n", "a: &x b\n", "a: *x\n", "a: |\n  b\n", "a: b\n  c: d\n", "a:\n\tb: c\n", "a: b\na: c\n",
     "a:\n    b: c\n  d: e\n", "  a: b\nc: d\n", "a: 'b\n", "a\n", "a: b: c\n", "a: !!str b\n", "<<: b: c\n", "? a\n"],
)  # fmt: skip
def test_yaml_that_is_more_than_plain(text: str) -> None:
    with pytest.raises(BadInput, match="line"):
        plain_yaml.loads(text, "read")


def test_places_of_signatures(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "default-docker:\n  sigstore: https://sigs.lab/all/\n  use-sigstore-attachments: true\n"
        "docker:\n  q.io/a:\n    lookaside: https://a.lab\n    lookaside-staging: file:///srv/a\n"
    )
    (tmp_path / "b.yaml").write_text("docker:\n  q.io/a/b:\n    use-sigstore-attachments: false\n")
    (tmp_path / "c.txt").write_text("[")
    places = registries_d.read_directory(str(tmp_path), "/fall")
    inner, other = reference.parse("q.io/a/b:1"), reference.parse("r.io/x:1")
    assert places.lookaside(inner) == "https://a.lab/a/b"
    assert places.lookaside(inner, write=True) == "file:///srv/a/a/b"
    assert places.lookaside(other, write=True) == "https://sigs.lab/all/x"
    assert (places.attachments(inner), places.attachments(other)) == (False, True)
    assert registries_d.read_directory(str(tmp_path / "none"), "/fall").lookaside(other) == "file:///fall/x"
    (tmp_path / "d.yaml").write_text("docker:\n  q.io/a:\n    lookaside: https://other.lab\n")
    with pytest.raises(BadInput, match=r"q\.io/a is in .*a\.yaml as well"):
        registries_d.read_directory(str(tmp_path), "/fall")


def test_lookaside_files(tmp_path: Path) -> None:
    place = Lookaside(f"file://{tmp_path}/repo", None)
    digest = digest_of(b"x")
    signatures = [blob.Signature(blob.SIMPLE, b"\xa3" + bytes([number])) for number in range(3)]

    def numbers(found: Sequence[blob.Signature]) -> list[int]:
        return [one.payload[1] for one in found]

    directory = tmp_path / f"repo@sha256={digest.hex}"
    assert place.read(digest) == []
    place.add(digest, signatures[:2])
    (directory / ".tmp-signature-3-99-aa").write_bytes(b"half")
    (directory / ".tmp-other-99-aa").write_bytes(b"half")
    place.add(digest, [signatures[1], signatures[2], signatures[2]])
    assert numbers(place.read(digest)) == [0, 1, 2]
    assert sorted(path.name for path in directory.iterdir()) == [
        ".tmp-other-99-aa",
        *(f"signature-{number}" for number in (1, 2, 3)),
    ]
    for number in range(4, blob.MAX_COUNT + 2):
        (directory / f"signature-{number}").write_bytes(signatures[0].blob())
        if number == blob.MAX_COUNT:
            assert len(place.read(digest)) == blob.MAX_COUNT
    with pytest.raises(Corrupt, match="more than 128"):
        place.read(digest)
    with pytest.raises(BadInput, match="lookaside-staging"):
        Lookaside("https://a.lab/x", None).add(digest, signatures)
    with pytest.raises(BadInput, match="not supported"):
        Lookaside("ftp://a.lab/x", None)


def test_secretbox() -> None:
    """The vector of NaCl's own tests (tests/secretbox.c), shortened by its length prefix; and that changes show."""
    key = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
    nonce = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
    message = bytes.fromhex(
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f4"
        "1db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52"
        "f0a089bc76897040e082f937763848645e0705"
    )
    box = secretbox.seal(message, nonce, key)
    assert box[:32].hex() == "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce"
    assert secretbox.open_box(box, nonce, key) == message
    for at in (0, 15, 16, len(box) - 1):
        changed = bytearray(box)
        changed[at] ^= 1
        assert secretbox.open_box(bytes(changed), nonce, key) is None
    assert secretbox.open_box(box[:15], nonce, key) is None
    assert secretbox.open_box(box, nonce, bytes(32)) is None


UNKNOWN_KIND = bytes.fromhex("30073005060355040a")


def test_pem() -> None:
    block = pem.Block("PUBLIC KEY", b"x" * 100)
    assert pem.first(b"words\n" + block.text() + pem.Block("OTHER", b"y").text(), "read") == block
    for text in (b"", b"-----BEGIN A-----\n", b"-----BEGIN A-----\n*\n-----END A-----\n"):
        with pytest.raises(Corrupt):
            pem.first(text, "read")
    for data in (
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x02\x30\x00",
        bytes.fromhex("30073005060355040a"),
    ):
        with pytest.raises(Corrupt):
            pem.kind_of_public_key(pem.Block("PUBLIC KEY", data), "read")
    with pytest.raises(Corrupt, match="CERTIFICATE"):
        pem.kind_of_public_key(pem.Block("CERTIFICATE", b""), "read")
