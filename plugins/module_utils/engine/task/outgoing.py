# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a stage leaves for its action plugin, which fetches them as the user who is logged in.

Where the task's user can give a file away, it lies in the plugin's own directory. Where not, it lies in a directory of
the task's user, and comes in pieces, as answers.
"""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, HostLacks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..base.jsonval import Json

#: The longest piece that an answer may hold.
PIECE = 8 * 1024 * 1024
_PREFIX = ".daemonless-outgoing-"
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def giveable(folder: str) -> int | None:
    """The owner of the directory, if what we write there can be read by that user; None if not."""
    try:
        info = os.stat(folder)
    except OSError:
        return None
    me = os.geteuid()
    if info.st_uid == me:
        return me
    return info.st_uid if me == 0 and "_CONTAINERS_ROOTLESS_UID" not in os.environ else None


def hand_over(path: str) -> None:
    """A file in the plugin's directory, to the user who is logged in. Raises HostLacks."""
    deed = f"hand over {path}"
    owner = giveable(os.path.dirname(path))
    if owner is None:
        raise HostLacks(deed, "its directory belongs to another user")
    try:
        os.chown(path, owner, -1, follow_symlinks=False)
    except OSError as error:
        raise HostLacks(deed, error.strerror or str(error)) from error


def leave(pieces: Iterable[bytes], name: str, folder: str, aside: str) -> Json:
    """Write a file for the plugin; the words by which it fetches it. `folder` is the plugin's, `aside` ours."""
    fits = giveable(folder) is not None
    path = os.path.join(folder, name) if fits else os.path.join(aside, f"{_PREFIX}{os.urandom(8).hex()}")
    try:
        if not fits:
            os.makedirs(aside, mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, _MAKE, 0o600), "wb") as file:
            size = sum(map(file.write, pieces))
    except OSError as error:
        raise HostLacks(f"write {path}", error.strerror or str(error)) from error
    if fits:
        hand_over(path)
    return {"file": name if fits else "", "held": "" if fits else path, "size": size}


def read(words: Json) -> Json:
    """A piece of what `leave` had to keep, from `offset` on; none: its end."""
    with open(_held(words), "rb") as file:
        file.seek(jsonval.number(words, "offset"))
        return {"data": b64encode(file.read(PIECE)).decode()}


def drop(words: Json) -> Json:
    try:
        os.unlink(_held(words))
    except FileNotFoundError:
        pass
    return {}


def _held(words: Json) -> str:
    path = jsonval.text(words, "held")
    if not os.path.basename(path).startswith(_PREFIX):
        raise BadInput(f"read {path}", "it is no file that was left here to be fetched")
    return path
