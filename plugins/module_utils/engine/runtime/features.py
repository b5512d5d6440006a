# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a runtime says it can do (OCI runtime-spec features.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.files import parse_json
from .program import Call, Runtime, attempt

if TYPE_CHECKING:
    from ..host.process import Runner

Json = dict[str, object]


def features(runner: Runner, runtime: Runtime) -> Json:
    """The features object; empty for a runtime that has no such verb (crun before 1.8.2, runc before 1.1)."""
    done = attempt(runner, runtime, Call(f"ask {runtime.name} for its features", ("features",), deadline=10.0))
    if done.rc != 0 or not done.stdout.lstrip().startswith(b"{"):
        return {}
    found = parse_json(done.stdout, f"features of {runtime.name}")
    return found if isinstance(found, dict) else {}
