# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`pull_extra_args` of containers.podman: words of `podman pull`, understood as the options they stand for."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Flag -> option of this module.
_VALUES: Mapping[str, str] = {
    "--arch": "arch",
    "--os": "os",
    "--variant": "variant",
    "--platform": "platform",
    "--authfile": "auth_file",
    "--cert-dir": "ca_cert_dir",
    "--policy": "pull_policy",
    "--retry": "retry",
    "--retry-delay": "retry_delay",
}
#: Flags about output on a terminal, where nothing is lost without them.
_SILENT = ("-q", "--quiet")


def parse(text: str) -> dict[str, object]:
    """The options that the words set.  Raises BadInput for words that `podman pull` has and this module has not."""
    deed = "read the option pull_extra_args"
    try:
        words = shlex.split(text)
    except ValueError as err:
        raise BadInput(deed, str(err))
    found: dict[str, object] = {}
    while words:
        flag, equal, value = words.pop(0).partition("=")
        if flag in _SILENT:
            continue
        if flag == "--tls-verify":
            found["validate_certs"] = _truth(value if equal else "true", deed)
            continue
        if flag == "--creds":
            raise BadInput(deed, "--creds would show the password in logs", "Use username and password")
        if flag not in _VALUES:
            known = ", ".join(sorted((*_VALUES, "--quiet", "--tls-verify")))
            raise BadInput(deed, f"{flag!r} is not one of {known}")
        if not equal:
            if not words:
                raise BadInput(deed, f"{flag} needs a value")
            value = words.pop(0)
        found[_VALUES[flag]] = _count(value, deed) if flag == "--retry" else value
    return found


def _truth(word: str, deed: str) -> bool:
    if word.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise BadInput(deed, f"--tls-verify={word} is neither true nor false")
    return word.lower() in ("true", "1", "t")


def _count(word: str, deed: str) -> int:
    if not word.isdecimal():
        raise BadInput(deed, f"--retry {word} is not a number")
    return int(word)
