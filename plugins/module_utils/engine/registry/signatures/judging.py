# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an image has the signatures that a requirement demands.

One good signature meets a requirement; others beside it, broken or by strangers, take nothing away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.digest import digest_of
from ...base.errors import Corrupt, Denied, EngineError
from ...base.tuples import NamedTuple
from . import payload
from .blob import SIGSTORE_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...base.digest import Digest
    from ...host.process import Runner
    from ...spec.reference import Reference
    from .blob import Signature
    from .gpg import TrustedKeys
    from .payload import Claim
    from .requirements import Requirement


class Subject(NamedTuple):
    """The image that is judged: how it was asked for, and its manifest (the instance's, never the index's).

    ``reference`` is the name as the user knows it, before mirrors; None where the transport knows no such names.
    ``signatures`` fetches them when it is called.
    """

    what: str
    reference: Reference | None
    manifest: bytes
    signatures: Callable[[], Sequence[Signature]]


def judge(requirement: Requirement, subject: Subject, found: Sequence[Signature], runner: Runner) -> None:
    """Raises Denied unless one of the signatures meets the requirement, HostLacks without the program for it."""
    deed = f"accept {subject.what}"
    wanted = [one for one in found if _is_for(one, requirement.kind)]
    if not wanted:
        others = f"; {len(found)} of other kinds were found" if found else ""
        raise Denied(deed, f"a signature was required ({requirement.kind}), but there is none{others}")
    check = _simple if requirement.kind == "signedBy" else _sigstore
    reasons = check(requirement, subject, wanted, runner)
    if reasons:
        raise Denied(deed, f"no signature was good enough ({requirement.kind}): {'; '.join(reasons)}")


def _is_for(signature: Signature, kind: str) -> bool:
    if kind == "signedBy":
        return signature.simple
    return not signature.simple and signature.media_type == SIGSTORE_TYPE


def _simple(requirement: Requirement, subject: Subject, found: Sequence[Signature], runner: Runner) -> list[str]:
    """Why none was accepted; empty when one was."""
    from . import gpg

    reasons: list[str] = []
    deed = f"accept {subject.what}"
    with gpg.TrustedKeys(runner, requirement.keys.load(deed), deed) as trusted:
        for signature in found:
            try:
                claim = open_simple(trusted, signature)
            except (Corrupt, Denied) as err:
                reasons.append(err.cause)
                continue
            refusal = _refuse(requirement, subject, claim)
            if not refusal:
                return []
            reasons.append(refusal)
    return _told_apart(reasons)


def open_simple(trusted: TrustedKeys, signature: Signature) -> Claim:
    """What the signature claims, once its key was found good.  Raises Corrupt, Denied."""
    return payload.read(trusted.open(signature.payload).content, payload.SIMPLE_TYPE, "read the signature")


def _sigstore(requirement: Requirement, subject: Subject, found: Sequence[Signature], runner: Runner) -> list[str]:
    from .makers import Makers

    makers = Makers.load(requirement, runner, f"accept {subject.what}")
    reasons: list[str] = []
    for signature in found:
        try:
            claim = open_sigstore(runner, makers.of(signature), signature)
        except (Corrupt, Denied) as err:
            reasons.append(err.cause)
            continue
        refusal = _refuse(requirement, subject, claim)
        if not refusal:
            return []
        reasons.append(refusal)
    return _told_apart(reasons)


def open_sigstore(runner: Runner, keys: Sequence[bytes], signature: Signature) -> Claim:
    """What the signature claims, once one of the keys was found to have made it.  Raises Corrupt, Denied."""
    from . import openssl

    deed = "verify a sigstore signature"
    value = signature.value(deed)
    trouble: EngineError | None = None
    for key in keys:
        try:
            if openssl.verify(runner, key, signature.payload, value, deed):
                return payload.read(signature.payload, payload.SIGSTORE_TYPE, "read the signature")
        except Corrupt as err:
            trouble = err
    if trouble is not None:
        raise Denied(deed, f"a trusted key cannot be used: {trouble.cause}")
    raise Denied(deed, "it was not made by a trusted key")


def _refuse(requirement: Requirement, subject: Subject, claim: Claim) -> str:
    if not is_of(claim.digest, subject.manifest):
        return f"it is for the manifest {claim.digest}, not for {digest_of(subject.manifest)}"
    return requirement.name.refuse(subject.reference, claim.reference)


def is_of(digest: Digest, manifest: bytes) -> bool:
    hasher = digest.hasher()
    hasher.update(manifest)
    return bool(hasher.hexdigest() == digest.hex)


def _told_apart(reasons: list[str]) -> list[str]:
    """Each reason once, and not too many of them."""
    told = list(dict.fromkeys(reasons))
    return told if len(told) <= 5 else [*told[:5], f"and {len(told) - 5} more"]
