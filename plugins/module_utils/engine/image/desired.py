# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..spec import reference
from . import naming
from .options import POLICIES, PullOptions

if TYPE_CHECKING:
    from ..registry.places import Place


class ImageDesired(NamedTuple):
    """``name`` is what the user wrote, with the tag joined; ``policy`` one of POLICIES.

    ``place`` is a file to load from instead of a registry, ``changes`` instructions for the config of an imported root
    tree, ``comment`` a line for its history.  ``tags`` are names, in full, that it is to have besides; None says
    nothing about them, and with ``exact`` it has no others.
    """

    name: str
    present: bool = True
    policy: str = "missing"
    force: bool = False
    options: PullOptions = PullOptions()
    place: Place | None = None
    changes: tuple[str, ...] = ()
    comment: str = ""
    tags: tuple[str, ...] | None = None
    exact: bool = False

    def checked(self) -> ImageDesired:
        """Itself; raises BadInput when it makes no sense."""
        if self.policy not in POLICIES:
            raise BadInput("read the pull policy", f"{self.policy!r} is not one of {', '.join(POLICIES)}")
        if (self.changes or self.comment) and (self.place is None or self.place.transport != "tar"):
            raise BadInput(f"read image {self.name}", "changes and comment are for the import of a root file system")
        return self

    @property
    def stored_name(self) -> str:
        """The name a loaded image gets: as written, below localhost when it names no registry.  Raises BadInput."""
        return naming.full(self.name)


def join_tag(name: str, tag: str) -> str:
    """``name:tag``, unless the name already says which one (tag, digest or id).

    The default tag is left to the parser of names, so that the beginning of an id stays one.
    """
    if tag == reference.DEFAULT_TAG:
        return name
    bare = name[len("docker://") :] if name.startswith("docker://") else name
    hexadecimal = set(bare) <= set("0123456789abcdef")
    if "@" in bare or bare.startswith("sha256:") or (hexadecimal and len(bare) == 64):
        return name
    return name if bare.rfind(":") > bare.rfind("/") else f"{name}:{tag}"
