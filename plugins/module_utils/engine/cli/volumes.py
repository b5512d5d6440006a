# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless volume ls, and what inspect shows of a volume"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import key_values
from .context import Usage
from .filters import label_matches
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..volume.observed import VolumeView
    from .arguments import Parser
    from .context import Context

_COLUMNS = (("DRIVER", "Driver"), ("VOLUME NAME", "Name"))


def arguments(parser: Parser, name: str) -> None:
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="dangling, driver, label, name")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.flag("-n", "--noheading", help="no headings")
    parser.flag("-q", "--quiet", help="only names")


def run(context: Context, options: Namespace) -> int:
    from ..volume.observed import all_volumes, shown

    volumes = sorted(all_volumes(context.session), key=lambda volume: volume.name)
    for key, values in key_values(options.filter).items():
        volumes = [one for one in volumes if _fits(one, key, values)]
    rows = [_row(volume) for volume in volumes]
    listing = Listing(_COLUMNS, rows, lambda: [shown(volume) for volume in volumes], "Name")
    context.out(render(listing, options.format, quiet=options.quiet, heading=not options.noheading))
    return 0


def _row(volume: VolumeView) -> Row:
    from ..volume.observed import shown

    row = Row(shown(volume))
    row.source = lambda: shown(volume)
    return row


def _fits(volume: VolumeView, key: str, values: list[str]) -> bool:
    if key == "name":
        return any(value in volume.name for value in values)
    if key == "driver":
        return volume.driver in values
    if key == "label":
        return all(label_matches(volume.labels, value) for value in values)
    if key == "dangling":
        return bool(volume.users) != (values[-1].lower() == "true")
    raise Usage(f"{key} is an invalid filter")
