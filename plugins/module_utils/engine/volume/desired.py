# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named volume as wished for."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..base.errors import BadInput

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", re.ASCII)
_OPTIONS = frozenset(("device", "o", "type", "uid", "gid", "size", "inodes", "noquota", "copy", "nocopy"))
LOCAL = "local"


class VolumeDesired(NamedTuple):
    """`options` and `labels` are pairs, in any order. `uid` and `gid` own the volume's directory from the start; None
    leaves it to root until a container first mounts it. `anonymous`: it goes with the container it was made for.
    """

    name: str
    driver: str = LOCAL
    options: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    uid: int | None = None
    gid: int | None = None
    anonymous: bool = False


def check(desired: VolumeDesired) -> None:
    """Raises BadInput for a name, driver or option that podman would refuse too."""
    deed = f"create volume {desired.name}"
    if not is_name(desired.name):
        raise BadInput(deed, "a volume's name starts with a letter or digit and goes on with these, '_', '.' or '-'")
    if desired.driver != LOCAL:
        raise BadInput(deed, f"the volume driver {desired.driver} is not supported", "Use the driver local")
    given = dict(desired.options)
    for key in given:
        if key.lower() not in _OPTIONS:
            raise BadInput(deed, f"{key} is not an option of the local driver", "Known: type, device, o")
    if "device" in given and "type" not in given and "bind" not in given.get("o", "").split(","):
        raise BadInput(deed, "a device needs a type", "Say type: bind for a directory of this host")


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None
