# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `network_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {"name": {"type": "str"}, "executable": EXECUTABLE}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("networks", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    """A network that does not exist is simply not in the answer."""
    from ..network.observed import shown

    session = request.session()
    name = request.text("name")
    if not name:
        directory = session.networks
        found = directory.all()
        for file_name, why in directory.broken.items():
            request.warnings.append(f"{file_name} in {directory.settings.config_dir} was passed over: {why}")
    else:
        try:
            found = [session.networks.find(name)]
        except NotFound:
            found = []
    return Result([shown(session, network) for network in found])
