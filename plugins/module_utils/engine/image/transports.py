# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends of a copy by their names (containers-transports(5)), opened for reading or writing.

docker://NAME, containers-storage:[STORE]NAME, docker-daemon:NAME, and the files of registry/places.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, NotFound, Unreachable
from ..base.tuples import NamedTuple
from ..registry import places, policy
from ..session.below import layer_limits
from ..spec import reference
from .options import PullOptions
from .trust import Gate

if TYPE_CHECKING:
    from ..registry.destination import ImageDestination
    from ..registry.places import Place
    from ..registry.source import ImageSource
    from ..session.session import Session
    from ..store.store import Store
    from .remote import Remote
    from .store_source import StoreSource

DOCKER, STORAGE, DAEMON = "docker", "containers-storage", "docker-daemon"
_FORMS = "docker://, oci:, oci-archive:, docker-archive:, dir:, containers-storage:, docker-daemon:"


class End(NamedTuple):
    """``name`` is a reference, an image of a store or of Docker; ``store`` what stood in [ ]; ``place`` a file's."""

    transport: str
    name: str = ""
    store: str = ""
    place: Place | None = None

    def __str__(self) -> str:
        if self.place is not None:
            return str(self.place)
        if self.transport == DOCKER:
            return f"docker://{self.name}"
        return f"{self.transport}:" + (f"[{self.store}]" if self.store else "") + self.name


class Side(NamedTuple):
    """One end of a copy and how it is reached; ``docker_host`` is the socket of a Docker engine."""

    end: End
    access: PullOptions = PullOptions()
    docker_host: str = ""


def parse(text: str) -> End:
    """Raises BadInput."""
    deed = f"read the image {text!r}"
    place = places.parse(text)
    if place is not None:
        if place.transport == "tar":
            raise BadInput(deed, "the tar of a root file system is no image", "Import it with the module image")
        return End(place.transport, place=place)
    transport, _colon, rest = text.partition(":")
    if transport == DOCKER and rest.startswith("//"):
        return End(DOCKER, str(reference.parse(rest[2:]).with_default_tag()))
    if transport == STORAGE:
        store, name = "", rest
        if rest.startswith("["):
            store, bracket, name = rest[1:].partition("]")
            if not bracket:
                raise BadInput(deed, "the [ is not closed")
        if not name:
            raise BadInput(deed, "it names no image")
        return End(STORAGE, name.lstrip("@"), store)
    if transport == DAEMON and rest:
        known = rest if rest.startswith("sha256:") else str(_familiar(rest))
        return End(DAEMON, known)
    raise BadInput(deed, f"it begins with none of {_FORMS}")


def _familiar(text: str) -> str:
    """A name as Docker lists it: with its tag, the default registry left out."""
    ref = reference.parse(text).with_default_tag()
    if ref.digest is not None and ref.tag is None:
        return f"{ref.familiar}@{ref.digest}"
    return f"{ref.familiar}:{ref.tag}"


