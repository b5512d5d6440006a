# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image_sign`: an image in a registry carries the signature of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from .frame import EXECUTABLE, Noun, Request, Result, run
from .registry_access import ACCESS, EXCLUSIVE, TOGETHER

if TYPE_CHECKING:
    from ..host.process import Runner
    from ..registry.signatures.signers import Signer
    from .frame import Delivery, Options

_KEY_LIMIT = 64 * 1024
OPTIONS: Options = {
    "name": {"type": "str", "required": True, "aliases": ["image"]},
    "gpg_key": {"type": "str", "no_log": False},  # a fingerprint
    "gpg_home": {"type": "path"},
    "private_key": {"type": "path", "no_log": False},
    "passphrase": {"type": "str", "no_log": True},
    "passphrase_file": {"type": "path", "no_log": False},
    "identity": {"type": "str"},
    **ACCESS,
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [["gpg_key", "private_key"], ["gpg_home", "private_key"], ["passphrase", "passphrase_file"]]
    + EXCLUSIVE,
    "required_one_of": [["gpg_key", "private_key"]],
    "required_together": TOGETHER,
}


def reconcile(request: Request) -> Result:
    from ..host.identity import who_am_i
    from ..host.process import LinuxRunner
    from ..image import sign
    from ..image.remote import Remote
    from ..spec import reference
    from .registry_access import access

    ref = reference.parse(request.text("name")).with_default_tag()
    user, runner = who_am_i(), LinuxRunner()
    signer = _signer(request, runner, f"sign {ref}")
    remote = Remote(user, runner, access(request))
    try:
        unsigned = sign.observe(remote, ref, request.text("identity"), signer, user)
        if unsigned.missing and not request.check:
            sign.apply(remote, ref, unsigned, signer)
    finally:
        remote.close()
    todo = [str(digest) for digest in unsigned.missing]
    value = {"name": str(ref), "identity": unsigned.identity, "digests": [str(digest) for digest in unsigned.digests]}
    done = [str(digest) for digest in unsigned.digests if digest not in unsigned.missing]
    return Result(
        value,
        changed=bool(todo),
        actions=[f"Signed {digest} as {unsigned.identity}" for digest in todo],
        before={"signed": done} if todo else None,
        after={"signed": value["digests"]} if todo else None,
    )


def _signer(request: Request, runner: Runner, deed: str) -> Signer:
    from ..registry.signatures.signers import GpgSigner, SigstoreSigner

    passphrase = _passphrase(request)
    if request.text("gpg_key"):
        from ..registry.signatures.gpg import SecretKey

        key = request.text("gpg_key").replace(" ", "")
        if len(key) < 16 or set(key.upper()) - set("0123456789ABCDEF"):
            raise BadInput("read the option gpg_key", "it is not the fingerprint of a key")
        return GpgSigner(runner, SecretKey(key.upper(), request.text("gpg_home"), passphrase), deed)
    from ..registry.signatures.private_key import PrivateKey

    path = request.text("private_key")
    return SigstoreSigner(runner, PrivateKey(runner, _read(path), passphrase, f"use the key {path}"))


def _passphrase(request: Request) -> bytes:
    """That of an option, or the first line of a file."""
    if request.text("passphrase_file"):
        return _read(request.text("passphrase_file")).partition(b"\n")[0].rstrip(b"\r")
    return request.text("passphrase").encode()


def _read(path: str) -> bytes:
    from ..base.files import read_bytes

    try:
        return read_bytes(path, _KEY_LIMIT)
    except OSError as err:
        raise BadInput(f"read {path}", str(err.strerror))


NOUN = Noun("signed", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
