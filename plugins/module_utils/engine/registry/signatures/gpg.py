# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP by the program gpg, in a home of its own that holds the trusted keys and nothing else.

What counts is gpg's machine-readable status, in a file of its own: its words on the terminal, its exit code alone and
the user's own keys prove nothing.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from ...base.errors import Corrupt, Denied, HostLacks
from ...base.files import atomic_write, read_bytes
from ...base.scratch import Scratch
from ...base.tuples import NamedTuple
from ...host import programs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...host.process import Runner

_SECONDS = 60.0
_STATUS_LIMIT = 1024 * 1024
_MARK = "[GNUPG:] "
#: Each must come exactly once for a message that is signed, once, by a key in force.
_ONCE = ("NEWSIG", "GOODSIG", "VALIDSIG", "PLAINTEXT")
_NEVER = frozenset(
    "BADSIG ERRSIG EXPSIG EXPKEYSIG REVKEYSIG NODATA NO_PUBKEY ENC_TO BEGIN_DECRYPTION DECRYPTION_OKAY UNEXPECTED "
    "BADARMOR FAILURE".split()
)


class Opened(NamedTuple):
    """The signed content, and the fingerprint of the primary key that vouches for it."""

    content: bytes
    fingerprint: str


class TrustedKeys:
    """A keyring for verifying, to be used in a ``with``; gone afterwards."""

    def __init__(self, runner: Runner, keys: Sequence[bytes], deed: str) -> None:
        self._runner = runner
        self._keys = keys
        self._deed = deed
        self._scratch = Scratch("gpg", tempfile.gettempdir())
        self._home = ""
        self.fingerprints: tuple[str, ...] = ()

    def __enter__(self) -> TrustedKeys:
        """Raises HostLacks without gpg, Denied when the key files hold no key."""
        self._gpg = programs.require("gpg", self._deed)
        self._home = self._scratch.__enter__()
        try:
            # Its mere presence keeps gpg 2.4 from choosing a key daemon for a home that it has never seen.
            atomic_write(os.path.join(self._home, "common.conf"), b"", durable=False)
            self.fingerprints = tuple(fingerprint for key in self._keys for fingerprint in self._take(key))
            if not self.fingerprints:
                raise Denied(self._deed, "none of the trusted key files holds an OpenPGP public key")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_details: object) -> None:
        self._scratch.__exit__()

    def open(self, message: bytes) -> Opened:
        """The content of a message signed by one of the keys.  Raises Denied."""
        status = os.path.join(self._home, "status")
        if os.path.exists(status):
            os.unlink(status)
        arguments = ["--trust-model", "always", "--disable-dirmngr", "--status-file", status]
        done = self._run([*arguments, "--output", "-", "--verify"], message)
        lines = _status(status)
        words = [line[0] for line in lines]
        bad = next((word for word in words if word in _NEVER), "")
        if bad:
            raise Denied(self._deed, _WHY.get(bad, f"gpg reports {bad}"))
        if done.rc != 0 or any(words.count(word) != 1 for word in _ONCE):
            raise Denied(self._deed, "it is not one message with one valid signature by a trusted key")
        valid = next(line for line in lines if line[0] == "VALIDSIG")
        # VALIDSIG ends with the primary key's fingerprint; the first one may be that of its signing subkey.
        primary = valid[10] if len(valid) > 10 else ""
        if primary not in self.fingerprints:
            raise Denied(self._deed, f"the key {primary or 'that made it'} is not one of the trusted ones")
        return Opened(done.stdout, primary)

    def _take(self, key: bytes) -> list[str]:
        done = self._run(["--status-fd", "1", "--import"], key)
        lines = [line.split() for line in done.stdout.decode("utf-8", "replace").splitlines()]
        return [line[3] for line in lines if len(line) > 3 and line[:2] == ["[GNUPG:]", "IMPORT_OK"]]

    def _run(self, arguments: list[str], data: bytes) -> _Done:
        base = [self._gpg, "--homedir", self._home, "--batch", "--no-tty", "--no-options", "--no-autostart"]
        done = self._runner.run([*base, *arguments], input=data, timeout=_SECONDS)
        return _Done(done.rc, done.stdout)


class _Done(NamedTuple):
    rc: int
    stdout: bytes


_WHY = {
    "BADSIG": "the OpenPGP signature is not of this content",
    "ERRSIG": "it is signed by a key that is not trusted, or in a way that gpg does not support",
    "NO_PUBKEY": "it is signed by a key that is not trusted",
    "EXPSIG": "the OpenPGP signature has expired",
    "EXPKEYSIG": "the key that signed it has expired",
    "REVKEYSIG": "the key that signed it has been revoked",
    "NODATA": "it is not an OpenPGP message",
}


def _status(path: str) -> list[list[str]]:
    try:
        text = read_bytes(path, _STATUS_LIMIT).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line[len(_MARK) :].split() for line in text.splitlines() if line.startswith(_MARK) and line.split()[1:]]


class SecretKey(NamedTuple):
    """A key of this user for signing: its fingerprint, the directory of the keyring ("" for the user's own), and the
    passphrase if it has one."""

    fingerprint: str
    home: str = ""
    passphrase: bytes = b""

    def __repr__(self) -> str:
        return f"SecretKey({self.fingerprint!r}, ...)"

    def public(self, runner: Runner, deed: str) -> bytes:
        """The public key, to verify with.  Raises HostLacks when the keyring has no such secret key."""
        program = programs.require("gpg", deed)
        listed = runner.run([program, *self._base(), "--list-secret-keys", self.fingerprint], timeout=_SECONDS)
        if listed.rc != 0:
            where = self.home or "the user's keyring"
            raise HostLacks(deed, f"{where} has no secret key {self.fingerprint}")
        done = runner.run([program, *self._base(), "--export", self.fingerprint], timeout=_SECONDS, check=deed)
        return done.stdout

    def sign(self, runner: Runner, content: bytes, deed: str) -> bytes:
        """The content in a signed message.  The passphrase goes by a pipe."""
        program = programs.require("gpg", deed)
        arguments = [*self._base(), "--local-user", self.fingerprint, "--output", "-", "--sign"]
        reader, writer = os.pipe()
        try:
            os.set_blocking(writer, False)
            os.write(writer, self.passphrase.partition(b"\n")[0][:4000] + b"\n")
            os.close(writer)
            writer = -1
            secret = ["--pinentry-mode", "loopback", "--passphrase-fd", str(reader)]
            argv = [program, *secret, *arguments]
            done = runner.run(argv, input=content, pass_fds=(reader,), timeout=_SECONDS, check=deed)
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)
        if not done.stdout:
            raise Corrupt(deed, "gpg signed nothing")
        return done.stdout

    def _base(self) -> list[str]:
        return [*(("--homedir", self.home) if self.home else ()), "--batch", "--no-tty", "--quiet"]
