# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the limits of a running container in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.files import dump_json
from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner


def update(runner: Runner, runtime: Runtime, cid: str, name: str, resources: dict[str, object]) -> None:
    """`resources` is an OCI `linux.resources` object holding only what changes.

    Check it against host/cgroups.py first: a runtime's own words for a missing controller are poor.
    """
    request = Call(f"update container {name}", ("update", "--resources", "-", cid), dump_json(resources))
    call(runner, runtime, request)
