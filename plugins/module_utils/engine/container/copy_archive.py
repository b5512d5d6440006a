# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's files as a tar, and a tar into a container: what `cp` does with `-`."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import copy_owners, copy_spots, copying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.streams import Reader
    from ..session.session import Session
    from .copy_spots import Spot
    from .copying import Options


def pieces(session: Session, source: Spot) -> Iterator[bytes]:
    """The tar, names beginning with that of what is copied; owners as the container sees them."""
    from ..store.pack import Packer, top

    with ExitStack() as stack:
        begin = copy_spots.source_of(session, source, stack)
        stack.callback(begin.end.close)
        packer = Packer(str(source))
        packer.owner = copy_owners.reader(session, source)
        try:
            if not begin.directory:
                fd, name = begin.end.split(b"")
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                yield from packer.entry(fd, name, b"", info)
            else:
                prefix = b"" if begin.contents else begin.base + b"/"
                if prefix:
                    yield top(prefix, os.fstat(begin.end.fd), packer.owner)
                yield from packer.directory(os.dup(begin.end.fd), prefix)
        except OSError as error:
            raise packer.explain(error) from error
        yield bytes(1024)


def extract(session: Session, stream: Reader, target: Spot, options: Options) -> None:
    """Raises BadInput when the target is no directory, Corrupt for a bad archive, and as a copy does."""
    from ..volume.archive import staged

    with ExitStack() as stack:
        root = copy_spots.root_of(session, target, stack, write=False)
        try:
            is_directory = stat.S_ISDIR(root.stat(copy_spots.absolute(target)).st_mode)
        except OSError:
            is_directory = False
    if not is_directory:
        raise BadInput(f"copy to {target}", "destination must be a directory when copying from stdin")
    with staged(session, stream, "the archive", own=options.archive) as place:
        copying.carry_out(session, copy_spots.Spot(place.path + "/."), target, options)
