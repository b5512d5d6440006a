# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs: a key of gpg, or a private key of sigstore.  Either can tell whether it has signed already."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ...base.errors import Corrupt, Denied
from ...base.version import VERSION
from . import blob, judging, payload
from .gpg import TrustedKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...host.process import Runner
    from .blob import Signature
    from .gpg import SecretKey
    from .payload import Claim
    from .private_key import PrivateKey

_CREATOR = f"daemonless.oci {VERSION}"


class Signer(Protocol):
    def has_signed(self, claim: Claim, found: Sequence[Signature]) -> bool:
        """Whether one of the signatures is this key's and says just that."""

    def sign(self, claim: Claim, deed: str) -> Signature:
        """Raises Denied, HostLacks, ToolFailed."""


class GpgSigner:
    """Simple signing by a key in a keyring."""

    def __init__(self, runner: Runner, key: SecretKey, deed: str) -> None:
        """Raises HostLacks when the keyring lacks the key."""
        self._runner = runner
        self._key = key
        self._public = key.public(runner, deed)

    def has_signed(self, claim: Claim, found: Sequence[Signature]) -> bool:
        simple = [signature for signature in found if signature.simple]
        if not simple:
            return False
        with TrustedKeys(self._runner, [self._public], "look for a signature of one's own") as trusted:
            return any(self._claim(trusted, one) == claim for one in simple)

    @staticmethod
    def _claim(trusted: TrustedKeys, signature: Signature) -> Claim | None:
        try:
            return judging.open_simple(trusted, signature)
        except (Corrupt, Denied):
            return None  # somebody else's

    def sign(self, claim: Claim, deed: str) -> Signature:
        content = payload.make(claim, payload.SIMPLE_TYPE, _CREATOR, int(time.time()))
        return blob.parse(self._key.sign(self._runner, content, deed), deed)


class SigstoreSigner:
    """A sigstore signature by a private key."""

    def __init__(self, runner: Runner, key: PrivateKey) -> None:
        self._runner = runner
        self._key = key

    def has_signed(self, claim: Claim, found: Sequence[Signature]) -> bool:
        attached = [one for one in found if not one.simple and one.media_type == blob.SIGSTORE_TYPE]
        return any(self._claim(one) == claim for one in attached)

    def _claim(self, signature: Signature) -> Claim | None:
        try:
            return judging.open_sigstore(self._runner, [self._key.public], signature)
        except (Corrupt, Denied):
            return None  # somebody else's

    def sign(self, claim: Claim, deed: str) -> Signature:
        from base64 import b64encode

        content = payload.make(claim, payload.SIGSTORE_TYPE, _CREATOR, int(time.time()))
        value = b64encode(self._key.sign(content, deed)).decode()
        return blob.attached(blob.SIGSTORE_TYPE, content, {blob.SIGSTORE_NOTE: value})
