# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless rmi"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, InUse, NotFound

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

_MISSING, _IN_USE = 1, 2


def arguments(parser: Parser, name: str) -> None:
    parser.names("IMAGE")
    parser.flag("-a", "--all", help="every image")
    parser.flag("-f", "--force", help="also when it has further names, or containers made from it, which go first")
    parser.flag("-i", "--ignore", help="images that do not exist are no error")
    parser.flag("--no-prune", help="keep images without a name that it alone was built upon")


def run(context: Context, options: Namespace) -> int:
    from .context import Usage

    if options.all and options.names:
        raise Usage("when using the --all switch, you may not pass any images names or IDs")
    names = [image.id for image in context.session.store.images()] if options.all else options.names
    if not names and not options.all:
        raise Usage("image name or ID must be specified")
    code = 0
    for name in names:
        try:
            _remove(context, name, options)
        except NotFound as error:
            if not (options.force or options.ignore or options.all):  # of all, one may go with another
                context.error(str(error))
                code = _MISSING
        except InUse as error:
            context.error(str(error))
            code = _IN_USE
        except EngineError as error:
            context.error(str(error))
            code = 125
    return code


def _remove(context: Context, name: str, options: Namespace) -> None:
    from ..image.lookup import find_record
    from ..image.observed import parents_of

    session = context.session
    found = find_record(session, name)
    if found is None:
        raise NotFound(f"remove image {name}", "there is no image with this name or id")
    record, matched = found
    if matched and len(record.names) > 1:
        session.store.remove_names(record.id, [matched])
        context.out(f"Untagged: {matched}\n")
        return
    if len(record.names) > 1 and not (options.force or options.all):
        raise InUse(f"remove image {name}", f"it has several names: {', '.join(record.names)}", "Use --force")
    _remove_users(context, record.id, name, options.force)
    parents = () if options.no_prune else parents_of(session, record)
    session.store.remove_image(record.id)
    for gone in record.names:
        context.out(f"Untagged: {gone}\n")
    context.out(f"Deleted: {record.id}\n")
    for parent in parents:
        session.store.remove_image(parent)
        context.out(f"Deleted: {parent}\n")


def _remove_users(context: Context, image: str, name: str, force: bool) -> None:
    users = [user for user in context.session.store.containers() if user.image == image]
    if users and not force:
        named = ", ".join(user.names[0] if user.names else user.id[:12] for user in users)
        raise InUse(f"remove image {name}", f"containers were made from it: {named}", "Use --force to remove them too")
    from ..container.lookup import lookup
    from ..container.remove import remove

    for user in users:
        container = lookup(context.session, user.id)
        if container is None:
            raise InUse(f"remove image {name}", f"storage container {user.id[:12]} of another program uses it")
        remove(context.session, container, force=True)
