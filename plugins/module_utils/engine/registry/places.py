# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in files: `docker-archive:PATH[:NAME]`, `oci-archive:PATH[:NAME]`, `oci:DIR[:NAME]`, `dir:DIR`, `tar:PATH`.

The words are those of containers-transports(5); `tar:` is the tar of a root file system.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Union

from ..base.errors import BadInput, NotFound
from ..base.limits import USUAL, Limits
from ..base.tuples import NamedTuple
from . import policy

if TYPE_CHECKING:
    import tarfile
    from typing import IO

    from .directory import DirectorySource
    from .docker_archive import DockerArchiveSource
    from .oci_layout import LayoutSource
    from .root_tree import Recipe, RootTreeSource

    FileSource = Union[DirectorySource, DockerArchiveSource, LayoutSource, RootTreeSource]

_FRONT = 100_000  # members that may all be of a layout
TRANSPORTS = ("docker-archive", "oci-archive", "oci", "dir", "tar")


class Place(NamedTuple):
    """A file or directory and, for layouts with several images, which one."""

    transport: str
    path: str
    ref: str = ""

    def __str__(self) -> str:
        return f"{self.transport}:{self.path}" + (f":{self.ref}" if self.ref else "")

    @property
    def scopes(self) -> list[str]:
        """Policy scopes, most specific first."""
        if self.transport in ("docker-archive", "tar"):
            return []  # a policy for these is one for all of them
        return policy.path_scopes(self.path, self.ref if self.transport in ("oci", "oci-archive") else "")

    @property
    def policy_transport(self) -> str:
        """The name that policy.json knows it by."""
        return "tarball" if self.transport == "tar" else self.transport


def parse(text: str) -> Place | None:
    """The place that ``text`` names by transport; None when it names none of these transports.  Raises BadInput."""
    transport, colon, rest = text.partition(":")
    if not colon or transport not in TRANSPORTS:
        return None
    path, ref = rest, ""
    if transport not in ("dir", "tar"):
        path, _colon, ref = rest.partition(":")
    if not os.path.isabs(path):
        raise BadInput(f"find image {text}", f"the path {path!r} must be absolute")
    return Place(transport, path, ref)


def guess(path: str) -> Place:
    """The place that a bare path is, by what lies there.  Raises NotFound, BadInput, Corrupt."""
    deed = f"find image {path}"
    if not os.path.isabs(path):
        raise BadInput(deed, "the path must be absolute")
    if not os.path.exists(path):
        raise NotFound(deed, "there is no such file or directory")
    if os.path.isdir(path):
        if os.path.exists(os.path.join(path, "oci-layout")):
            return Place("oci", path)
        if os.path.exists(os.path.join(path, "manifest.json")):
            return Place("dir", path)
        raise BadInput(deed, "the directory is neither an OCI layout nor of the dir: transport")
    return Place(_kind_of_archive(path), path)


def _kind_of_archive(path: str) -> str:
    """Look at the names at the front of the tar: a root file system shows itself by the first that no layout has."""
    import tarfile

    from .tree import open_file

    found = ""
    try:
        with os.fdopen(open_file(path), "rb") as file, _opened(file, path) as archive:
            for count, member in enumerate(archive):
                if count > _FRONT:
                    break
                name = member.name.strip("/")
                name = name[2:] if name.startswith("./") else name
                if name == "manifest.json":
                    return "docker-archive"
                if name in ("oci-layout", "index.json"):
                    found = "oci-archive"
                elif not _of_layout(name):
                    return found or "tar"
    except (tarfile.TarError, ValueError, EOFError) as err:
        raise BadInput(f"find image {path}", f"it is not a tar archive ({err})")
    return found or "tar"


def _opened(file: IO[bytes], path: str) -> tarfile.TarFile:
    """A compressed archive is read as far as need be, from memory to memory."""
    import tarfile

    from ..host import compression
    from .tree import Span

    kind = compression.sniff(os.pread(file.fileno(), 8, 0))
    if kind == compression.NONE:
        return tarfile.open(fileobj=file, mode="r:")
    span = Span(file.fileno(), 0, os.fstat(file.fileno()).st_size, path)
    return tarfile.open(fileobj=compression.decompressor(kind, span, path), mode="r|")  # type: ignore[call-overload,no-any-return]


def _of_layout(name: str) -> bool:
    top = name.partition("/")[0]
    stem = top.partition(".")[0]
    hexadecimal = len(stem) == 64 and set(stem) <= set("0123456789abcdef")
    return hexadecimal or name in (".", "", "repositories") or top == "blobs" or name.endswith("/layer.tar")


def open_place(place: Place, recipe: Recipe | None = None, limits: Limits = USUAL) -> FileSource:
    """Open the image there; ``recipe`` is needed for a root tree.  Raises NotFound, BadInput, Corrupt.

    ``limits`` are for what has to be unpacked only to be looked at.
    """
    from .tree import ArchiveTree, DirectoryTree

    if place.transport == "tar":
        from .root_tree import RootTreeSource

        if recipe is None:
            raise BadInput(f"open {place}", "a root file system becomes an image only under a name")
        return RootTreeSource(place.path, recipe, limits)
    if place.transport == "dir":
        from .directory import DirectorySource

        return DirectorySource(DirectoryTree(place.path))
    archived = place.transport in ("docker-archive", "oci-archive")
    tree = ArchiveTree(place.path, limits) if archived else DirectoryTree(place.path)
    try:
        if place.transport == "docker-archive":
            from .docker_archive import DockerArchiveSource

            return DockerArchiveSource(tree, place.ref)
        from .oci_layout import LayoutSource

        return LayoutSource(tree, place.ref)
    except BaseException:
        tree.close()
        raise
