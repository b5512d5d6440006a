# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys may have made a sigstore signature: the policy's own, or one that an authority certified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.errors import Corrupt, Denied
from ...base.tuples import NamedTuple
from . import pem
from .blob import CERTIFICATE_NOTE, CHAIN_NOTE, LOG_NOTE

if TYPE_CHECKING:
    from ...host.process import Runner
    from .blob import Signature
    from .certificates import Certificate
    from .requirements import Authority, Requirement

_DEED = "verify a sigstore signature"


class Makers(NamedTuple):
    """What a requirement trusts, read from its files. ``log`` is None where no transparency log is asked for."""

    runner: Runner
    keys: list[bytes]
    log: list[bytes] | None
    authority: Authority | None
    roots: list[bytes]
    intermediates: list[bytes]

    @classmethod
    def load(cls, requirement: Requirement, runner: Runner, deed: str) -> Makers:
        """Raises Denied for a file that cannot be read."""
        authority = requirement.authority
        return cls(
            runner,
            requirement.keys.load(deed),
            requirement.log.load(deed) if requirement.log is not None else None,
            authority,
            authority.roots.load(deed) if authority else [],
            authority.intermediates.load(deed) if authority else [],
        )

    def of(self, signature: Signature) -> list[bytes]:
        """Keys as PEM, any of which is good enough to have made it.  Raises Corrupt, Denied, HostLacks."""
        if self.authority is not None:
            return [self._certified(self.authority, signature)]
        if self.log is None:
            return self.keys
        # The log recorded the signature together with one key; a key that it knows nothing of is none of the makers.
        trouble: Corrupt | Denied | None = None
        for key in self.keys:
            try:
                self._recorded(self.log, pem.first(key, "use a trusted key").data, signature)
                return [key]
            except (Corrupt, Denied) as err:
                trouble = err
        raise trouble or Denied(_DEED, "there is no key that could have made it")

    def _recorded(self, log: list[bytes], key: bytes, signature: Signature) -> int:
        """When the log recorded that this key (or certificate, as DER) made the signature."""
        from . import transparency

        entry = transparency.Recorded(key, signature.value(_DEED), signature.payload)
        return transparency.verify(self.runner, log, _note(signature, LOG_NOTE), entry)

    def _certified(self, authority: Authority, signature: Signature) -> bytes:
        """The key that the signature's certificate names, once the certificate is found good for the authority."""
        from . import certificates, openssl

        deed = "trust the certificate of a signature"
        block = pem.only(_note(signature, CERTIFICATE_NOTE), deed)
        leaf = certificates.parse(block, deed)
        when = self._recorded(self.log, block.data, signature) if self.log is not None else None
        if not leaf.may_sign_code:
            raise Denied(deed, "it is not for signing code")
        roots = _authorities(self.roots, "use the trusted certificates")
        if not roots:
            raise Denied(deed, "none of the trusted certificates is that of an authority for signing code")
        between = _authorities(self.intermediates, "use the trusted intermediate certificates")
        chain = signature.annotations.get(CHAIN_NOTE, "").encode("utf-8", "replace")
        if chain:
            between += _authorities([chain], deed, but_last=True)
        refusal = openssl.certifies(self.runner, b"".join(roots), b"".join(between), block.text(), when, deed)
        if refusal:
            raise Denied(deed, f"no trusted authority vouches for it: {refusal}")
        _is_whose(leaf, authority, deed)
        return pem.Block("PUBLIC KEY", leaf.public_key).text()


def _note(signature: Signature, name: str) -> bytes:
    value = signature.annotations.get(name, "")
    if not value:
        raise Denied(_DEED, f"it has no annotation {name}")
    return value.encode("utf-8", "replace")


def _authorities(texts: list[bytes], deed: str, but_last: bool = False) -> list[bytes]:
    """Certificates of authorities that may vouch for signers of code, as PEM.

    A chain is of one purpose only if each of its links may serve it, and which links openssl takes it does not tell: so
    none that may not is offered. The last one of a chain is its root, which is trusted for itself or not at all.
    """
    from . import certificates

    blocks: list[pem.Block] = []
    for text in texts:
        found = pem.every(text, deed)
        blocks += found[:-1] if but_last else found
    parsed = [(block, certificates.parse(block, deed)) for block in blocks]
    return [block.text() for block, one in parsed if one.is_authority and one.may_sign_code]


def _is_whose(leaf: Certificate, authority: Authority, deed: str) -> None:
    if authority.issuer:
        issuer = leaf.oidc_issuer(deed)
        if issuer != authority.issuer:
            raise Denied(deed, f"it was issued to somebody whom {issuer[:200]!r} knows, not {authority.issuer}")
    if authority.email and authority.email not in leaf.emails:
        raise Denied(deed, f"it is for {', '.join(leaf.emails)[:200] or 'no address'}, not for {authority.email}")
    if authority.hostname and not leaf.names_host(authority.hostname):
        raise Denied(deed, f"it is for {', '.join(leaf.hosts)[:200] or 'no host'}, not for {authority.hostname}")
