# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error family of the engine.

    EngineError
     |- BadInput      what the caller wrote is wrong; nothing was touched
     |- NotFound      a named object does not exist
     |- Conflict      a name, port or address is taken
     |- InUse         an object cannot go, others use it
     |- HostLacks     a program, kernel feature, sub-id range or limit this host cannot give
     |- ToolFailed    an external program ended with an error
     |- Unreachable   a registry or network does not answer
     |- Denied        credentials or policy refuse
     |- Corrupt       foreign bytes are not what they claim to be (digest, size, format)
     |- Damaged       our own state contradicts itself
     |- Refused       carrying on would destroy something
     `- TimedOut      a deadline passed

Each reads "deed: cause. hint"; only task/ and cli/ turn one into an exit.
"""

from __future__ import annotations


class EngineError(Exception):
    """A deed that could not be done: what was tried, why it failed, and what to do where that is known.

    A clean-up that failed as well is reported beside the failure, never instead of it.
    """

    def __init__(self, deed: str, cause: str, hint: str = "") -> None:
        super().__init__(deed, cause, hint)
        self.deed = deed
        self.cause = cause
        self.hint = hint
        self.cleanup: list[str] = []

    def add_cleanup_failure(self, text: str) -> None:
        self.cleanup.append(text)

    def __str__(self) -> str:
        text = f"{self.deed}: {self.cause}"
        if self.hint:
            text = f"{text.rstrip('.')}. {self.hint}"
        for failure in self.cleanup:
            text = f"{text.rstrip('.')}. Cleaning up failed too: {failure}"
        return text


class BadInput(EngineError):
    """What the caller wrote cannot be meant."""


class NotFound(EngineError):
    """The named object does not exist."""


class Conflict(EngineError):
    """A name, port or address is already taken."""


class InUse(EngineError):
    """The object is needed by others."""


class HostLacks(EngineError):
    """This host cannot give what is needed."""


class ToolFailed(EngineError):
    """An external program failed."""

    def __init__(self, deed: str, program: str, rc: int, stderr: str, hint: str = "") -> None:
        detail = stderr.strip()
        ended = f"killed by signal {-rc}" if rc < 0 else f"exit code {rc}"
        super().__init__(deed, f"{program}: {detail}" if detail else f"{program}: {ended}", hint)
        self.args = (deed, program, rc, stderr, hint)  # a copy for another process is made from these
        self.program = program
        self.rc = rc
        self.stderr = stderr


class Unreachable(EngineError):
    """A registry or network does not answer."""


class Denied(EngineError):
    """Credentials or policy refuse the deed."""


class Corrupt(EngineError):
    """Foreign data is not what it claims to be."""


class Damaged(EngineError):
    """Our own state contradicts itself."""


class Refused(EngineError):
    """The deed would destroy something the caller did not say to destroy."""


class TimedOut(EngineError):
    """A deadline passed."""
