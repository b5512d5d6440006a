# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking back what containers that no longer exist have left behind on networks.

Whoever knows the container detaches it by connect.disconnect, which also knows its ports. This is for the rest.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ..base.errors import ToolFailed
from . import ipam, netns, setup
from .networks import NetworkDir
from .request import Attachment, ContainerNet

if TYPE_CHECKING:
    from collections.abc import Collection

    from .settings import NetContext

_SETTLE_SECONDS = 300.0  # a younger namespace may belong to a start that is just going on


def repair(ctx: NetContext, containers: Collection[str], namespaces: Collection[str]) -> list[str]:
    """Detach every holder of an address that is not in `containers` (ids), remove every namespace of ours that is not
    in `namespaces` (paths), bring the count of the shared rootless namespace in order. What was done, one line each.
    """
    done = []
    for container_id, networks in sorted(_strangers(ctx, containers).items()):
        attachments = tuple(Attachment(network) for network in networks)
        gone = ContainerNet(container_id, container_id[:12], "", attachments)
        try:
            setup.teardown(ctx, "", gone)
        except ToolFailed as error:
            done.append(f"could not detach container {container_id[:12]}: {error}")
        ipam_free(ctx, container_id)
        done.append(f"released the addresses of container {container_id[:12]} on {', '.join(networks)}")
    for path in netns.bound_in(ctx.settings.netns_dir):
        if path not in namespaces and _is_old(path):
            netns.remove(path)
            done.append(f"removed network namespace {os.path.basename(path)}")
    return done + _recount(ctx)


def ipam_free(ctx: NetContext, container_id: str) -> None:
    """Leases on networks that have no file any more, too."""
    with NetworkDir(ctx.settings).locked():
        ipam.release(ctx.settings.ipam_db, container_id)


def _strangers(ctx: NetContext, containers: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for network, holders in ipam.holders_by_network(ctx.settings.ipam_db).items():
        for holder in holders:
            if holder not in containers:
                found.setdefault(holder, []).append(network)
    return found


def _is_old(path: str) -> bool:
    try:
        # Of a bound namespace the file below is not to be seen; its own times start when it was first looked at.
        return not netns.is_bound(path) or time.time() - os.stat(path).st_ctime > _SETTLE_SECONDS
    except FileNotFoundError:
        return False


def _recount(ctx: NetContext) -> list[str]:
    if not ctx.settings.rootless:
        return []
    from . import rootless_bridge

    with NetworkDir(ctx.settings).locked():
        if not rootless_bridge.exists(ctx.settings):
            return []
        recorded, leased = rootless_bridge.read_count(ctx.settings), rootless_bridge.leased(ctx.settings)
        networks = NetworkDir(ctx.settings).all()
        if recorded == leased or not all(network.leases_addresses for network in networks):
            return []  # attachments without addresses cannot be counted from here
        rootless_bridge.write_count(ctx.settings, leased)
        if not leased:
            rootless_bridge.take_down(ctx.settings)
        return [f"corrected the count of rootless attachments from {recorded} to {leased}"]
