# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `host_info`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Json, Options

OPTIONS: Options = {"executable": EXECUTABLE}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("host", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    from ..host.identity import who_am_i
    from ..host.process import LinuxRunner
    from ..session.report import report

    runtime = installed(request.delivery)
    found = report(who_am_i(), LinuxRunner(), request.session)
    return Result({**found, "runtime": runtime})


def installed(delivery: Delivery) -> Json:
    """The copies of the engine on this host, as far as this user has them."""
    from .install import versions
    from .links import command_link

    link = command_link(delivery.base)
    return {
        "base": delivery.base,
        "digest": delivery.digest,
        "installed": delivery.home is not None,
        "home": delivery.home,
        "command": link if os.path.exists(link) else None,
        "versions": versions(delivery.base),
    }
