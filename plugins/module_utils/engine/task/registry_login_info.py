# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `registry_login_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "registry": {"type": "str"},
    "auth_file": {"type": "path", "aliases": ["authfile"]},
    "executable": EXECUTABLE,
}


def look(request: Request) -> Result:
    from ..image.accounts import Host

    host = Host.here()
    key = host.key(request.text("registry"))
    found = host.found(key, request.text("auth_file"))
    return Result({"registry": str(key), "username": found.username, "logged_in": found.present})


NOUN = Noun("login", OPTIONS, look, reads=True)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
