# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `pod_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {"name": {"type": "str"}, "executable": EXECUTABLE}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("pods", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    from ..pod import model
    from ..pod.inspect import inspect

    session = request.session()
    name = request.text("name")
    if name:
        one = model.lookup(session, name)
        found = [one] if one is not None else []
    else:
        found = sorted(model.every(session), key=lambda pod: pod.name)
    return Result([inspect(session, pod) for pod in found])
