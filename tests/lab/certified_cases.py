"""Cases of signatures by certified keys, each with what it is to come to: for our tests and for the judges."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable

import certified
from certified import EMAIL, HOST, ISSUER, MINUTES, NOW, Authority, Leaf, Signed, World, new_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from images import build, tar

IMAGE = build("certified", [tar({"a": "x"})])
MANIFEST = IMAGE.manifest.data
NAME = "q.io/a/b:1"
CONTENT = certified.payload(NAME, MANIFEST)
IDENTITY = {"type": "exactReference", "dockerReference": NAME}
OTHER = World.make()
WORLD = World.make()


def data(*texts: bytes) -> str:
    return base64.b64encode(b"".join(texts)).decode()


def fulcio(world: World = WORLD, **more: object) -> dict[str, object]:
    asked = {"caData": data(world.root.pem), "oidcIssuer": ISSUER, "subjectEmail": EMAIL, **more}
    log = data(certified.pem(world.log))
    return {"type": "sigstoreSigned", "signedIdentity": IDENTITY, "fulcio": asked, "rekorPublicKeyData": log}


def pki(**more: object) -> dict[str, object]:
    asked = {"caRootsData": data(WORLD.root.pem), "subjectEmail": EMAIL, "subjectHostname": HOST, **more}
    return {
        "type": "sigstoreSigned",
        "signedIdentity": IDENTITY,
        "pki": {key: value for key, value in asked.items() if value is not None},
    }


def logged(*keys: bytes, log: bytes = certified.pem(WORLD.log)) -> dict[str, object]:
    texts = [data(key) for key in keys or (certified.pem(WORLD.key),)]
    return {"type": "sigstoreSigned", "signedIdentity": IDENTITY, "keyDatas": texts, "rekorPublicKeyDatas": [data(log)]}


def leaf(**more: object) -> Signed:
    return WORLD.keyless(CONTENT, Leaf(**more))


def lasting(**more: object) -> Signed:
    """As a PKI certifies: for years, with no log."""
    span = (NOW - datetime.timedelta(days=9999), NOW + datetime.timedelta(days=9999))
    return leaf(span=span, subject="CN", **more).without("bundle")


GOOD = {
    "fulcio": (fulcio(), leaf()),
    "with the issuer said once, the old way": (fulcio(), leaf(issuer_2=None)),
    "with the issuer said once, the new way": (fulcio(), leaf(issuer_1=None)),
    "with further addresses": (fulcio(), leaf(emails=("you@lab", EMAIL))),
    "for any purpose": (fulcio(), leaf(purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,))),
    "for no purpose in particular": (fulcio(), leaf(purposes=())),
    "by an authority that is itself trusted": (fulcio(caData=data(WORLD.middle.pem)), leaf().without("chain")),
    "pki": (pki(), lasting()),
    "pki, by mail": (pki(subjectHostname=None), lasting(hosts=())),
    "pki, by host": (pki(subjectEmail=None), lasting(emails=())),
    "pki, by any host of a domain": (pki(subjectEmail=None), lasting(hosts=("*.lab.example",))),
    "pki, by address": (pki(subjectHostname="192.0.2.7"), lasting(addresses=("192.0.2.7",))),
    "pki, with the chain from the policy": (
        pki(caIntermediatesData=data(WORLD.middle.pem)),
        lasting().without("chain"),
    ),
    "key and log": (logged(), WORLD.logged(CONTENT)),
    "second key and log": (logged(certified.pem(new_key()), certified.pem(WORLD.key)), WORLD.logged(CONTENT)),
}


def resigned(change: Callable[[dict], None]) -> Signed:
    """A bundle about something else, but signed by the log."""
    made = leaf()
    entry = json.loads(made.notes["dev.sigstore.cosign/bundle"])["Payload"]
    body = json.loads(base64.b64decode(entry["body"]))
    change(body)
    return made.noted("bundle", certified.bundle(WORLD.log, body, int(NOW.timestamp())))


def rebundled(change: Callable[[dict], object]) -> Signed:
    made = leaf()
    document = json.loads(made.notes["dev.sigstore.cosign/bundle"])
    return made.noted("bundle", json.dumps(change(document) or document))


def put(*path: str, value: object) -> Callable[[dict], None]:
    def change(document: dict) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def through(authority: Authority) -> Signed:
    """By an authority between the root and the signer that may not be one."""
    world = World(WORLD.root, authority, WORLD.log, WORLD.key)
    return world.keyless(CONTENT)


SIGNATURE = ("spec", "signature")
BAD = {
    "nobody vouches": (fulcio(), OTHER.keyless(CONTENT), "not signed by a trusted log"),
    "another authority": (
        fulcio(),
        World(OTHER.root, OTHER.middle, WORLD.log, WORLD.key).keyless(CONTENT),
        "no trusted authority vouches",
    ),
    "a link is missing": (fulcio(), leaf().without("chain"), "no trusted authority vouches"),
    "recorded after it was over": (fulcio(), WORLD.keyless(CONTENT, None, NOW + 2 * MINUTES), "expired"),
    "recorded before it began": (fulcio(), WORLD.keyless(CONTENT, None, NOW - 2 * MINUTES), "not yet valid"),
    "another issuer": (fulcio(), leaf(issuer_1="https://evil", issuer_2="https://evil"), "'https://evil' knows"),
    "two issuers": (fulcio(), leaf(issuer_2="https://evil"), "names two issuers"),
    "no issuer": (fulcio(), leaf(issuer_1=None, issuer_2=None), "does not name an issuer"),
    "another address": (fulcio(), leaf(emails=("you@lab",)), "is for you@lab"),
    "an address in other letters": (fulcio(), leaf(emails=(EMAIL.upper(),)), f"not for {EMAIL}"),
    "no address": (fulcio(), leaf(emails=()), "for no address"),
    "the address as a name only": (fulcio(), leaf(emails=(), subject=EMAIL), "for no address"),
    "not for code": (fulcio(), leaf(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)), "not for signing code"),
    "demands what is not known": (fulcio(), leaf(critical=ObjectIdentifier("1.2.3.4")), "critical extension"),
    "through one that is no authority": (
        fulcio(),
        through(Authority.make("m", WORLD.root, ca=False)),
        "no trusted authority vouches",
    ),
    "through one for servers": (
        fulcio(),
        through(Authority.make("m", WORLD.root, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))),
        "no trusted authority vouches",
    ),
    "no certificate": (fulcio(), leaf().without("certificate"), "no annotation .*certificate"),
    "two certificates": (fulcio(), leaf().noted("certificate", WORLD.chain), "not a single PEM block"),
    "certificate of nonsense": (fulcio(), leaf().noted("certificate", "x"), "not a single PEM block"),
    "a key for a certificate": (
        fulcio(),
        leaf().noted("certificate", certified.pem(new_key()).decode()),
        "not a CERTIFICATE",
    ),
    "chain of nonsense": (fulcio(), leaf().noted("chain", "x"), "not a PEM file"),
    "no log": (fulcio(), leaf().without("bundle"), "no annotation .*bundle"),
    "log of nonsense": (fulcio(), leaf().noted("bundle", "[]"), "not a JSON object"),
    "log says more": (fulcio(), rebundled(put("more", value=1)), "does not consist of"),
    "log's entry says more": (fulcio(), rebundled(put("Payload", "more", value=1)), "does not consist of"),
    "log's time changed": (fulcio(), rebundled(put("Payload", "integratedTime", value=1)), "not signed by a .*log"),
    "log's time is none": (fulcio(), rebundled(put("Payload", "integratedTime", value=1.5)), "whole number"),
    "log's time is too large": (fulcio(), rebundled(put("Payload", "integratedTime", value=1 << 60)), "out of range"),
    "log's text is none": (fulcio(), rebundled(put("Payload", "logID", value="\ud800")), "no text"),
    "log's word is not base64": (fulcio(), rebundled(put("SignedEntryTimestamp", value="*")), "not base64"),
    "log's word for another": (
        fulcio(),
        rebundled(lambda one: {**json.loads(leaf().notes["dev.sigstore.cosign/bundle"]), "Payload": one["Payload"]}),
        "not signed by a trusted log",
    ),
    "another kind of entry": (fulcio(), resigned(put("kind", value="intoto")), "not a kind of entry"),
    "another version": (fulcio(), resigned(put("apiVersion", value="0.0.2")), "not a kind of entry"),
    "another key recorded": (
        fulcio(),
        resigned(put(*SIGNATURE, "publicKey", "content", value=data(WORLD.root.pem))),
        "about another key",
    ),
    "two keys recorded": (
        fulcio(),
        resigned(put(*SIGNATURE, "publicKey", "content", value=data(WORLD.root.pem, WORLD.root.pem))),
        "not a single PEM block",
    ),
    "another signature recorded": (fulcio(), resigned(put(*SIGNATURE, "content", value="AAAA")), "another signature"),
    "another content recorded": (
        fulcio(),
        resigned(put("spec", "data", "hash", "value", value="0" * 64)),
        "another content",
    ),
    "another digest": (
        fulcio(),
        resigned(put("spec", "data", "hash", "algorithm", value="sha512")),
        "another content",
    ),
    "no signature recorded": (fulcio(), resigned(put("spec", value={})), "content is missing"),
    "log with a key that is none": (
        {**fulcio(), "rekorPublicKeyData": data(WORLD.root.pem)},
        leaf(),
        "not a PUBLIC KEY",
    ),
    "authority that is none": (fulcio(caData=data(certified.pem(new_key()))), leaf(), "not a CERTIFICATE"),
    "pki: over": (pki(), leaf(subject="x", span=(NOW - 999 * MINUTES, NOW - 998 * MINUTES)), "."),
    "pki: another host": (pki(), lasting(hosts=("other.lab.example",)), f"not for {HOST}"),
    "pki: the host as a name only": (pki(subjectEmail=None), lasting(hosts=()), "for no host"),
    "pki: a star for two labels": (pki(), lasting(hosts=("*.example",)), f"not for {HOST}"),
    "pki: a star in a label": (pki(), lasting(hosts=("bu*.lab.example",)), f"not for {HOST}"),
    "pki: another address": (pki(subjectHostname="192.0.2.7"), lasting(addresses=("192.0.2.8",)), "not for 192"),
    "pki: another mail": (pki(), lasting(emails=("you@lab",)), f"not for {EMAIL}"),
    "pki: a link is missing": (pki(), lasting().without("chain"), "no trusted authority vouches"),
    "pki: no certificate": (pki(), WORLD.logged(CONTENT), "no annotation .*certificate"),
    "key, but no log": (logged(), certified.sign(WORLD.key, CONTENT), "no annotation .*bundle"),
    "key and another log": (logged(log=certified.pem(OTHER.log)), WORLD.logged(CONTENT), "not signed by a trusted log"),
    "another key and log": (logged(certified.pem(new_key())), WORLD.logged(CONTENT), "about another key"),
    "log for another content": (
        logged(),
        certified.sign(WORLD.key, CONTENT).noted("bundle", WORLD.logged(b"{}").notes["dev.sigstore.cosign/bundle"]),
        "another signature|another content",
    ),
    "another image": (fulcio(), WORLD.keyless(certified.payload(NAME, b"{}")), "it is for the manifest"),
    "another name": (fulcio(), WORLD.keyless(certified.payload("q.io/a/c:1", MANIFEST)), "does not match"),
}  # fmt: skip
