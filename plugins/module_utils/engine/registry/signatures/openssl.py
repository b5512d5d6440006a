# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECDSA, RSA and Ed25519 by the program openssl.  Keys and signatures reach it as memory, never as a file on a disk."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...base.errors import Corrupt, Denied
from ...host import programs
from ...host.process import child_environment
from . import pem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...host.process import Completed, Runner

_SECONDS = 60.0


def verify(runner: Runner, public_key: bytes, payload: bytes, signature: bytes, deed: str) -> bool:
    """Whether the signature over the payload is the key's.  Raises HostLacks without openssl, Corrupt for no key.

    ECDSA and RSA (PKCS #1 v1.5) sign the SHA-256 of the payload, as sigstore does whatever the length of the key.
    """
    program = programs.require("openssl", deed)
    block = pem.first(public_key, deed)
    kind = pem.kind_of_public_key(block, deed)
    with _memory(block.text()) as key, _memory(signature) as sig, _memory(payload) as data:
        if kind == "ed25519":
            argv = [program, "pkeyutl", "-verify", "-pubin", "-inkey", _path(key), "-rawin"]
            argv += ["-in", _path(data), "-sigfile", _path(sig)]
            said = b"Signature Verified Successfully"
        else:
            argv = [program, "dgst", "-sha256", "-verify", _path(key), "-signature", _path(sig), _path(data)]
            said = b"Verified OK"
        done = runner.run(argv, pass_fds=(key, sig, data), timeout=_SECONDS)
    return done.rc == 0 and said in done.stdout


def certifies(runner: Runner, roots: bytes, between: bytes, leaf: bytes, when: int | None, deed: str) -> str:
    """Why no chain leads from the certificate to one of the roots at that time (None: now); empty when one does.

    All are PEM. Only what is given counts: the host's own authorities, of which openssl would take any, are shut out.
    Raises HostLacks without openssl.
    """
    program = programs.require("openssl", deed)
    nowhere = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    with _memory(roots) as anchors, _memory(between) as chain, _memory(leaf) as subject:
        argv = [program, "verify", "-no-CApath", "-partial_chain", "-auth_level", "1", "-CAfile", _path(anchors)]
        argv += ["-untrusted", _path(chain)] if between else []
        argv += ["-attime", str(when)] if when is not None else []
        done = runner.run(
            [*argv, _path(subject)],
            env=child_environment(nowhere),
            pass_fds=(anchors, chain, subject),
            timeout=_SECONDS,
        )
    if done.rc == 0 and done.stdout.strip() == f"{_path(subject)}: OK".encode():
        return ""
    _before, found, said = done.stderr.decode("utf-8", "replace").partition("lookup: ")
    return said.splitlines()[0] if found and said else "openssl cannot verify it"


def sign(runner: Runner, private_key: pem.Block, passphrase: bytes, payload: bytes, deed: str) -> bytes:
    """Raises Denied when openssl cannot use the key (a wrong passphrase, most often)."""
    program = programs.require("openssl", deed)
    kind = pem.kind_of_public_key(pem.first(public_key(runner, private_key, passphrase, deed), deed), deed)
    with _memory(private_key.text()) as key, _memory(passphrase) as secret, _memory(payload) as data:
        given = ["-passin", f"file:{_path(secret)}"] if passphrase else []
        if kind == "ed25519":
            argv = [program, "pkeyutl", "-sign", "-inkey", _path(key), *given, "-rawin", "-in", _path(data)]
        else:
            argv = [program, "dgst", "-sha256", "-sign", _path(key), *given, _path(data)]
        done = runner.run(argv, pass_fds=(key, secret, data), timeout=_SECONDS)
    return _output(done, deed)


def public_key(runner: Runner, private_key: pem.Block, passphrase: bytes, deed: str) -> bytes:
    """The public half, as PEM.  Raises Denied."""
    program = programs.require("openssl", deed)
    with _memory(private_key.text()) as key, _memory(passphrase or b"\n") as secret:
        argv = [program, "pkey", "-in", _path(key), "-passin", f"file:{_path(secret)}", "-pubout"]
        done = runner.run(argv, pass_fds=(key, secret), timeout=_SECONDS)
    return _output(done, deed)


def _output(done: Completed, deed: str) -> bytes:
    if done.rc != 0 or not done.stdout:
        raise Denied(deed, "openssl cannot use the private key", "Is the passphrase the right one?")
    return done.stdout


@contextmanager
def _memory(data: bytes) -> Iterator[int]:
    """A descriptor of an unnamed file in memory that holds the data."""
    if len(data) > 1 << 26:
        raise Corrupt("hand data to openssl", "it is too long")
    fd = os.memfd_create("daemonless")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        yield fd
    finally:
        os.close(fd)


def _path(fd: int) -> str:
    return f"/proc/self/fd/{fd}"
