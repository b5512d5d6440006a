# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the files of a copy become: ids of the container, of its user namespace on the disk, and of this host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, HostLacks
from ..host.rooted import read_file
from ..spec import users
from . import own_ids, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.rooted import Root
    from ..session.session import Session
    from .copy_spots import Spot
    from .copying import Options
    from .model import Container

    Owner = Callable[[int, int], tuple[int, int]]


def inside(session: Session, source: Spot, container: Container, options: Options, root: Root) -> Owner:
    passwd = read_file(root, "etc/passwd", users.MAX_BYTES) or b""
    group = read_file(root, "etc/group", users.MAX_BYTES) or b""
    uid: int | None = None
    gid: int | None = None
    if options.archive:
        account = users.lookup(jsonval.text(container.config, "user"), passwd, group)
        uid, gid = account.uid, account.gid
    if options.owner:
        account = users.lookup(options.owner, passwd, group)
        uid = account.uid
        gid = account.gid if not options.group and options.archive and account.known else gid
    if options.group:
        gid = users.lookup(f"0:{options.group}", passwd, group).gid
    read = reader(session, source)

    def owner(from_uid: int, from_gid: int) -> tuple[int, int]:
        seen_uid, seen_gid = read(from_uid, from_gid)
        inner = seen_uid if uid is None else uid, seen_gid if gid is None else gid
        return own_ids.outside(container.config, *inner)

    return owner


def user(container: Container, root: Root) -> tuple[int, int]:
    """The container's user as the disk has it."""
    passwd = read_file(root, "etc/passwd", users.MAX_BYTES) or b""
    group = read_file(root, "etc/group", users.MAX_BYTES) or b""
    account = users.lookup(jsonval.text(container.config, "user"), passwd, group)
    return own_ids.outside(container.config, account.uid, account.gid)


def here(session: Session, source: Spot, options: Options) -> Owner:
    uid = os.geteuid() if options.archive else None
    gid = os.getegid() if options.archive else None
    if options.owner:
        uid = _here(session, options.owner, "user")
    if options.group:
        gid = _here(session, options.group, "group")
    read = reader(session, source)

    def owner(from_uid: int, from_gid: int) -> tuple[int, int]:
        seen_uid, seen_gid = read(from_uid, from_gid)
        return seen_uid if uid is None else uid, seen_gid if gid is None else gid

    return owner


def _here(session: Session, word: str, kind: str) -> int:
    """An id of this host as we see it now: a plain user's own is 0 in their namespace."""
    import grp
    import pwd

    try:
        number = int(word) if word.isdigit() else pwd.getpwnam(word)[2] if kind == "user" else grp.getgrnam(word)[2]
    except KeyError:
        raise BadInput(f"find the {kind} {word}", "this host has none of that name") from None
    identity = session.identity
    if not identity.rootless:
        return number
    if number == (identity.uid if kind == "user" else identity.gid):
        return 0
    raise HostLacks(f"give files to the {kind} {word}", "a plain user can only give them to themselves")


def reader(session: Session, source: Spot) -> Owner:
    """The owner of a file as the container that it comes from sees it."""
    if source.container is None:
        return lambda uid, gid: (uid, gid)
    found = session.store.container(source.container.id)
    return (tree.owner_inside(found) if found is not None else None) or (lambda uid, gid: (uid, gid))
