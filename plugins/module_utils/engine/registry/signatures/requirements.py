# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One requirement of policy.json, read strictly (containers-policy.json(5), "Policy Requirements")."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from ...base.errors import Corrupt, Denied
from ...base.files import read_bytes
from ...base.tuples import NamedTuple
from ...spec import strict_json
from . import names

if TYPE_CHECKING:
    from ...spec.strict_json import Json
    from .names import NameRule

_KEY_LIMIT = 16 * 1024 * 1024
_FIELDS = {
    "insecureAcceptAnything": (),
    "reject": (),
    "signedBaseLayer": ("baseLayerIdentity",),
    "signedBy": ("keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"),
    "sigstoreSigned": (
        *("keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki", "signedIdentity"),
        *("rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas"),
    ),
}
_KEY_TYPES = ("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")
_FULCIO = ("caPath", "caData", "oidcIssuer", "subjectEmail")
_ROOTS, _INTERMEDIATES = ("caRootsPath", "caRootsData"), ("caIntermediatesPath", "caIntermediatesData")
_PKI = (*_ROOTS, *_INTERMEDIATES, "subjectEmail", "subjectHostname")


class Keys(NamedTuple):
    """Trusted keys: files to read when they are needed, or the bytes themselves."""

    paths: tuple[str, ...] = ()
    data: tuple[bytes, ...] = ()

    def load(self, deed: str) -> list[bytes]:
        """Raises Denied for a file that cannot be read: a key that is missing trusts nobody."""
        found = list(self.data)
        for path in self.paths:
            try:
                found.append(read_bytes(path, _KEY_LIMIT))
            except OSError as err:
                raise Denied(deed, f"the key {path} cannot be read: {err.strerror}")
        return found


class Authority(NamedTuple):
    """Who may certify the key of a signature (``kind`` is fulcio or pki), and for whom; what is empty is not asked."""

    kind: str
    roots: Keys
    intermediates: Keys = Keys()
    email: str = ""
    hostname: str = ""
    issuer: str = ""


class Requirement(NamedTuple):
    """``kind`` is its type; the rest is for those that want a signature.

    ``keys`` made it, or a key that ``authority`` certified did; ``log`` are keys of transparency logs, one of which has
    to have recorded it. ``unsupported`` says which part of it this engine cannot verify: it is never met.
    """

    kind: str
    keys: Keys = Keys()
    name: NameRule = names.NameRule()
    unsupported: str = ""
    log: Keys | None = None
    authority: Authority | None = None


def parse(raw: Json, deed: str) -> Requirement:
    """Raises Corrupt, also for keys that are not known: a misspelt requirement must not open the door."""
    kind = strict_json.text(raw, "type", deed)
    fields = _FIELDS.get(kind)
    if fields is None:
        raise Corrupt(deed, f"{kind[:60]!r} is not a kind of requirement")
    _only(raw, ("type", *fields), f"a requirement of type {kind}", deed)
    if kind == "signedBy":
        return _signed_by(raw, deed)
    if kind == "sigstoreSigned":
        return _sigstore_signed(raw, deed)
    if kind == "signedBaseLayer":
        names.parse(_required(raw, "baseLayerIdentity", deed), deed)
        return Requirement(kind, unsupported="signedBaseLayer, which no engine implements,")
    return Requirement(kind)


def _signed_by(raw: Json, deed: str) -> Requirement:
    key_type = strict_json.text(raw, "keyType", deed)
    if key_type not in _KEY_TYPES:
        raise Corrupt(deed, f"{key_type[:60]!r} is not a keyType")
    chosen = _one_of(raw, ("keyPath", "keyPaths", "keyData"), deed)
    unsupported = "" if key_type == "GPGKeys" else f"signedBy with the keyType {key_type}"
    return Requirement("signedBy", _keys(raw, chosen, deed), _name(raw, deed), unsupported)


def _sigstore_signed(raw: Json, deed: str) -> Requirement:
    chosen = _one_of(raw, ("keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki"), deed)
    rekor = [key for key in raw if key.startswith("rekor")]
    if len(rekor) > 1:
        raise Corrupt(deed, f"{' and '.join(rekor)} exclude each other")
    log = _keys(raw, rekor[0], deed) if rekor else None
    if chosen == "fulcio" and log is None:
        raise Corrupt(deed, "fulcio needs a rekorPublicKey as well")
    if chosen == "pki" and rekor:
        raise Corrupt(deed, f"pki and {rekor[0]} exclude each other")
    name = _name(raw, deed)
    if chosen == "fulcio":
        authority = _fulcio(_required(raw, chosen, deed), deed)
        return Requirement("sigstoreSigned", name=name, log=log, authority=authority)
    if chosen == "pki":
        return Requirement("sigstoreSigned", name=name, authority=_pki(_required(raw, chosen, deed), deed))
    return Requirement("sigstoreSigned", _keys(raw, chosen, deed), name, log=log)


def _fulcio(raw: Json, deed: str) -> Authority:
    _only(raw, _FULCIO, "fulcio", deed)
    roots = _keys(raw, _one_of(raw, ("caPath", "caData"), deed), deed)
    email, issuer = (strict_json.text(raw, key, deed) for key in ("subjectEmail", "oidcIssuer"))
    if not email or not issuer:
        raise Corrupt(deed, "fulcio needs a subjectEmail and an oidcIssuer that are not empty")
    return Authority("fulcio", roots, email=email, issuer=issuer)


def _pki(raw: Json, deed: str) -> Authority:
    _only(raw, _PKI, "pki", deed)
    roots = _keys(raw, _one_of(raw, _ROOTS, deed), deed)
    between = [field for field in _INTERMEDIATES if field in raw]
    if len(between) > 1:
        raise Corrupt(deed, f"{' and '.join(between)} exclude each other")
    email, hostname = (strict_json.text(raw, key, deed, "") for key in ("subjectEmail", "subjectHostname"))
    if not email and not hostname:
        raise Corrupt(deed, "pki needs a subjectEmail or a subjectHostname")
    return Authority("pki", roots, _keys(raw, between[0], deed) if between else Keys(), email, hostname)


def _keys(raw: Json, field: str, deed: str) -> Keys:
    values = (strict_json.text(raw, field, deed),) if not field.endswith("s") else strict_json.texts(raw, field, deed)
    if not values:
        raise Corrupt(deed, f"{field} lists nothing")
    if "Path" in field:
        return Keys(paths=values)
    return Keys(data=tuple(_decoded(value, field, deed) for value in values))


def _decoded(value: str, field: str, deed: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
        raise Corrupt(deed, f"{field} is not base64")


def _name(raw: Json, deed: str) -> NameRule:
    return names.parse(_required(raw, "signedIdentity", deed) if "signedIdentity" in raw else None, deed)


def _required(raw: Json, key: str, deed: str) -> Json:
    value = raw.get(key)
    if not isinstance(value, dict):
        raise Corrupt(deed, f"{key} is missing or not an object")
    return value


def _one_of(raw: Json, fields: tuple[str, ...], deed: str) -> str:
    found = [field for field in fields if field in raw]
    if len(found) != 1:
        raise Corrupt(deed, f"exactly one of {', '.join(fields)} is needed, {len(found)} are there")
    return found[0]


def _only(raw: Json, known: tuple[str, ...], where: str, deed: str) -> None:
    for key in raw:
        if key not in known:
            raise Corrupt(deed, f"the key {key[:60]!r} is unknown in {where}")
