# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the runtime forget a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner


def delete(runner: Runner, runtime: Runtime, cid: str, name: str, *, force: bool = False) -> None:
    """No complaint when it is gone already. `force` kills what still runs, else a running container is an error."""
    argv = ("delete", "--force", cid) if force else ("delete", cid)
    try:
        call(runner, runtime, Call(f"remove container {name} from {runtime.name}", argv))
    except NotFound:
        return
