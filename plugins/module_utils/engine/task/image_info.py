# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at images: all of them, or those that were named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "list", "elements": "str"},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    """An image that is not there is left out, as by containers.podman; so an empty list is the answer to "is it?"."""
    from ..image import lookup
    from ..image.inspect import inspect
    from ..image.view import instance_of

    session = request.session()
    names = request.texts("name")
    if names:
        found = [lookup.find_record(session, name) for name in names]
        records = [entry[0] for entry in found if entry is not None]
    else:
        # A manifest list is no image of its own; what runs here of it is shown once.
        chosen = [instance_of(session.store, record) for record in session.store.images()]
        records = [record for record in chosen if record is not None]
    return Result([inspect(session, record) for record in dict.fromkeys(records)])


NOUN = Noun("images", OPTIONS, reconcile, reads=True)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
