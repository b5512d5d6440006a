# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys to sign images with: sigstore's encrypted files, and whatever openssl reads by itself."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from typing import TYPE_CHECKING

from ...base.errors import Corrupt, Denied
from ...spec import strict_json
from . import openssl, pem, secretbox

if TYPE_CHECKING:
    from ...host.process import Runner

_SEALED = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_OPEN = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")
_LIMIT = 64 * 1024
#: scrypt takes 128 * N * r bytes: what a hostile key file may make us use.
_MOST_MEMORY = 512 * 1024 * 1024


class PrivateKey:
    """A key ready to sign; its public half is asked for once."""

    def __init__(self, runner: Runner, text: bytes, passphrase: bytes, deed: str) -> None:
        """Raises Corrupt for a file that is no key, Denied for a wrong passphrase."""
        self._runner = runner
        block = pem.first(text, deed)
        if block.label in _SEALED:
            block, passphrase = pem.Block("PRIVATE KEY", _unseal(block.data, passphrase, deed)), b""
        elif block.label not in _OPEN:
            raise Corrupt(deed, f"it holds a {block.label}, not a private key")
        self._block = block
        self._passphrase = passphrase
        self.public: bytes = openssl.public_key(runner, block, passphrase, deed)
        pem.kind_of_public_key(pem.first(self.public, deed), deed)

    def sign(self, payload: bytes, deed: str) -> bytes:
        return openssl.sign(self._runner, self._block, self._passphrase, payload, deed)


def _unseal(data: bytes, passphrase: bytes, deed: str) -> bytes:
    """The DER inside: scrypt makes the key of a NaCl secretbox out of the passphrase."""
    raw = strict_json.loads_object(data, deed, _LIMIT)
    kdf, cipher = strict_json.obj(raw, "kdf", deed), strict_json.obj(raw, "cipher", deed)
    if kdf.get("name") != "scrypt" or cipher.get("name") != "nacl/secretbox":
        raise Corrupt(deed, "it is not encrypted with scrypt and nacl/secretbox")
    parameters = strict_json.obj(kdf, "params", deed)
    cost, block, lanes = (strict_json.integer(parameters, name, deed) for name in ("N", "r", "p"))
    memory = 128 * block * (cost + lanes + 2)
    if memory > _MOST_MEMORY or not 1 <= lanes <= 16:
        raise Corrupt(deed, f"its scrypt parameters (N={cost}, r={block}, p={lanes}) ask for too much")
    salt, nonce = _bytes(kdf, "salt", deed), _bytes(cipher, "nonce", deed)
    try:
        key = hashlib.scrypt(passphrase, salt=salt, n=cost, r=block, p=lanes, maxmem=memory + (1 << 20), dklen=32)
    except ValueError as err:
        raise Corrupt(deed, f"its scrypt parameters are not usable ({err})")
    opened = secretbox.open_box(_bytes(raw, "ciphertext", deed), nonce, key)
    if opened is None:
        raise Denied(deed, "the passphrase does not open it")
    return opened


def _bytes(raw: strict_json.Json, key: str, deed: str) -> bytes:

    try:
        return b64decode(strict_json.text(raw, key, deed), validate=True)
    except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
        raise Corrupt(deed, f"its {key} is not base64")
