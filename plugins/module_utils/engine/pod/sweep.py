# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody uses, of all kinds together: what goes first decides what nobody uses then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.pruning import BUILD, CACHE, CONTAINER, EXTERNAL, IMAGE, NETWORK, POD, VOLUME, Doomed

if TYPE_CHECKING:
    from ..base.filters import Filter
    from ..session.session import Session


class Sweep:
    """What goes, found kind by kind: a container that goes no longer uses its image, networks and volumes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.doomed: dict[str, list[Doomed]] = {}
        self._taken: set[tuple[str, str]] = set()
        self._in_pods: set[str] = set()

    @property
    def containers(self) -> set[str]:
        """Ids of the containers that go."""
        return {identity for kind, identity in self._taken if kind in (CONTAINER, BUILD, EXTERNAL)} | self._in_pods

    def add(self, target: str, found: list[Doomed]) -> None:
        fresh = [one for one in found if (one.kind, one.id) not in self._taken]
        self.doomed.setdefault(target, []).extend(fresh)
        self._taken.update((one.kind, one.id) for one in fresh)

    def look(self, target: str, filters: tuple[Filter, ...], *, every: bool = False) -> None:
        """The unused things of one kind."""
        if target == "container":
            from ..container import prune as containers

            self.add(target, containers.unused(self.session, filters))
        elif target == "image":
            self.look_at_images(filters, every=every)
        elif target == "network":
            from ..network import prune as networks

            self.add(target, networks.unused(self.session, filters, gone=self.containers))
        else:
            from ..volume import prune as volumes

            self.add(target, volumes.unused(self.session, filters, gone=self.containers))

    def look_at_images(self, filters: tuple[Filter, ...], *, every: bool = False, external: bool = False) -> None:
        """Unused images; with `external` those that only containers of other programs use, with these, too."""
        from ..image import prune as images

        strangers: dict[str, list[Doomed]] = {}
        if external:
            from ..container import prune as containers

            strangers = containers.of_others(self.session)
        gone = self.containers | {one.id for listed in strangers.values() for one in listed}
        self.add("image", [])
        for image in images.unused(self.session, filters, every=every, gone=gone):
            self.add("image", [*strangers.get(image.id, ()), image])

    def look_at_build_cache(self) -> None:
        """What builds keep for the next ones; it goes with the images."""
        from ..image import build_cache

        self.add("image", build_cache.found(self.session))

    def look_at_pods(self, filters: tuple[Filter, ...]) -> None:
        """Those that have ended, with all their containers. (podman's system prune takes them whatever it filters.)"""
        from ..base import clock
        from ..base.filters import by_label_and_age
        from ..container.prune import bytes_written
        from . import model

        store = self.session.store
        for pod in model.every(self.session):
            created = clock.parse_or_zero(pod.created)
            if pod.status in (model.EXITED, model.STOPPED) and by_label_and_age(filters, pod.labels, created):
                size = sum(bytes_written(self.session, store.container(one.id)) for one in pod.containers)
                self.add("pod", [Doomed(POD, pod.id, (pod.name,), size)])
                self._in_pods.update(one.id for one in pod.containers)

    def look_everywhere(
        self, *, every: bool, build: bool, volumes: bool, cache: bool = False, filters: tuple[Filter, ...] = ()
    ) -> None:
        """What `podman system prune` takes."""
        kept, self.doomed = self.doomed, {}
        self.look_at_pods(filters)
        if build:
            from ..container import prune as containers

            self.add("container", containers.of_builds(self.session))
        for kind in ("container", "image", "network", *(("volume",) if volumes else ())):
            self.look(kind, filters, every=every)
        if cache:
            self.look_at_build_cache()
        kinds = ("pod", "container", "volume", "image", "network")
        found = [one for kind in kinds for one in self.doomed.get(kind, [])]
        self.doomed = {**kept, "system": found}


def remove(session: Session, one: Doomed) -> None:
    """Raises what the removal of its kind raises."""
    from ..container import prune as containers
    from ..image import build_cache
    from ..image import prune as images
    from ..network import prune as networks
    from ..volume import prune as volumes

    if one.kind == IMAGE:
        images.remove(session, one)
    elif one.kind == POD:
        from . import model
        from . import remove as pods

        pods.remove(session, model.find(session, one.id))
    elif one.kind == CACHE:
        build_cache.remove(one)
    elif one.kind == NETWORK:
        networks.remove(session, one)
    elif one.kind == VOLUME:
        volumes.remove(session, one)
    else:
        containers.remove(session, one)
