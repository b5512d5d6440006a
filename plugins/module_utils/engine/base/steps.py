# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named steps, the seam by which fault tests stop a deed half-way.

Crash safety is claimed for every point between two changes that another process can see. Each such point has a name;
with `DAEMONLESS_STOP_AT=name` (or `name:n` for the n-th time it is passed) in the environment the process kills itself
there with SIGKILL, exactly as a power cut or an impatient administrator would. `DAEMONLESS_STEPS_LOG=path` appends the
names of the steps that a deed passes to a file, so that a test knows where it can be stopped.
"""

from __future__ import annotations

import os

_SIGKILL = 9  # the module signal costs every task a millisecond of enumerations
_passed: dict[str, int] = {}


def reached(name: str) -> None:
    """Pass the step `name`."""
    log = os.environ.get("DAEMONLESS_STEPS_LOG")
    if log:
        with open(log, "a", encoding="ascii") as file:
            file.write(f"{name}\n")
    wanted = os.environ.get("DAEMONLESS_STOP_AT")
    if not wanted:
        return
    target, colon, count = wanted.partition(":")
    if target != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if not colon or _passed[name] == int(count):
        os.kill(os.getpid(), _SIGKILL)
