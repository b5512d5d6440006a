# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody starts containers after the host was started: a unit of systemd, system-wide or of a user.

The role `host` installs and enables the unit; podman's own does the same for policy `always`. A user's unit needs
linger as well (loginctl(1)), or nothing of theirs starts before they log in.
"""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from .identity import Identity

UNIT = "daemonless-boot.service"
PODMAN_UNIT = "podman-restart.service"
COMMAND = "daemonless start --all --filter should-start-on-boot=true"
_REMEDY = "the role daemonless.oci.host installs and enables it"


class Boot(NamedTuple):
    """`unit` is the path by which systemd starts it, "" when it does not; `reason` says why not and what to do."""

    unit: str
    reason: str = ""

    @property
    def starts(self) -> bool:
        return bool(self.unit) and not self.reason


def systemd_runs(root: str = "/") -> bool:
    """sd_booted(3)"""
    return os.path.isdir(os.path.join(root, "run/systemd/system"))


def boot_of(identity: Identity, root: str = "/") -> Boot:
    """What happens to this user's containers at a boot of the host below `root`."""
    if not systemd_runs(root):
        return Boot("", f"this host has no systemd; have its init system run `{COMMAND}`")
    if not identity.rootless:
        unit = _enabled(os.path.join(root, "etc/systemd/system"))
        return Boot(unit, "" if unit else f"{UNIT} is not enabled; {_REMEDY}")
    home = os.path.join(root, identity.home.lstrip("/"), ".config/systemd/user")
    unit = _enabled(os.path.join(root, "etc/systemd/user")) or _enabled(home)
    if not unit:
        return Boot("", f"{UNIT} is not enabled for users; {_REMEDY}")
    if not os.path.lexists(os.path.join(root, "var/lib/systemd/linger", identity.name)):
        return Boot(unit, f"user {identity.name} has no linger: `loginctl enable-linger {identity.name}`")
    return Boot(unit)


def _enabled(folder: str) -> str:
    for name in (UNIT, PODMAN_UNIT):
        found = glob.glob(os.path.join(glob.escape(folder), "*.wants", name))
        if found:
            return found[0]
    return ""
