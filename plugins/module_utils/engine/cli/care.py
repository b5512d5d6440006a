# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless container prune, image prune, system prune and system check"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

_QUESTION = "Are you sure you want to continue? [y/N] "


def arguments(parser: Parser, name: str) -> None:
    if name == "system check":
        parser.flag("-q", "--quick", help="do not read the content of layers")
        parser.flag("-r", "--repair", help="remove damaged images and what is left over")
        parser.flag("-f", "--force", help="remove containers on damaged images, too")
        parser.add_argument("-m", "--max", default="24h", help="how old a layer may be that no image names")
        return
    if name != "container prune":
        parser.flag("-a", "--all", help="unused images with a name as well, and what builds keep for the next ones")
    parser.many("--filter", metavar="KEY=VALUE", help="until, label, label!")
    parser.flag("-f", "--force", help="do not ask")
    if name == "image prune":
        parser.flag("--build-cache", help="what builds keep for the next ones as well")
        parser.flag("--external", help="images that only containers of other programs use, with these")
    if name == "system prune":
        parser.flag("--external", help="only what killed programs left in the storage")
        parser.flag("--build", help="working containers of builds as well")
        parser.flag("--volumes", help="unused volumes as well")


def run(context: Context, options: Namespace) -> int:
    if options.command_name == "system check":
        return _check(context, options)
    if options.command_name == "container prune":
        return _containers(context, options)
    return (_system if options.command_name == "system prune" else _images)(context, options)


def agreed(context: Context, options: Namespace, warning: str) -> bool:
    if options.force:
        return True
    context.out(warning + _QUESTION)
    sys.stdout.flush()
    return sys.stdin.readline()[:1].lower() == "y"


def _images(context: Context, options: Namespace) -> int:
    from ..base.filters import parse
    from ..plan.pruning import IMAGE, take
    from ..pod.sweep import Sweep, remove

    kept = "images without at least one container associated with them" if options.all else "dangling images"
    if not agreed(context, options, f"WARNING! This command removes all {kept}.\n"):
        return 0
    sweep = Sweep(context.session)
    sweep.look_at_images(parse(options.filter), every=options.all, external=options.external)
    if options.all or options.build_cache:
        sweep.look_at_build_cache()
    done = take(sweep.doomed["image"], lambda one: remove(context.session, one))
    context.out("".join(f"{one.line}\n" for one in done.gone if one.kind == IMAGE))
    return failed(context, done.errors)


def _containers(context: Context, options: Namespace) -> int:
    from ..base.filters import parse
    from ..container import prune
    from ..plan.pruning import take

    if not agreed(context, options, "WARNING! This will remove all non running containers.\n"):
        return 0
    done = take(prune.unused(context.session, parse(options.filter)), lambda one: prune.remove(context.session, one))
    context.out("".join(f"{one.id}\n" for one in done.gone))
    return failed(context, done.errors)


def _system(context: Context, options: Namespace) -> int:
    from ..base.filters import parse
    from ..plan.pruning import system_lines, take
    from ..pod.sweep import Sweep, remove

    if options.external:
        return _leftovers(context, options)
    lines = ["all stopped containers and pods", "all networks not used by at least one container"]
    lines += ["all volumes not used by at least one container"] if options.volumes else []
    lines += ["all build containers"] if options.build else []
    unused = "images without at least one container associated with them" if options.all else "dangling images"
    lines.append(f"all {unused}")
    listed = "".join(f"\t- {line}\n" for line in lines)
    if not agreed(context, options, f"WARNING! This command removes:\n{listed}\n"):
        return 0
    sweep = Sweep(context.session)
    filters = parse(options.filter)
    whole, build, volumes = options.all, options.build, options.volumes
    sweep.look_everywhere(every=whole, build=build, volumes=volumes, cache=whole, filters=filters)
    done = take(sweep.doomed["system"], lambda one: remove(context.session, one))
    context.out("".join(f"{line}\n" for line in system_lines(done)))
    return failed(context, done.errors)


def _leftovers(context: Context, options: Namespace) -> int:
    """What no record of the storage names; podman asks nobody either."""
    if options.all or options.volumes or options.filter or options.build:
        raise Usage("system prune --external cannot be combined with other options")
    context.session.store.repair()
    return 0


def failed(context: Context, errors: tuple[str, ...]) -> int:
    for text in errors:
        context.error(text)
    return 125 if errors else 0


def _check(context: Context, options: Namespace) -> int:
    from ..base.units import parse_duration
    from ..container import store_care

    age = parse_duration(options.max, "--max") // 1_000_000_000
    wish = store_care.Wish(not options.quick, options.repair, options.force, age)
    found = store_care.look(context.session, wish)
    for problem in found.problems:
        context.out(f"{problem.kind} {problem.id}: {problem.detail}\n")
    if not (options.repair or options.force):
        return failed(context, ("damage detected in local storage",) if found.problems else ())
    store_care.apply(context.session, found, wish)
    for noun in ("container", "image", "layer"):
        context.out("".join(f"Deleted damaged {noun}: {identity}\n" for identity in getattr(found, f"{noun}s")))
    left = store_care.look(context.session, wish).problems
    return failed(context, ("damage in local storage still present after repair attempt",) if left else ())
