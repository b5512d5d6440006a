# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `secret_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str"},
    "showsecret": {"type": "bool", "default": False, "no_log": False},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("secrets", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    """A secret that does not exist is simply not in the answer."""
    from ..secret import deeds

    store = deeds.open_store(request.session())
    name = request.text("name")
    found = store.find(name) if name else None
    chosen = ([found] if found else []) if name else store.all()
    show = request.flag("showsecret")
    return Result([deeds.shown(secret, store.value(secret) if show else None) for secret in chosen])
