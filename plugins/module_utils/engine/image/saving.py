# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local images into files, as `podman save` writes them; a file that holds just them already is left alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError, NotFound
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..plan.change import Plan, Step
from ..registry import places
from ..registry.places import Place
from ..session.below import layer_limits
from ..spec import reference
from . import lookup
from .compare import Ends
from .copy import CopyOptions, copy
from .store_source import StoreSource

if TYPE_CHECKING:
    from ..registry.destination import ImageDestination
    from ..session.session import Session

SAVE = "save image"
FORMATS = {"docker-archive": "docker-archive", "oci-archive": "oci-archive", "oci-dir": "oci", "docker-dir": "dir"}


class SavingDesired(NamedTuple):
    """``several`` images may go into one archive; ``compress`` the layers of a docker-dir; ``force`` writes anyway."""

    images: tuple[str, ...]
    path: str
    format: str = "docker-archive"
    several: bool = False
    compress: bool = False
    force: bool = False

    def checked(self) -> SavingDesired:
        """Itself; raises BadInput when it makes no sense."""
        deed = f"save to {self.path}"
        if not self.images:
            raise BadInput(deed, "no image is named")
        if not os.path.isabs(self.path):
            raise BadInput(deed, "the path must be absolute")
        if self.compress and self.format != "docker-dir":
            raise BadInput(deed, "compress is for the format docker-dir, the others say by themselves how layers are")
        if self.several and self.format != "docker-archive":
            raise BadInput(deed, "only a docker-archive holds several images")
        return self


class _Entry(NamedTuple):
    """One image of the archive and its names there."""

    source: StoreSource
    id: str
    names: tuple[str, ...]


class Saving:
    """The images, and what is at the path now.  close() it."""

    def __init__(self, session: Session, desired: SavingDesired) -> None:
        self._session = session
        self._desired = desired
        self._entries = _entries(session, desired)
        self._place = Place(FORMATS[desired.format], desired.path, self._ref())
        self._destination: ImageDestination | None = None
        self._same = self._is_same()

    def _ref(self) -> str:
        if self._desired.format not in ("oci-archive", "oci-dir"):
            return ""
        names = self._entries[0].names
        if len(names) > 1:
            raise BadInput(f"save to {self._desired.path}", f"the format {self._desired.format} takes one name")
        return names[0] if names else ""

    def _options(self) -> CopyOptions:
        if self._desired.format == "docker-dir":
            compression = "gzip" if self._desired.compress else ""
            return CopyOptions(format="v2s2", compression=compression, remove_signatures=True)
        return CopyOptions(remove_signatures=True)

    def listing(self) -> list[dict[str, object]]:
        """The images for the task's result."""
        return [{"id": entry.id, "names": list(entry.names)} for entry in self._entries]

    def plan(self) -> Plan:
        """One step, or none when the path holds just these images."""
        deed = f"images saved to {self._desired.path}"
        state: dict[str, object] = {
            "path": self._desired.path,
            "format": self._desired.format,
            "images": self.listing(),
        }
        if self._same and not self._desired.force:
            return Plan(deed, (), (), state, state)
        before: dict[str, object] = {
            "path": self._desired.path,
            "state": "present" if os.path.exists(self._desired.path) else "absent",
        }
        if self._same:
            before = dict(state)
        step = Step(SAVE, f"{', '.join(self._desired.images)} to {self._desired.path}")
        return Plan(deed, (step,), (), before, {**state, "written": True} if self._same else state)

    # -- looking ----------------------------------------------------------------------------------------------------

    def _is_same(self) -> bool:
        if self._desired.format == "docker-archive":
            return self._listed() == sorted((entry.id, entry.names) for entry in self._entries)
        try:
            there = places.open_place(self._place, limits=layer_limits(self._session))
        except EngineError:
            return False  # nothing, or something else: writing says what is wrong with it, if anything
        self._destination = self._open()
        try:
            return Ends(self._entries[0].source, there, self._destination, self._options()).same()
        except EngineError:
            return False
        finally:
            there.close()

    def _listed(self) -> list[tuple[str, tuple[str, ...]]]:
        """Config digest and names of each image in the archive at the path; [] when there is none."""
        from ..registry import docker_archive
        from ..registry.tree import ArchiveTree

        try:
            tree = ArchiveTree(self._desired.path, layer_limits(self._session))
        except EngineError:
            return []
        try:
            return sorted(docker_archive.listing(tree))
        except EngineError:
            return []
        finally:
            tree.close()

    # -- writing ----------------------------------------------------------------------------------------------------

    def _open(self) -> ImageDestination:
        from ..registry.directory_destination import DirectoryDestination
        from ..registry.layout_destination import LayoutDestination

        place = self._place
        if place.transport == "dir":
            return DirectoryDestination(place.path)
        return LayoutDestination(place.path, place.ref, archive=place.transport == "oci-archive")

    def run(self) -> None:
        """Raises as copy() does."""
        if self._desired.format == "docker-archive":
            self._save_archive()
            return
        destination = self._destination or self._open()
        self._destination = destination
        copy(self._entries[0].source, destination, self._options())

    def _save_archive(self) -> None:
        from ..registry.docker_archive_destination import DockerArchiveWriter
        from ..registry.sink import ArchiveSink

        writer = DockerArchiveWriter(ArchiveSink(self._desired.path))
        try:
            for entry in self._entries:
                copy(entry.source, writer.image(entry.names), CopyOptions(remove_signatures=True))
                reached("image-archived")
            writer.commit()
        finally:
            writer.close()

    def close(self) -> None:
        if self._destination is not None:
            self._destination.close()
        for entry in self._entries:
            entry.source.close()


def _entries(session: Session, desired: SavingDesired) -> list[_Entry]:
    """The images in order, those that were named several times once, with all their names."""
    found: dict[str, _Entry] = {}
    for text in desired.images:
        entry = lookup.find_record(session, text)
        if entry is None:
            raise NotFound(f"save image {text}", "it is not on this host")
        record, matched = entry
        name = _tagged(matched)
        known = found.get(record.id)
        names = known.names if known else ()
        source = known.source if known else StoreSource(session.store, record, text)
        found[record.id] = _Entry(source, _config_id(source), tuple(dict.fromkeys((*names, *name))))
    if len(found) > 1 and not desired.several:
        raise BadInput(
            f"save to {desired.path}", "several images are named", "Set multi_image_archive to have them in one archive"
        )
    return list(found.values())


def _tagged(matched: str) -> tuple[str, ...]:
    """The name with its tag, nothing for an image that was named by id or digest."""
    if not matched or reference.parse(matched).digest is not None:
        return ()
    return (str(reference.parse(matched).with_default_tag()),)


def _config_id(source: StoreSource) -> str:
    from ..spec import manifest

    top = source.manifest()
    parsed = manifest.parse(top.data, top.media_type, source.what)
    if isinstance(parsed, manifest.Index):
        raise BadInput(f"save {source.what}", "it is a list of images without one for this host")
    return parsed.config.digest.hex
