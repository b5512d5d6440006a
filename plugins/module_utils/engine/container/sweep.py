# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody uses, of all kinds together: what goes first decides what nobody uses then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.pruning import BUILD, CONTAINER, IMAGE, NETWORK, VOLUME

if TYPE_CHECKING:
    from ..base.filters import Filter
    from ..plan.pruning import Doomed
    from ..session.session import Session


class Sweep:
    """What goes, found kind by kind: a container that goes no longer uses its image, networks and volumes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.doomed: dict[str, list[Doomed]] = {}
        self._taken: set[tuple[str, str]] = set()

    @property
    def containers(self) -> set[str]:
        """Ids of the containers that go."""
        return {identity for kind, identity in self._taken if kind in (CONTAINER, BUILD)}

    def add(self, target: str, found: list[Doomed]) -> None:
        fresh = [one for one in found if (one.kind, one.id) not in self._taken]
        self.doomed.setdefault(target, []).extend(fresh)
        self._taken.update((one.kind, one.id) for one in fresh)

    def look(self, target: str, filters: tuple[Filter, ...], *, every: bool = False) -> None:
        """The unused things of one kind."""
        if target == "container":
            from . import prune as containers

            self.add(target, containers.unused(self.session, filters))
        elif target == "image":
            from ..image import prune as images

            self.add(target, images.unused(self.session, filters, every=every, gone=self.containers))
        elif target == "network":
            from ..network import prune as networks

            self.add(target, networks.unused(self.session, filters, gone=self.containers))
        else:
            from ..volume import prune as volumes

            self.add(target, volumes.unused(self.session, filters, gone=self.containers))

    def look_everywhere(self, *, every: bool, build: bool, volumes: bool, filters: tuple[Filter, ...] = ()) -> None:
        """What `podman system prune` takes."""
        kept, self.doomed = self.doomed, {}
        if build:
            from . import prune as containers

            self.add("container", containers.of_builds(self.session))
        for kind in ("container", "image", "network", *(("volume",) if volumes else ())):
            self.look(kind, filters, every=every)
        found = [one for kind in ("container", "volume", "image", "network") for one in self.doomed.get(kind, [])]
        self.doomed = {**kept, "system": found}


def remove(session: Session, one: Doomed) -> None:
    """Raises what the removal of its kind raises."""
    from ..image import prune as images
    from ..network import prune as networks
    from ..volume import prune as volumes
    from . import prune as containers

    if one.kind == IMAGE:
        images.remove(session, one)
    elif one.kind == NETWORK:
        networks.remove(session, one)
    elif one.kind == VOLUME:
        volumes.remove(session, one)
    else:
        containers.remove(session, one)
