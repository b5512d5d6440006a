# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files copied into containers, out of them, and between them.

Looking takes no lock. What is changed is decided from that look, and each file is replaced by a rename, so a container
that runs sees the old file or the new one.
"""

from __future__ import annotations

import os
import posixpath
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..files.apply import apply
from ..files.decide import Wish, decide, plan
from ..files.pairs import look
from . import copy_ends, copy_owners
from .copy_ends import Place
from .copy_spots import Spot, absolute, refuse_memory, root_of, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..files.decide import Work
    from ..files.pairs import Pair
    from ..host.rooted import Root
    from ..plan.change import Plan
    from ..session.session import Session
    from .copy_ends import Source, Target

_SHOWN = 1 << 16  # bytes of a text that a diff shows


class Options(NamedTuple):
    """`archive`: the owner is the container's user, on the host whoever copies; without it, ids stay as they are.
    `owner` and `group` are names or numbers of the target; "" for what `archive` says. `by_name`: a directory and a
    target of the same last name are the same thing, whether the target is there already or not."""

    archive: bool = True
    overwrite: bool = False
    owner: str = ""
    group: str = ""
    mode: Callable[[int, bool], int] | None = None
    directory_mode: Callable[[int, bool], int] | None = None
    by_name: bool = False


class Copy(NamedTuple):
    """What a copy comes to. `texts` are a single small file's before and after, where both are text. `nests`: podman's
    rules would put the same copy, done again, into the directory that this one makes."""

    plan: Plan
    path: str
    checksum: str
    size: int
    texts: tuple[str, str] | None
    nests: bool = False


def foresee(session: Session, source: Spot, target: Spot, options: Options) -> Copy:
    """Nothing is changed. Raises NotFound, BadInput, Refused, Conflict, HostLacks."""
    with _ends(session, source, target, options, write=False) as (begin, end, wish):
        pairs = look(begin.end, end.end)
        works = decide(pairs, wish, str(target))
        checksum, size = _summed(begin, pairs)
        made = plan(f"copy {source.path} to {target}", works, end.path)
        nests = begin.directory and not begin.contents and end.renamed
        return Copy(made, end.path, checksum, size, _texts(begin, end, pairs), nests)


def carry_out(session: Session, source: Spot, target: Spot, options: Options) -> None:
    """Raises as `foresee` does, HostLacks for what cannot be written."""
    with _ends(session, source, target, options, write=True) as (begin, end, wish):
        works = decide(look(begin.end, end.end), wish, str(target))
        apply(works, begin.end, end.end, str(target))


def differences(session: Session, source: Spot, target: Spot, options: Options) -> list[Work]:
    with _ends(session, source, target, options, write=False) as (begin, end, wish):
        return decide(look(begin.end, end.end), wish, str(target))


@contextmanager
def _ends(
    session: Session, source: Spot, target: Spot, options: Options, *, write: bool
) -> Iterator[tuple[Source, Target, Wish]]:
    refuse_memory(target)
    with ExitStack() as stack:
        begin = source_of(session, source, stack)
        stack.callback(begin.end.close)
        root = root_of(session, target, stack, write=write)
        place = Place(root, absolute(target), target.where)
        if options.by_name and begin.base and posixpath.basename(place.path) == os.fsdecode(begin.base):
            begin = begin._replace(contents=True)
        end = copy_ends.target(place, begin.directory, begin.base, begin.contents, follow=target.container is not None)
        stack.callback(end.end.close)
        yield begin, end, _wish(session, source, target, options, root, end)


def _wish(session: Session, source: Spot, target: Spot, options: Options, root: Root, end: Target) -> Wish:
    if target.container is not None:
        owner = copy_owners.inside(session, source, target.container, options, root)
    else:
        owner = copy_owners.here(session, source, options)
    mode, directory_mode = options.mode, options.directory_mode
    return Wish(
        owner=owner,
        mode=(lambda now: mode(now, False)) if mode else None,
        directory_mode=(lambda now: directory_mode(now, True)) if directory_mode else None,
        overwrite=options.overwrite,
        devices=target.container is not None and not session.identity.rootless,
        set_ids=target.container is not None,
        keep_top=end.keep_top,
    )


def _summed(begin: Source, pairs: list[Pair]) -> tuple[str, int]:
    """sha256 and size of a single file, ("", all bytes) of a tree."""
    if begin.directory or not pairs or pairs[0].source.kind != "file":
        return "", sum(pair.source.size for pair in pairs if pair.source.kind == "file")
    from ..base.digest import digest_of_file

    return digest_of_file(begin.end.open_file(b"")).hex, pairs[0].source.size


def _texts(begin: Source, end: Target, pairs: list[Pair]) -> tuple[str, str] | None:
    if begin.directory or not pairs or pairs[0].same or pairs[0].source.kind != "file":
        return None
    there = pairs[0].there
    if pairs[0].source.size > _SHOWN or (there is not None and (there.kind != "file" or there.size > _SHOWN)):
        return None
    after = _text(begin.end.open_file(b""))
    before = _text(end.end.open_file(b"")) if there is not None else ""
    return None if after is None or before is None else (before, after)


def _text(fd: int) -> str | None:
    with open(fd, "rb") as file:
        data = file.read(_SHOWN + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
