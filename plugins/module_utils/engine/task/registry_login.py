# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `registry_login`: credentials for a registry, kept where podman keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..image.accounts import Host
    from ..registry.auth import Credentials
    from ..registry.logins import Key, Logins
    from .frame import Delivery, Json, Options

OPTIONS: Options = {
    "registry": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "secret": {"type": "str", "no_log": False},
    "auth_file": {"type": "path", "aliases": ["authfile"]},
    "compat_auth_file": {"type": "path"},
    "ca_cert_dir": {"type": "path", "aliases": ["certdir"]},
    "validate_certs": {"type": "bool", "aliases": ["tlsverify", "tls_verify"]},
    "verify": {"type": "bool", "default": True},
    "retry": {"type": "int"},
    "retry_delay": {"type": "str"},
    "timeout": {"type": "int", "default": 30},
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [["password", "secret"], ["auth_file", "compat_auth_file"]],
    "required_by": {"password": ["username"], "secret": ["username"]},
}


def reconcile(request: Request) -> Result:
    from ..image.accounts import Host

    host = Host.here()
    key = host.key(request.text("registry"))
    logins = host.logins(request.text("auth_file"), request.text("compat_auth_file"))
    wanted = _wanted(request)
    if wanted is None:
        return _still_good(request, host, key, logins)
    held = logins.find(key)
    if request.flag("verify"):
        _verify(request, host, key, wanted)
    changed = held != wanted
    if changed and not request.check:
        logins.store(key, wanted)
    stdout = "Login Succeeded!" if changed else _already(key)
    before, after = _shown(held, "what it was"), _shown(wanted, "what it was" if not changed else "another one")
    return Result(
        _value(key, wanted, logins),
        changed=changed,
        actions=[f"Logged in at {key} as {wanted.username}"] if changed else [],
        before={str(key): before} if changed else None,
        after={str(key): after} if changed else None,
        extra={"stdout": stdout, "stderr": ""},
    )


def _still_good(request: Request, host: Host, key: Key, logins: Logins) -> Result:
    """Without credentials the task asks whether those that are stored already still work."""
    compat = request.text("compat_auth_file")
    held = logins.find(key) if compat else host.found(key, request.text("auth_file"))
    if not held.present:
        raise BadInput(f"log in at {key}", "no user name is given, and no credentials are stored")
    if request.flag("verify"):
        _verify(request, host, key, held)
    extra = {"stdout": _already(key), "stderr": ""}
    return Result(_value(key, held, logins), changed=False, extra=extra)


def _wanted(request: Request) -> Credentials | None:
    from ..registry.auth import Credentials

    user, password = request.text("username"), request.text("password")
    if not user:
        return None
    if request.text("secret"):
        from ..libpod import secret_values

        session = request.session()
        password = secret_values.read(session.paths.secrets, request.text("secret"))
    if not password:
        raise BadInput("log in", "a user name is given, but neither a password nor a secret")
    if ":" in user:
        raise BadInput("log in", "a user name cannot hold a colon")
    return Credentials(user, password)


def _verify(request: Request, host: Host, key: Key, credentials: Credentials) -> None:
    from .registry_access import access

    host.verify(key, credentials, access(request))


def _shown(credentials: Credentials, password: str) -> Json | None:
    return {"username": credentials.username, "password": f"({password})"} if credentials.present else None


def _value(key: Key, credentials: Credentials, logins: Logins) -> Json:
    return {
        "registry": str(key),
        "username": credentials.username,
        "logged_in": credentials.present,
        "auth_file": logins.file.path,
    }


def _already(key: Key) -> str:
    return f"Existing credentials are valid. Already logged in to {key}"


NOUN = Noun("login", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
