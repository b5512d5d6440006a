# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credential helpers: programs docker-credential-NAME that keep passwords elsewhere.

Everything goes by standard input and output, nothing by arguments (docker/docker-credential-helpers, "Development").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, EngineError
from ..base.files import dump_json, parse_json
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..host.process import Completed, Runner

_SECONDS = 60.0
_MISSING = "credentials not found"
#: The user name of an identity token.
TOKEN_USER = "<token>"


class Helper(NamedTuple):
    """``name`` is what follows docker-credential-."""

    name: str
    runner: Runner

    @property
    def program(self) -> str:
        return f"docker-credential-{self.name}"

    def get(self, host: str) -> tuple[str, str] | None:
        """User name and secret, None when it has none for the host.  Raises HostLacks, Corrupt, EngineError."""
        deed = f"ask credential helper {self.name} for {host}"
        done = self._run("get", host.encode(), deed)
        answer = _text(done)
        if done.rc != 0:
            if _MISSING in answer:
                return None
            raise EngineError(deed, f"{self.program} ended with {done.rc}: {answer[:200]}")
        content = parse_json(answer, f"the answer of {self.program}")
        if not isinstance(content, dict):
            raise Corrupt(deed, f"{self.program} did not answer with an object")
        user, secret = content.get("Username"), content.get("Secret")
        if not isinstance(user, str) or not isinstance(secret, str):
            raise Corrupt(deed, f"{self.program} answered without Username and Secret")
        return user, secret

    def store(self, host: str, user: str, secret: str) -> None:
        deed = f"give credential helper {self.name} the log-in at {host}"
        done = self._run("store", dump_json({"ServerURL": host, "Username": user, "Secret": secret}), deed)
        if done.rc != 0:
            # What it says may repeat what it was given.
            said = _text(done)[:200]
            hint = said if secret not in said else "its message is left out, it holds the secret"
            raise EngineError(deed, f"{self.program} ended with {done.rc}: {hint}")

    def erase(self, host: str) -> None:
        """Idempotent."""
        deed = f"have credential helper {self.name} forget {host}"
        done = self._run("erase", host.encode(), deed)
        answer = _text(done)
        if done.rc != 0 and _MISSING not in answer:
            raise EngineError(deed, f"{self.program} ended with {done.rc}: {answer[:200]}")

    def hosts(self) -> list[str]:
        deed = f"list what credential helper {self.name} has"
        done = self._run("list", b"", deed)
        if done.rc != 0:
            raise EngineError(deed, f"{self.program} ended with {done.rc}: {_text(done)[:200]}")
        content = parse_json(_text(done) or "{}", f"the answer of {self.program}")
        if not isinstance(content, dict):
            raise Corrupt(deed, f"{self.program} did not answer with an object")
        return sorted(content)

    def _run(self, verb: str, data: bytes, deed: str) -> Completed:
        if "/" in self.name:
            raise BadInput(deed, "a credential helper is named, not given by path")
        return self.runner.run([self.program, verb], input=data, timeout=_SECONDS)


def _text(done: Completed) -> str:
    return done.stdout.decode("utf-8", "replace").strip()
