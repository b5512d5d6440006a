# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every task that talks to a registry: credentials, TLS, patience.  Written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from ..image.options import PullOptions
    from ..spec.platform import Platform
    from .frame import Options, Request

ACCESS: Options = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "auth_file": {"type": "path", "aliases": ["authfile"]},
    "validate_certs": {"type": "bool", "aliases": ["tlsverify", "tls_verify"]},
    "ca_cert_dir": {"type": "path"},
    "retry": {"type": "int"},
    "retry_delay": {"type": "str"},
    "timeout": {"type": "int", "default": 30},
}
EXCLUSIVE = [["auth_file", "username"], ["auth_file", "password"]]
TOGETHER = [["username", "password"]]
RULES = {"mutually_exclusive": EXCLUSIVE, "required_together": TOGETHER}


def access(request: Request, platform: Platform | None = None) -> PullOptions:
    """What the task said about reaching registries.  Raises BadInput."""
    from ..base.units import parse_duration
    from ..image.options import PullOptions

    retries, delay, timeout = request.params.get("retry"), request.text("retry_delay"), request.params.get("timeout")
    validate = request.params.get("validate_certs")
    if isinstance(retries, int) and retries < 0:
        raise BadInput("read the option retry", "it is negative")
    if isinstance(timeout, int) and timeout < 1:
        raise BadInput("read the option timeout", "it is less than one second")
    return PullOptions(
        platform=platform,
        username=request.text("username"),
        password=request.text("password"),
        auth_file=request.text("auth_file"),
        validate_certs=validate if isinstance(validate, bool) else None,
        ca_cert_dir=request.text("ca_cert_dir"),
        retries=retries if isinstance(retries, int) else 3,
        retry_delay=parse_duration(delay) / 1e9 if delay else None,
        timeout=float(timeout) if isinstance(timeout, int) else 30.0,
    )
