# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart policies, `--restart` of podman-run(1)."""

from __future__ import annotations

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

NO = "no"
ALWAYS = "always"
ON_FAILURE = "on-failure"
UNLESS_STOPPED = "unless-stopped"
_NAMES = {
    "": NO,
    "no": NO,
    "never": NO,
    "always": ALWAYS,
    "on-failure": ON_FAILURE,
    "on_failure": ON_FAILURE,
    "onfailure": ON_FAILURE,
    "unless-stopped": UNLESS_STOPPED,
    "unless_stopped": UNLESS_STOPPED,
}


class RestartPolicy(NamedTuple):
    """`retries` 0 is without end."""

    name: str = NO
    retries: int = 0

    def __str__(self) -> str:
        return f"{self.name}:{self.retries}" if self.retries else self.name


def parse(text: str | bool | None) -> RestartPolicy:
    """`no`, `always`, `unless-stopped`, `on-failure[:N]`; YAML's bare `no` arrives as False. Raises BadInput."""
    if text is None or text is False:
        return RestartPolicy()
    word, colon, number = str(text).strip().lower().partition(":")
    name = _NAMES.get(word)
    if name is None:
        raise _bad(text, f"expected {NO}, {ALWAYS}, {UNLESS_STOPPED} or {ON_FAILURE}[:N]")
    if not colon:
        return RestartPolicy(name)
    if name != ON_FAILURE:
        raise _bad(text, f"only {ON_FAILURE} takes a number of retries")
    if not (number.isascii() and number.isdigit()):
        raise _bad(text, f"{number[:20]!r} is not a number of retries")
    return RestartPolicy(name, int(number))


def _bad(text: object, cause: str) -> BadInput:
    return BadInput(f"read restart_policy {str(text)[:60]!r}", cause)
