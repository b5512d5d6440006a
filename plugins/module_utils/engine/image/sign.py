# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing an image in its registry: the image, or an index and every image that it lists.

Who pulls one platform of an index verifies the signature of that image, so all of them are signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..registry.signatures import registries_d
from ..registry.signatures.lookaside import Lookaside
from ..registry.signatures.payload import Claim
from ..spec import manifest, reference
from ..spec.manifest import Index

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..host.identity import Identity
    from ..registry.docker import RegistrySource
    from ..registry.signatures.blob import Signature
    from ..registry.signatures.signers import Signer
    from ..spec.reference import Reference
    from .remote import Remote


class Unsigned(NamedTuple):
    """What is still to be signed, of all that ``digests`` lists, the top document first."""

    identity: str
    digests: tuple[Digest, ...]
    missing: tuple[Digest, ...]


def name_to_sign(ref: Reference, identity: str) -> str:
    """The name that the signature gives to the image.  Raises BadInput for a digest without such a name."""
    if not identity and ref.tag is None:
        raise BadInput(
            f"sign {ref}", "a digest is no name that a signature could give to it", "Say by identity what it is called"
        )
    return str(reference.parse(identity) if identity else ref._replace(digest=None))


def observe(remote: Remote, ref: Reference, identity: str, signer: Signer, user: Identity) -> Unsigned:
    """Raises NotFound, Denied, Unreachable, Corrupt."""
    source = remote.own(ref)
    name = name_to_sign(ref, identity)
    top = source.manifest()
    parsed = manifest.parse(top.data, top.media_type, source.what)
    digests = [top.digest]
    if isinstance(parsed, Index):
        digests += [entry.digest for entry in parsed.instances if entry.digest != top.digest]
    digests = list(dict.fromkeys(digests))
    missing = [digest for digest in digests if not signer.has_signed(Claim(name, digest), _known(source, digest, user))]
    return Unsigned(name, tuple(digests), tuple(missing))


def apply(remote: Remote, ref: Reference, unsigned: Unsigned, signer: Signer) -> None:
    """Each document's signature is published as soon as it is made; an interrupted run is gone on with."""
    destination = remote.destination(ref)
    for digest in unsigned.missing:
        signature = signer.sign(Claim(unsigned.identity, digest), f"sign {unsigned.identity}")
        reached("signature-made")
        destination.put_signatures([signature], digest)
        reached("image-signed")


def _known(source: RegistrySource, digest: Digest, user: Identity) -> tuple[Signature, ...]:
    """What readers find, and what waits to be brought there by whoever looks after the web server."""
    found = source.signatures(digest)
    places = registries_d.load(user)
    staging = places.lookaside(source.reference, write=True)
    if staging == places.lookaside(source.reference) or not staging.startswith("file:"):
        return found
    return (*found, *Lookaside(staging).read(digest))