class Transports:
    """Opens ends and remembers them; close() closes them all."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._opened: list[ImageSource | ImageDestination | Remote] = []

    def close(self) -> None:
        for each in reversed(self._opened):
            each.close()
        self._opened.clear()

    # -- reading ----------------------------------------------------------------------------------------------------

    def source(self, side: Side) -> tuple[ImageSource, Gate]:
        """The image there, and the policy's gate for it.  Raises NotFound, BadInput, Denied, and as the place does."""
        end = side.end
        if end.transport == DOCKER:
            ref, remote = reference.parse(end.name), self._remote(side)
            gate = remote.allowed(ref)
            return remote.manifest(ref)[0], gate
        transport, scopes = self._scopes(end)
        ruling = policy.load(self._session.identity).rule(transport, scopes, str(end))
        source = self._open(side)
        self._opened.append(source)
        return source, Gate(ruling, self._named(end), self._session.runner)

    def there(self, side: Side) -> ImageSource | None:
        """What is at a destination now, None when there is nothing (that could be read)."""
        try:
            if side.end.transport == DOCKER:
                return self._remote(side).manifest(reference.parse(side.end.name))[0]
            found = self._open(side)
        except NotFound:
            return None
        except (BadInput, Corrupt):
            # An archive or layout of other images, or none at all: writing says what is wrong with it, if anything.
            return None
        self._opened.append(found)
        if side.end.place is not None:
            try:
                found.manifest()
            except (NotFound, Corrupt):
                return None  # a directory in which a copy was killed before it came to the manifest
        return found

    def _open(self, side: Side) -> ImageSource:
        end = side.end
        if end.place is not None:
            return places.open_place(end.place, limits=layer_limits(self._session))
        if end.transport == DAEMON:
            from ..registry.docker_daemon import Daemon, open_source

            return open_source(Daemon(side.docker_host), end.name)
        return self._stored(end)

    def _stored(self, end: End) -> StoreSource:
        from . import lookup
        from .store_source import StoreSource, open_image

        if end.store:
            store = self.store(end)
            try:
                name = str(reference.parse(end.name).with_default_tag())
                return open_image(store, name if store.image(name) else end.name, str(end))
            except BadInput:
                return open_image(store, end.name, str(end))
        found = lookup.find_record(self._session, end.name, lists=True)
        if found is None:
            raise NotFound(f"find {end}", "there is no such image on this host")
        return StoreSource(self._session.store, found[0], str(end))

    def store(self, end: End) -> Store:
        """The session's store, or the one in the brackets: [driver@root+run:options], [root].  Raises BadInput."""
        own = self._session.store
        if not end.store:
            return own
        from ..store.store import Store

        driver, at, rest = end.store.rpartition("@")
        root, _colon, options = rest.partition(":")
        root, _plus, run = root.partition("+")
        deed = f"open the store [{end.store}]"
        if at and driver not in ("overlay", "overlay2"):
            raise BadInput(deed, f"the driver {driver!r} is not overlay, the only one that is supported")
        if options:
            raise BadInput(deed, "options in the brackets are not taken", "Set them in storage.conf")
        if not os.path.isabs(root) or (run and not os.path.isabs(run)):
            raise BadInput(deed, "it must be [overlay@ROOT+RUNROOT] or [ROOT], with absolute paths")
        if os.path.realpath(root) == own.options.graph_root:
            return own
        if not os.path.isdir(root):
            raise NotFound(deed, "there is no such directory")
        changed = own.options._replace(
            graph_root=os.path.realpath(root), run_root=run or own.options.run_root, additional_stores=()
        )
        return Store(changed, self._session.identity.rootless)

    def _remote(self, side: Side) -> Remote:
        from .remote import Remote

        made = Remote(self._session.identity, self._session.runner, side.access)
        self._opened.append(made)
        return made

    def _scopes(self, end: End) -> tuple[str, list[str]]:
        """The transport as policy.json calls it, and the scopes of the image, most specific first."""
        if end.place is not None:
            return end.place.policy_transport, end.place.scopes
        named = self._named(end)
        if end.transport == DAEMON:
            return DAEMON, policy.docker_scopes(named) if named else []
        root = self.store(end).options.graph_root
        spec = f"[overlay@{root}]"
        names = [f"{spec}{scope}" for scope in policy.docker_scopes(named)] if named else []
        return STORAGE, [*names, spec, f"[{root}]"]

    def _named(self, end: End) -> reference.Reference | None:
        if end.place is not None:
            return None
        try:
            return reference.parse(end.name).with_default_tag()
        except BadInput:
            return None

    # -- writing ----------------------------------------------------------------------------------------------------

    def destination(self, side: Side, names: tuple[str, ...] = ()) -> ImageDestination:
        """Where to write; nothing happens there yet.  ``names`` are repositories that may have the blobs already.

        A store is not opened here, see storing.py.  Raises BadInput, Denied.
        """
        made = self._destination(side, names)
        self._opened.append(made)
        return made

    def _destination(self, side: Side, names: tuple[str, ...]) -> ImageDestination:
        end = side.end
        if end.transport == DOCKER:
            return self._remote(side).destination(reference.parse(end.name), names)
        if end.transport == DAEMON:
            from ..registry.docker_daemon import Daemon, DaemonDestination

            if end.name.startswith("sha256:") or "@" in end.name:
                raise BadInput(f"copy to {end}", "an image is loaded into Docker under a name with a tag")
            return DaemonDestination(Daemon(side.docker_host), end.name)
        place = end.place
        if place is None:
            raise Unreachable(f"copy to {end}", "it is no place for files")
        if place.transport == "dir":
            from ..registry.directory_destination import DirectoryDestination

            return DirectoryDestination(place.path)
        if place.transport == "docker-archive":
            return _docker_archive(place)
        from ..registry.layout_destination import LayoutDestination

        return LayoutDestination(place.path, place.ref, archive=place.transport == "oci-archive")


def _docker_archive(place: Place) -> ImageDestination:
    from ..registry.docker_archive_destination import DockerArchiveWriter
    from ..registry.sink import ArchiveSink

    names: tuple[str, ...] = ()
    if place.ref:
        ref = reference.parse(place.ref).with_default_tag()
        if ref.digest is not None:
            raise BadInput(f"copy to {place}", "an image in such an archive is named with a tag")
        names = (str(ref),)
    writer = DockerArchiveWriter(ArchiveSink(place.path))
    return writer.image(names, writer.commit)
