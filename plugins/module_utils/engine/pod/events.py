# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events about pods, so that `podman events` tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..session.session import Session


def event(session: Session, pod_id: str, name: str, status: str, labels: Mapping[str, str]) -> None:
    from ..libpod.events import Event

    session.emit(Event("pod", status, id=pod_id, name=name, attributes=dict(labels)))
