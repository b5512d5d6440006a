# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named volume as wished for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = patterns.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", patterns.ASCII)
_OPTIONS = frozenset(("device", "o", "type", "uid", "gid", "size", "inodes", "noquota", "copy", "nocopy"))
_BESIDE = ("uid", "gid", "size", "inodes", "noquota")
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

    def stored_options(self) -> dict[str, str]:
        """As podman records them: owner, size and the like of `o` stand beside it, in capitals."""
        found = dict(self.options)
        for word in found.get("o", "").split(","):
            key, _equals, value = word.partition("=")
            if key.lower() in _BESIDE:
                found[key.upper()] = value or "true"
        return found

    def owner(self) -> tuple[int | None, int | None]:
        """Who owns the directory from the start: `uid` and `gid`, else those of `o`."""
        found = self.stored_options()
        return _id(found.get("UID"), self.uid), _id(found.get("GID"), self.gid)


def _id(text: str | None, explicit: int | None) -> int | None:
    return int(text) if explicit is None and text is not None else explicit


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
    _check_beside(deed, desired)


def _check_beside(deed: str, desired: VolumeDesired) -> None:
    stored = desired.stored_options()
    for key in ("UID", "GID"):
        if key in stored and not (stored[key].isascii() and stored[key].isdecimal()):
            raise BadInput(deed, f"{key.lower()}={stored[key]} in o is not a number")
    limits = [key.lower() for key in ("SIZE", "INODES") if key in stored]
    if limits and stored.get("type") != "tmpfs":
        raise BadInput(
            deed,
            f"{' and '.join(limits)} would need a project quota, which is not set up here",
            "Use type=tmpfs, or a device or directory of that size",
        )
    if "INODES" in stored:
        raise BadInput(deed, "a tmpfs volume has a size, and no inodes", "Write nr_inodes=.. for the limit of tmpfs")


def parse_options(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`KEY=VALUE` each, as `podman volume create --opt` takes them. Raises BadInput."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not key or not equals:
            raise BadInput(f"read the volume option {text[:60]!r}", "it reads KEY=VALUE, as in type=tmpfs")
        found[key] = f"{found[key]},{value}" if key == "o" and key in found else value
    return tuple(sorted(found.items()))


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None
