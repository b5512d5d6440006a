# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All images of an archive or directory into the store, as `podman load` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.steps import reached
from ..plan.change import Plan, Step
from ..registry import docker_archive, oci_layout, places
from ..session.below import layer_limits
from .load import Archive
from .options import PullOptions

if TYPE_CHECKING:
    from ..registry.places import Place
    from ..session.session import Session

LOAD = "load image"


class Loading:
    """The images of the file at ``path``, looked at.  close() it."""

    def __init__(self, session: Session, path: str) -> None:
        self._session = session
        self._path = path
        self._archives: list[Archive] = []
        try:
            for place in _images(session, places.parse(path) or places.guess(path)):
                self._archives.append(Archive(session, place, PullOptions()))
            self._missing = [archive for archive in self._archives if not self._has(archive)]
        except BaseException:
            self.close()
            raise

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the images, also of those that are still to be loaded."""
        return tuple(dict.fromkeys(archive.chosen.id for archive in self._archives))

    def _has(self, archive: Archive) -> bool:
        """Whether the store has the image, with this manifest, under all its names."""
        store = self._session.store
        record = store.image(archive.chosen.id)
        if record is None or archive.chosen.documents[0][0] not in record.digests:
            return False
        return set(archive.names) <= set(record.names)

    def plan(self) -> Plan:
        """A step for each image that is not there."""
        deed = f"images of {self._path} loaded"
        steps = tuple(Step(LOAD, _called(archive)) for archive in self._missing)
        held = [archive for archive in self._archives if archive not in self._missing]
        before = {"images": sorted(_called(archive) for archive in held)}
        after = {"images": sorted(_called(archive) for archive in self._archives)}
        return Plan(deed, steps, (), before, after)

    def run(self) -> None:
        """Raises as storing does; what was loaded before stays."""
        for archive in self._missing:
            archive.store(self._session, archive.names)
            reached("archive-image-loaded")

    def close(self) -> None:
        for archive in self._archives:
            archive.close()


def _called(archive: Archive) -> str:
    return ", ".join(archive.names) or archive.chosen.id[:12]


def _images(session: Session, place: Place) -> list[Place]:
    """A place for each image of the file."""
    if place.transport == "tar":
        raise BadInput(
            f"load {place.path}", "it is no archive of images", "The tar of a root file system is imported, not loaded"
        )
    if place.transport == "dir" or place.ref:
        return [place]
    from ..registry.tree import ArchiveTree, DirectoryTree

    limits = layer_limits(session)
    tree = DirectoryTree(place.path) if place.transport == "oci" else ArchiveTree(place.path, limits)
    try:
        if place.transport == "docker-archive":
            count = len(docker_archive.listing(tree))
        else:
            count = len(oci_layout.listing(tree))
    finally:
        tree.close()
    return [place._replace(ref=f"@{number}") for number in range(count)] if count > 1 else [place]
