# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting a runtime spec to what this host can give: limits that were asked for are never dropped in silence."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from ..base import jsonval
from ..host import cgroups

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session

_CAP_SYS_RESOURCE = 24
_DEFAULT_PIDS = 2048  # podman's own default, which nobody asked for


def fit(session: Session, spec: Json, deed: str) -> Json:
    """The spec with rlimits clamped and without a default limit this host has no controller for.

    Raises HostLacks naming every limit that was asked for and cannot be given.
    """
    spec = dict(spec)
    linux: Json = dict(jsonval.table(spec, "linux"))
    linux["resources"] = _resources(session, jsonval.table(linux, "resources"), deed)
    spec["linux"] = linux
    process: Json = dict(jsonval.table(spec, "process"))
    if jsonval.tables(process, "rlimits"):
        process["rlimits"] = _rlimits(session, jsonval.tables(process, "rlimits"))
    spec["process"] = process
    return spec


def _resources(session: Session, wanted: Json, deed: str) -> Json:
    facts = session.cgroups
    pids = jsonval.table(wanted, "pids")
    if jsonval.number(pids, "limit") == _DEFAULT_PIDS and "pids" not in facts.controllers:
        wanted = {key: value for key, value in wanted.items() if key != "pids"}
    cgroups.require(facts, cgroups.limits_in(wanted), deed)
    if not facts.can_create:  # the runtime would try to make a group for the device rules
        wanted = {key: value for key, value in wanted.items() if key != "devices"}
    return wanted


def _rlimits(session: Session, wanted: list[Json]) -> list[Json]:
    """Only CAP_SYS_RESOURCE of the initial user namespace raises a hard limit (setrlimit(2))."""
    if not session.identity.rootless and _has_capability(_CAP_SYS_RESOURCE):
        return wanted
    return [_clamped(session, limit) for limit in wanted]


def _clamped(session: Session, limit: Json) -> Json:
    name = jsonval.text(limit, "type")
    number = getattr(resource, name, None)
    if not isinstance(number, int):
        return limit
    ceiling = resource.getrlimit(number)[1]
    if ceiling == resource.RLIM_INFINITY:
        return limit
    hard, soft = jsonval.number(limit, "hard"), jsonval.number(limit, "soft")
    if hard <= ceiling and soft <= ceiling:
        return limit
    session.warn(
        f"{name} {soft}:{hard} is above the hard limit {ceiling} of this host and was lowered to it; "
        "raise the limit of the process that starts containers to get more"
    )
    return {**limit, "hard": min(hard, ceiling), "soft": min(soft, ceiling)}


def _has_capability(number: int) -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False
