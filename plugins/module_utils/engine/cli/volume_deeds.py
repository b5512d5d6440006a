# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless volume create, exists, export, import, inspect, mount, prune, reload, rm and unmount"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..base.errors import EngineError, InUse, NotFound
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from ..volume.observed import VolumeView
    from .arguments import Parser
    from .context import Context

_IN_USE, _MISSING = 2, 1


def arguments(parser: Parser, name: str) -> None:
    verb = name.split()[-1]
    if verb == "create":
        parser.add_argument("-d", "--driver", default="local", help="local")
        parser.flag("--ignore", help="a volume of that name is no error")
        parser.many("-l", "--label", metavar="KEY=VALUE", help="a label")
        parser.many("-o", "--opt", metavar="KEY=VALUE", help="type, device, o")
    elif verb == "export":
        parser.add_argument("-o", "--output", default="", help="the file; else the standard output")
    elif verb == "inspect":
        parser.flag("-a", "--all", help="every volume")
        parser.add_argument("-f", "--format", default="", help="json, or a Go template")
    elif verb == "prune":
        parser.many("--filter", metavar="KEY=VALUE", help="all, anonymous, driver, label, label!, name, since, until")
        parser.flag("-f", "--force", help="do not ask")
    elif verb == "rm":
        parser.flag("-a", "--all", help="every volume")
        parser.flag("-f", "--force", help="with the containers that use it")
        parser.add_argument("-t", "--time", type=int, default=None, help="seconds to wait before those are killed")
    if verb in ("prune", "reload"):
        return
    parser.names("VOLUME [SOURCE]" if verb == "import" else "VOLUME")


def run(context: Context, options: Namespace) -> int:
    deeds = {
        "create": _create,
        "exists": _exists,
        "export": _export,
        "import": _import,
        "inspect": _inspect,
        "mount": _mount,
        "prune": _prune,
        "reload": _reload,
        "rm": _remove,
        "unmount": _unmount,
    }
    return deeds[options.command_name.split()[-1]](context, options)


def _one(options: Namespace) -> str:
    if len(options.names) != 1:
        raise Usage(f"accepts 1 arg(s), received {len(options.names)}")
    return str(options.names[0])


def _found(context: Context, name: str, deed: str) -> VolumeView:
    """By name, or by the only one that begins so, as podman has it. Raises NotFound."""
    from ..volume import observed

    exact = observed.find(context.session, name)
    if exact is not None:
        return exact
    close = [volume for volume in observed.all_volumes(context.session) if volume.name.startswith(name)]
    if len(close) > 1:
        raise Usage(f"more than one result for volume name {name}: volume already exists")
    if not close:
        raise NotFound(deed, f'no volume with name "{name}" found: no such volume')
    return close[0]


def _create(context: Context, options: Namespace) -> int:
    from ..base.ids import new_id
    from ..volume import desired, observed, steps

    if len(options.names) > 1:
        raise Usage("too many arguments, create takes at most 1 argument")
    name = options.names[0] if options.names else new_id()
    wish = desired.VolumeDesired(
        name=name,
        driver=options.driver,
        options=desired.parse_options(options.opt),
        labels=tuple(sorted((key, value) for key, _equals, value in (text.partition("=") for text in options.label))),
        anonymous=False,
    )
    desired.check(wish)
    if observed.find(context.session, name) is not None and not options.ignore:
        raise Usage(f"volume with name {name} already exists: volume already exists")
    steps.ensure(context.session, wish)
    context.out(f"{name}\n")
    return 0


def _exists(context: Context, options: Namespace) -> int:
    from ..volume import observed

    return 0 if observed.find(context.session, _one(options)) is not None else 1


def _export(context: Context, options: Namespace) -> int:
    from ..volume import transfer

    view = _found(context, _one(options), "export volume")
    if not options.output and sys.stdout.isatty():
        raise Usage("refusing to export to terminal. Use -o flag or redirect")
    with transfer.mounted(context.session, view) as path:
        if options.output:
            from ..image.exporting import written

            written(transfer.pieces(path, view), os.path.abspath(options.output))
            return 0
        sys.stdout.flush()
        for piece in transfer.pieces(path, view):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def _import(context: Context, options: Namespace) -> int:
    from ..volume import transfer

    if not 1 <= len(options.names) <= 2:
        raise Usage(f"accepts between 1 and 2 arg(s), received {len(options.names)}")
    view = _found(context, options.names[0], "import volume")
    source = options.names[1] if len(options.names) == 2 else "-"
    if source == "-":
        transfer.bring(context.session, view, sys.stdin.buffer, "the archive")
        return 0
    with open(source, "rb") as file:
        transfer.bring(context.session, view, file, source)
    return 0


def _inspect(context: Context, options: Namespace) -> int:
    from ..volume import observed
    from . import inspect

    if bool(options.names) == options.all:
        raise Usage("provide one or more volume names or use --all")
    options.kind, options.latest = "volume", False
    if options.all:
        options.names = [volume.name for volume in observed.all_volumes(context.session)]
    return inspect.run(context, options)


def _mount(context: Context, options: Namespace) -> int:
    from ..volume import mount

    context.out(f"{mount.attach(context.session, _found(context, _one(options), 'mount volume').name)}\n")
    return 0


def _unmount(context: Context, options: Namespace) -> int:
    from ..volume import mount

    view = _found(context, _one(options), "unmount volume")
    mount.detach(context.session, view.name)
    context.out(f"{view.name}\n")
    return 0


def _reload(_context: Context, _options: Namespace) -> int:
    return 0  # volumes of plugins, which there are none of


def _prune(context: Context, options: Namespace) -> int:
    from ..base.filters import parse
    from ..plan.pruning import take
    from ..volume import prune

    if not options.force:
        context.out("WARNING! This will remove all volumes not used by at least one container.\n")
        context.out("Are you sure you want to continue? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline()[:1].lower() != "y":
            return 0
    done = take(prune.unused(context.session, parse(options.filter)), lambda one: prune.remove(context.session, one))
    context.out("".join(f"{one.id}\n" for one in done.gone))
    for text in done.errors:
        context.error(text)
    return 125 if done.errors else 0


def _remove(context: Context, options: Namespace) -> int:
    from ..volume import observed

    if bool(options.names) == options.all:
        raise Usage("choose either one or more volumes or all")
    names = [one.name for one in observed.all_volumes(context.session)] if options.all else options.names
    code = 0
    for name in names:
        try:
            context.out(f"{_remove_one(context, options, name)}\n")
        except NotFound as error:
            if not options.force:
                context.error(error.cause)
                code = code or _MISSING
        except InUse as error:
            context.error(str(error))
            code = _IN_USE
        except EngineError as error:
            context.error(str(error))
            code = 125
    return code


def _remove_one(context: Context, options: Namespace, name: str) -> str:
    from ..volume import steps

    view = _found(context, name, "remove volume")
    if options.force:
        from ..container.lookup import by_id
        from ..container.remove import remove

        for identity in view.users:
            container = by_id(context.session, identity)
            if container is not None:
                remove(context.session, container, force=True, timeout=options.time)
    steps.remove(context.session, view.name, force=options.force)
    return view.name
