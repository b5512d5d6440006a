# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers are staged and committed, images recorded, named and removed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, Damaged, EngineError, InUse, NotFound
from ..base.steps import reached
from .layers import chain
from .reading import StoreReading
from .values import StagedLayer, UnpackOptions, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..base.digest import Digest
    from ..base.streams import Reader
    from .finished import Note
    from .overlay import Staging
    from .records import ImageDraft, ImageRecord, LayerRecord
    from .tables import Writer


class ImageWriting(StoreReading):
    """Layers and images come and go."""

    def unpack_options(self) -> UnpackOptions:
        fuse = self.home.fuse_conventions()
        return UnpackOptions(self.rootless, not fuse, self.options.ignore_chown_errors, self.limits())

    def new_staging(self) -> Staging:
        """A locked place to stage a layer in, for a parent that lets forked children do the staging."""
        return self.home.new_staging()

    def stage_layer(self, reader: Reader, wanted: Wanted | None = None, place: Staging | None = None) -> StagedLayer:
        """Verify, decompress and unpack a blob outside the store's tables. Raises Corrupt, HostLacks; leaves nothing.

        Takes no lock of the store: any number of processes may do it at once. The staging lock lives as long as this
        process keeps it (`place` of the caller, or `release_staged`, `discard_staged`, `commit_*`).
        """
        from .staging import stage

        self.sweep_staging()
        mine = place or self.home.new_staging()
        try:
            staged = stage(reader, mine, wanted or Wanted(), self.unpack_options())
        except BaseException as error:
            _clean(error, mine)
            raise
        self._finished(mine, staged)
        return staged

    def sweep_staging(self) -> None:
        """Once for each store object, before anything is staged: remove what killed processes left half done."""
        if not self._swept:
            self._swept = True
            self.home.sweep(finished=False)

    def _finished(self, place: Staging, staged: StagedLayer) -> None:
        from .finished import leave_note

        leave_note(place, staged)
        self.home.remember(place)
        reached("layer-staged")

    def resume_layer(self, wanted: Wanted, place: Staging | None = None) -> StagedLayer | None:
        """Stage a layer from what a killed process had unpacked whole; None when there is no such thing.

        It is verified like any other blob. Ask before the blob is fetched.
        """
        paths = self.home.finished()
        if not paths:
            return None
        from .finished import note_of

        for path in paths:
            note = note_of(path)
            # Looked at before it is locked: others look through the same ones for theirs.
            left = self.home.claim(path) if note is not None and note.fits(wanted) else None
            if note is None or left is None:
                continue
            try:
                staged = self._restage(left, note, wanted, place)
            finally:
                left.discard()
            if staged is not None:
                return staged
        return None

    def _restage(self, left: Staging, note: Note, wanted: Wanted, place: Staging | None) -> StagedLayer | None:
        from contextlib import closing

        from .finished import tar_of
        from .staging import stage

        mine = place or self.home.new_staging()
        try:
            with closing(tar_of(left, wanted.what)) as tar:
                staged = stage(tar, mine, Wanted(diff_id=note.diff_id, what=wanted.what), self.unpack_options())
        except (Damaged, Corrupt) as error:
            if place is None:
                _clean(error, mine)
            else:
                mine.empty()
            return None
        except BaseException as error:
            _clean(error, mine)
            raise
        staged = staged._replace(source=note.source, source_size=note.source_size, compression=note.compression)
        self._finished(mine, staged)
        return staged

    def discard_staged(self, staged: Sequence[StagedLayer]) -> None:
        """Remove staged layers that will not be committed. Idempotent."""
        for layer in staged:
            self.home.staging_of(layer.path).discard()

    def commit_layers(self, layers: Sequence[StagedLayer | Digest], parent: str = "") -> list[LayerRecord]:
        """Record a chain, base first; a plain Digest stands for a layer that is there. What exists is kept.

        Raises NotFound when a layer taken for present is gone.
        """
        try:
            with self._layers.writing(self._mounter) as table:
                return self._layers.commit(table, chain(layers, parent), self._elsewhere)
        finally:
            self.discard_staged([layer for layer in layers if isinstance(layer, StagedLayer)])

    # ---- images, writing

    def put_image(self, draft: ImageDraft) -> ImageRecord:
        """Record an image over layers that are there, or add names and items to the one of that id."""
        with self._layers.table.reading(), self._images.table.writing() as images:
            self._require_layer(draft)
            return self._images.put(images, draft)

    def commit_image(self, layers: Sequence[StagedLayer | Digest], draft: ImageDraft) -> ImageRecord:
        """Layers and image in one go, so that nobody removes the one before the other names it.

        `draft.top_layer` is filled in.
        """
        try:
            with self._layers.writing(self._mounter) as table:
                committed = self._layers.commit(table, chain(layers), self._elsewhere)
                reached("layers-committed")
                full = draft._replace(top_layer=committed[-1].id if committed else draft.top_layer)
                with self._images.table.writing() as images:
                    return self._images.put(images, full)
        finally:
            self.discard_staged([layer for layer in layers if isinstance(layer, StagedLayer)])

    def _require_layer(self, draft: ImageDraft) -> None:
        if draft.top_layer and self._lookup(draft.top_layer) is None:
            raise NotFound(
                f"record image {draft.id[:12]}", f"its layer {draft.top_layer[:12]} is gone", "Pull the image again"
            )

    def set_names(self, identity: str, names: Sequence[str]) -> ImageRecord:
        """Give an image exactly these names; other images lose them."""
        with self._writable_image(identity) as images:
            return self._images.rename(images, identity, names)

    def add_names(self, identity: str, names: Sequence[str]) -> ImageRecord:
        """Names first, then what it had; other images lose them."""
        with self._writable_image(identity) as images:
            held = self._images.record(images.rows.find(identity) or {}).names
            return self._images.rename(images, identity, [*names, *(name for name in held if name not in names)])

    def remove_names(self, identity: str, names: Sequence[str]) -> ImageRecord:
        """Idempotent: a name the image does not have is no error."""
        with self._writable_image(identity) as images:
            held = self._images.record(images.rows.find(identity) or {}).names
            return self._images.rename(images, identity, [name for name in held if name not in names])

    @contextmanager
    def _writable_image(self, identity: str) -> Iterator[Writer]:
        with self._images.table.writing() as images:
            if images.rows.find(identity) is None:
                copied = next((image for image in self._read_only_images() if image.id == identity), None)
                if copied is None:
                    raise NotFound(f"name image {identity[:12]}", "there is no such image")
                self._adopt(images, copied)
            yield images

    def _read_only_images(self) -> list[ImageRecord]:
        return [image for _home, _layers, images in self._others for image in images.all()]

    def _adopt(self, images: Writer, image: ImageRecord) -> None:
        """Copy the record of an additional store's image, its layers staying there: only so can it get names here."""
        from .records import ImageDraft

        data = tuple((key, self.image_data(image, key)) for key in image.big_data_names)
        draft = ImageDraft(image.id, image.names, image.top_layer, b"", (), image.created, image.metadata, (), data)
        self._images.put(images, draft)

    def remove_image(self, identity: str, *, force: bool = False) -> list[str]:
        """Remove an image and the layers nobody else needs; ids of the layers that went. Idempotent.

        Raises InUse, naming the containers that were made from it. `force` removes it all the same and keeps the
        layers that they stand on.
        """
        trash: list[Staging] = []
        with self._layers.writing(self._mounter) as layers, self._images.table.writing() as images:
            row = images.rows.find(identity)
            if row is None:
                if any(image.id == identity for image in self._read_only_images()):
                    raise BadInput(f"remove image {identity[:12]}", "it is in a read-only additional image store")
                return []
            users = [user for user in self._containers.all() if user.image == identity]
            if users and not force:
                names = ", ".join(user.names[0] if user.names else user.id[:12] for user in users)
                raise InUse(f"remove image {identity[:12]}", f"used by container {names}", "Remove the container first")
            record = self._images.record(row)
            if any(self._mounter.mounted(layer) for layer in (record.top_layer, *record.mapped_layers) if layer):
                raise InUse(f"remove image {identity[:12]}", "a container has it mounted", "Stop the container first")
            self._images.drop(images, identity)
            reached("image-gone")
            doomed = self._unneeded(layers, images, record)
            if doomed:
                trash = self._layers.remove(layers, doomed, self._mounter)
        for staging in trash:
            staging.discard()
        return doomed

    def _unneeded(self, layers: Writer, images: Writer, gone: ImageRecord) -> list[str]:
        """Layers of a removed image that no image, container or other layer needs, top first, mapped copies before."""
        rows = {str(row["id"]): self._layers.record(row) for row in layers.rows.all()}
        needed = {container.layer for container in self._containers.all()}
        for row in images.rows.all():
            image = self._images.record(row)
            needed.update((image.top_layer, *image.mapped_layers))
        children: dict[str, int] = {}
        for layer in rows.values():
            children[layer.parent] = children.get(layer.parent, 0) + 1
        doomed: list[str] = []
        for start in (*gone.mapped_layers, gone.top_layer):
            identity = start
            while identity in rows and identity not in needed and not children.get(identity) and identity not in doomed:
                doomed.append(identity)
                identity = rows[identity].parent
                children[identity] = children.get(identity, 0) - 1
        return doomed


def _clean(error: BaseException, staging: Staging) -> None:
    try:
        staging.discard()
    except OSError as failure:
        if isinstance(error, EngineError):
            error.add_cleanup_failure(f"remove {staging.path}: {failure.strerror}")
