"""Signatures whose keys an authority certified, and whose making a log recorded: what Fulcio, Rekor and a PKI issue."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import json
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ISSUER, EMAIL, HOST = "https://issuer.example", "me@lab.example", "build.lab.example"
ISSUER_1, ISSUER_2 = ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
CODE = (ExtendedKeyUsageOID.CODE_SIGNING,)
NOW = datetime.datetime(2031, 5, 4, 3, 2, 1, tzinfo=datetime.timezone.utc)
MINUTES = datetime.timedelta(minutes=10)
ALWAYS = (datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1))


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


@dataclass(frozen=True)
class Authority:
    """A certificate authority; ``root`` made by itself, others by the one above."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str, above: Authority | None = None, ca: bool = True, purposes: tuple = ()) -> Authority:
        key = new_key()
        builder = _builder(name, above.certificate.subject if above else _name(name), key.public_key(), ALWAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return cls(key, builder.sign(above.key if above else key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, span: tuple) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
    )


@dataclass(frozen=True)
class Leaf:
    """What a certificate for a signer is to say."""

    emails: tuple[str, ...] = (EMAIL,)
    hosts: tuple[str, ...] = (HOST,)
    addresses: tuple[str, ...] = ()
    issuer_1: str | None = ISSUER
    issuer_2: str | None = ISSUER
    purposes: tuple = CODE
    span: tuple = (NOW - MINUTES, NOW + MINUTES)
    subject: str = ""
    critical: ObjectIdentifier | None = None


def certify(authority: Authority, key: ec.EllipticCurvePublicKey, leaf: Leaf) -> bytes:
    builder = _builder(leaf.subject, authority.certificate.subject, key, leaf.span)
    names = [x509.RFC822Name(each) for each in leaf.emails] + [x509.DNSName(each) for each in leaf.hosts]
    names += [x509.IPAddress(ipaddress.ip_address(each)) for each in leaf.addresses]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not leaf.subject)
    if leaf.purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(leaf.purposes), critical=False)
    more = []
    if leaf.issuer_1 is not None:
        more.append((ISSUER_1, leaf.issuer_1.encode()))
    if leaf.issuer_2 is not None:
        value = leaf.issuer_2.encode()
        more.append((ISSUER_2, bytes((0x0C, len(value))) + value))
    for oid, value in more:
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    if leaf.critical is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(leaf.critical, b"\x05\x00"), critical=True)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Signed:
    """A sigstore signature: the payload and its annotations."""

    payload: bytes
    notes: dict[str, str] = field(default_factory=dict)

    def blob(self, media_type: str = "application/vnd.dev.cosign.simplesigning.v1+json") -> bytes:
        document = {
            "mimeType": media_type,
            "payload": base64.b64encode(self.payload).decode(),
            "annotations": self.notes,
        }
        return b"\0sigstore-json\n" + json.dumps(document).encode()

    def without(self, note: str) -> Signed:
        return replace(self, notes={name: value for name, value in self.notes.items() if not name.endswith(note)})

    def noted(self, note: str, value: str) -> Signed:
        return replace(self, notes={**self.notes, f"dev.sigstore.cosign/{note}": value})


def payload(name: str, manifest: bytes) -> bytes:
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    critical = {
        "identity": {"docker-reference": name},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}).encode()


def sign(key: ec.EllipticCurvePrivateKey, content: bytes) -> Signed:
    value = key.sign(content, ec.ECDSA(hashes.SHA256()))
    return Signed(content, {"dev.cosignproject.cosign/signature": base64.b64encode(value).decode()})


def record(log: ec.EllipticCurvePrivateKey, signed: Signed, holder: bytes, when: datetime.datetime = NOW) -> str:
    """The log's bundle for the signature; ``holder`` is the PEM of a public key or certificate."""
    body = {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(signed.payload).hexdigest()}},
            "signature": {
                "content": signed.notes["dev.cosignproject.cosign/signature"],
                "publicKey": {"content": base64.b64encode(holder).decode()},
            },
        },
    }
    return bundle(log, body, int(when.timestamp()))


def bundle(log: ec.EllipticCurvePrivateKey, body: object, when: int, log_id: str = "c0d23d6a") -> str:
    entry = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "integratedTime": when,
        "logID": log_id,
        "logIndex": 11605770,
    }
    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    promise = base64.b64encode(log.sign(canonical, ec.ECDSA(hashes.SHA256()))).decode()
    return json.dumps({"SignedEntryTimestamp": promise, "Payload": entry}, indent=1)


@dataclass(frozen=True)
class World:
    """A root, an authority below it, a log, and strangers of each kind."""

    root: Authority
    middle: Authority
    log: ec.EllipticCurvePrivateKey
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls) -> World:
        root = Authority.make("lab root")
        return cls(root, Authority.make("lab authority", root, purposes=CODE), new_key(), new_key())

    @property
    def chain(self) -> str:
        return (self.middle.pem + self.root.pem).decode()

    def keyless(self, content: bytes, leaf: Leaf | None = None, when: datetime.datetime = NOW) -> Signed:
        """Signed with a key of the moment, certified and recorded."""
        key = new_key()
        holder = certify(self.middle, key.public_key(), leaf or Leaf())
        made = sign(key, content).noted("certificate", holder.decode()).noted("chain", self.chain)
        return made.noted("bundle", record(self.log, made, holder, when))

    def logged(self, content: bytes) -> Signed:
        """Signed with the key that lasts, and recorded."""
        made = sign(self.key, content)
        return made.noted("bundle", record(self.log, made, pem(self.key)))
