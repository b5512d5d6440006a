# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `volume_import`: an archive into a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True, "aliases": ["volume"]},
    "src": {"type": "path", "required": True, "aliases": ["path"]},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    return bring(request, request.text("name"))


def bring(request: Request, name: str) -> Result:
    """The archive is unpacked beside the volume and compared; only what differs is put in place. Raises NotFound."""
    from ..base.errors import BadInput, NotFound
    from ..volume import observed, transfer

    source = request.text("src")
    session = request.session()
    view = observed.find(session, name)
    if view is None:
        raise NotFound(f"import volume {name}", "there is none of this name", "Make it with the module volume")
    try:
        file = open(source, "rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise BadInput(f"import volume {name}", f"{source}: {error.strerror}") from error
    with file:
        deed = transfer.foresee if request.check else transfer.bring
        made = deed(session, view, file, source)
    after = observed.find(session, name) or view
    return Result(observed.shown(after), plan=made, extra={"stdout": "", "stderr": ""})


NOUN = Noun("volume", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
