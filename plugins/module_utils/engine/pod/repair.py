# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting right what killed tasks left of pods."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..container.reconcile import put_right as put_containers_right

if TYPE_CHECKING:
    from ..session.session import Session


def put_right(session: Session) -> None:
    """Containers first, whose journal knows half-made infra containers; then pods. One directory is read for each;
    where both are empty nothing else is imported."""
    put_containers_right(session)
    if not os.path.isdir(os.path.join(session.paths.static_dir, "daemonless-pods")):
        return
    from . import create

    log = create.journal(session)
    if not log.busy():
        return
    from . import remove, replace

    deeds = {
        "create": create.settle_interrupted,
        "remove": remove.settle_interrupted,
        "replace": replace.settle_interrupted,
    }
    for entry in log.abandoned():
        deed = deeds.get(entry.text("deed"))
        try:
            text = deed(session, entry) if deed is not None else ""
        except EngineError as error:
            entry.leave()
            session.warn(f"An interrupted task could not be put right: {error}")
            continue
        entry.end()
        if text:
            session.warn(f"An earlier task was interrupted: {text}")
