# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prune would take, as a value: shown in check mode, taken in a real run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, InUse, NotFound
from ..base.tuples import NamedTuple
from ..base.units import human_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONTAINER, BUILD, IMAGE, NETWORK, VOLUME = "container", "build container", "image", "network", "volume"
#: A container in the storage of which only another program knows, and what builds keep for the next one.
EXTERNAL, CACHE = "external container", "build cache"
POD = "pod"
_HEADINGS = (
    ("Deleted Containers", (CONTAINER, BUILD)),
    ("Deleted Pods", (POD,)),
    ("Deleted Volumes", (VOLUME,)),
    ("Deleted Images", (IMAGE,)),
    ("Deleted Networks", (NETWORK,)),
)


class Doomed(NamedTuple):
    """One thing that nobody uses. `bytes` are what its removal gives back; `names` may be empty for an image."""

    kind: str
    id: str
    names: tuple[str, ...] = ()
    bytes: int = 0

    @property
    def line(self) -> str:
        """What podman prints of it: the id, of networks and volumes the name."""
        return self.names[0] if self.kind in (NETWORK, VOLUME) else self.id

    def shown(self) -> dict[str, object]:
        return {"id": self.id, "names": list(self.names), "bytes": self.bytes}


class Pruned(NamedTuple):
    """What was removed, and what went wrong with the rest."""

    gone: tuple[Doomed, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.gone)


def take(doomed: Sequence[Doomed], remove: Callable[[Doomed], None]) -> Pruned:
    """Remove one after the other. What somebody began to use meanwhile stays, what has gone meanwhile is no error."""
    gone, errors = [], []
    for one in doomed:
        try:
            remove(one)
        except (InUse, NotFound):
            continue
        except EngineError as error:
            errors.append(str(error))
            continue
        gone.append(one)
    return Pruned(tuple(gone), tuple(errors))


def system_lines(pruned: Pruned) -> list[str]:
    """What `podman system prune` prints of it."""
    lines: list[str] = []
    for heading, kinds in _HEADINGS:
        found = [one.line for one in pruned.gone if one.kind in kinds]
        lines += [heading, *found] if found else []
    return [*lines, f"Total reclaimed space: {human_size(pruned.bytes).replace(' ', '')}"]
