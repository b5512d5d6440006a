# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod as the planner sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import lifecycle
from .planner import MemberSeen, PodSeen

if TYPE_CHECKING:
    from .model import Pod


def seen(pod: Pod) -> PodSeen:
    infra = pod.infra
    members = tuple(
        MemberSeen(one.name, one.status, bool(lifecycle.init_kind(one)), lifecycle.is_done(one)) for one in pod.members
    )
    if infra is None:
        return PodSeen(pod.config, None, "", "", members)
    return PodSeen(pod.config, infra.config, infra.status, infra.name, members)
