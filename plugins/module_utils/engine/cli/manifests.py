# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless manifest add, annotate, create, exists, inspect, push, remove, rm"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError, NotFound
from .access_flags import access, listed, read, refuse, text
from .context import Usage
from .manifest_flags import NO_ARTIFACTS, NOT_PUSHED, VERBS
from .rows import pretty

if TYPE_CHECKING:
    from argparse import Namespace

    from ..image.listing import Found, ListWish
    from ..image.options import PullOptions
    from ..image.remote import Remote
    from .arguments import Parser
    from .context import Context
    from .goflags import Line


def arguments(parser: Parser, name: str) -> None:
    flags, usage, _count = VERBS[name.partition(" ")[2]]
    parser.take_all(flags, usage)


def run(context: Context, options: Namespace) -> int:
    verb = options.command_name.partition(" ")[2]
    flags, _usage, count = VERBS[verb]
    line = read(context, options, flags, count)
    if line is None:
        return 0
    return {
        "add": _add,
        "annotate": _annotate,
        "create": _create,
        "exists": _exists,
        "inspect": _inspect,
        "push": _push,
        "remove": _remove,
        "rm": _rm,
    }[verb](context, line)


def _remote(context: Context, options: PullOptions) -> Remote:
    from ..image.remote import Remote

    return Remote(context.session.identity, context.session.runner, options)


def _access(line: Line) -> PullOptions:
    """Without a platform: here its flags describe images."""
    return access(line._replace(given={key: value for key, value in line.given.items() if key not in _PLATFORM}))


_PLATFORM = {
    "arch": "architecture",
    "features": "features",
    "os": "os",
    "os-features": "os.features",
    "os-version": "os.version",
    "variant": "variant",
}


def _platform(line: Line) -> dict[str, object]:
    return {name: line.given[key] for key, name in _PLATFORM.items() if line.given.get(key)}


def _notes(line: Line) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in listed(line, "annotation"):
        key, equals, value = pair.partition("=")
        if not equals:
            raise Usage(f"no value given for annotation {key!r}")
        found[key] = value
    return found


def _wish(name: str, line: Line, members: tuple[str, ...]) -> ListWish:
    from ..image.listing import ListWish, Member

    every = bool(line.given.get("all"))
    return ListWish(name, tuple(Member(image, every) for image in members))


def _create(context: Context, line: Line) -> int:
    from ..image import list_editing, listing, naming

    name, wish = naming.full(line.words[0]), _wish("", line, line.words[1:])
    record, found = listing.observe(context.session, name)
    if record is not None and not line.given.get("amend"):
        raise BadInput(f"create manifest list {name}", "that name is already in use", "--amend adds to it")
    remote = _remote(context, _access(line))
    try:
        wanted = list_editing.added(
            context.session, remote, found, wish._replace(name=name, annotations=_notes(line) or None)
        )
    finally:
        remote.close()
    context.out(f"{list_editing.store(context.session, name, record, found, wanted)}\n")
    return 0


def _add(context: Context, line: Line) -> int:
    from ..image import list_editing

    refuse(line, NO_ARTIFACTS)
    held = list_editing.find(context.session, line.words[0])
    wish = _wish(held.name, line, line.words[1:])
    told = tuple(member._replace(platform=_platform(line), annotations=_notes(line)) for member in wish.members or ())
    remote = _remote(context, _access(line))
    try:
        wanted = list_editing.added(context.session, remote, held.found, wish._replace(members=told))
    finally:
        remote.close()
    context.out(f"{list_editing.store(context.session, held.name, held.record, held.found, wanted)}\n")
    return 0


def _annotate(context: Context, line: Line) -> int:
    from ..image import list_editing

    refuse(line, {"subject": "a list of this host has no subject"})
    whole = bool(line.given.get("index"))
    if whole == (len(line.words) == 2):
        raise Usage("name an image of the list, or say --index to annotate the list itself, not both")
    if whole and _platform(line):
        raise Usage("--index annotates the list, which has no platform")
    held = list_editing.find(context.session, line.words[0])
    remote = _remote(context, _access(line))
    try:
        digest = "" if whole else list_editing.digest_of(context.session, remote, held.found, line.words[1])
    finally:
        remote.close()
    wanted = list_editing.described(held.found, digest, _platform(line), _notes(line))
    context.out(f"{list_editing.store(context.session, held.name, held.record, held.found, wanted)}\n")
    return 0


def _remove(context: Context, line: Line) -> int:
    from ..image import list_editing

    held = list_editing.find(context.session, line.words[0])
    wanted = list_editing.removed(held.found, line.words[1])
    context.out(f"{list_editing.store(context.session, held.name, held.record, held.found, wanted)}\n")
    return 0


def _exists(context: Context, line: Line) -> int:
    from ..image import list_editing

    try:
        list_editing.find(context.session, line.words[0])
    except (BadInput, NotFound):
        return 1
    return 0


def _inspect(context: Context, line: Line) -> int:
    context.out(f"{pretty(json.loads(_document(context, line)), 4)}\n")
    return 0


def _document(context: Context, line: Line) -> bytes:
    """Of the list here, else of what the registry has under the name."""
    from ..image import list_editing, listing

    try:
        return list_editing.find(context.session, line.words[0]).found.data
    except (BadInput, NotFound):
        remote = _remote(context, _access(line))
        try:
            name = line.words[0]
            bare = name if name.startswith("docker://") else f"docker://{name}"
            return listing.open_member(context.session, remote, bare)[1].data
        finally:
            remote.close()


def _push(context: Context, line: Line) -> int:
    from ..image import list_editing, listing

    refuse(line, NOT_PUSHED)
    held = list_editing.find(context.session, line.words[0])
    to, file = line.words[1] if len(line.words) > 1 else held.name, text(line, "digestfile")
    digest = send(context, held.name, to, access(line), everything=line.given.get("all") is not False)
    if file:
        from ..base.files import atomic_write

        atomic_write(file, digest.encode(), mode=0o644)
    if line.given.get("purge") or line.given.get("rm"):
        gone = listing.plan(held.record, held.found, None, held.name)
        listing.apply(context.session, gone, held.record, None, held.name)
    return 0


def send(context: Context, name: str, to: str, options: PullOptions, *, everything: bool) -> str:
    """Push a list; its digest there. Raises BadInput, and as registries do."""
    from ..base.digest import digest_of
    from ..image import list_editing
    from ..image.list_push import ListPush
    from ..image.pushing import destination_of
    from ..spec import reference

    found: Found = list_editing.find(context.session, name).found
    remote = _remote(context, options)
    try:
        ref = reference.parse(destination_of(to, "", ""))
        push = ListPush(context.session, remote, ref, everything=everything)
        return push.apply(found) if push.plan(found).changed else str(digest_of(found.data))
    finally:
        remote.close()


def _rm(context: Context, line: Line) -> int:
    from ..image import list_editing, listing

    code = 0
    for word in line.words:
        try:
            held = list_editing.find(context.session, word)
            gone = listing.plan(held.record, held.found, None, held.name)
            listing.apply(context.session, gone, held.record, None, held.name)
        except NotFound as error:
            if not line.given.get("ignore"):
                context.error(str(error))
                code = 1
            continue
        except EngineError as error:
            context.error(str(error))
            code = 125
            continue
        context.out(f"Untagged: {held.name}\n")
        if len(held.record.names) == 1:
            context.out(f"Deleted: {held.record.id}\n")
    return code
