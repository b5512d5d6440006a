# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `registry_logout`: stored credentials go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Refused
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..image.accounts import Host
    from ..registry.logins import Key, Logins
    from .frame import Delivery, Options

OPTIONS: Options = {
    "registry": {"type": "str"},
    "all": {"type": "bool", "default": False},
    "auth_file": {"type": "path", "aliases": ["authfile"]},
    "compat_auth_file": {"type": "path"},
    "ignore_docker_credentials": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [
        ["registry", "all"],
        ["ignore_docker_credentials", "all"],
        ["auth_file", "compat_auth_file"],
    ]
}


def reconcile(request: Request) -> Result:
    from ..image.accounts import Host

    host = Host.here()
    logins = host.logins(request.text("auth_file"), request.text("compat_auth_file"))
    if request.flag("all"):
        return _all(request, logins)
    key = host.key(request.text("registry"))
    held = logins.find(key)
    if held.present and not request.check:
        logins.remove(key)
    if not held.present:
        _nobody_else(request, host, key)
    gone = [str(key)] if held.present else []
    stdout = f"Removed login credentials for {key}" if gone else f"Not logged into {key}"
    return _result(gone, stdout, {str(key): {"username": held.username}} if gone else {})


def _all(request: Request, logins: Logins) -> Result:
    gone = logins.everything()
    if gone and not request.check:
        logins.remove_everything()
    return _result(gone, "Removed login credentials for all registries", {name: {} for name in gone})


def _nobody_else(request: Request, host: Host, key: Key) -> None:
    """Credentials that another tool stored stay, and with them the log-in: that is not what the task says."""
    if request.flag("ignore_docker_credentials") or request.text("auth_file") or request.text("compat_auth_file"):
        return
    if host.found(key, "").present:
        raise Refused(
            f"log out of {key}",
            "another tool has stored credentials for it, in a file of its own or for a namespace of it",
            "Log out with that tool, name its file by compat_auth_file, or set ignore_docker_credentials",
        )


def _result(gone: list[str], stdout: str, before: object) -> Result:
    return Result(
        gone,
        changed=bool(gone),
        actions=[f"Logged out of {name}" for name in gone],
        before=before if gone else None,
        after={} if gone else None,
        extra={"stdout": stdout, "stderr": ""},
    )


NOUN = Noun("registries", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
