# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless inspect: containers, else images, volumes, networks, whichever has the name"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rows import pretty

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from .arguments import Parser
    from .context import Context

    #: By a name; the last is whether containers tell what they take on the disk, which others do in any case or never.
    Finder = Callable[[Context, str, bool], object]

_INDENT = 5  # podman's own


def arguments(parser: Parser, name: str) -> None:
    parser.names("NAME")
    parser.add_argument("-f", "--format", default="", help="json, or a Go template")
    parser.latest()
    parser.add_argument("-t", "--type", default="", choices=("container", "image", "network", "volume", "pod", "all"))
    parser.flag("-s", "--size", help="with what a container takes on the disk")


def run(context: Context, options: Namespace) -> int:
    kind = options.kind or ("" if options.type == "all" else options.type)
    if options.latest:
        kind = "container"
    found, missing = [], []
    for name in context.chosen(options.names, latest=options.latest):
        value = _find(context, name, kind, getattr(options, "size", False))
        if value is None:
            missing.append(name)
        else:
            found.append(value)
    if options.format and options.format != "json":
        from .gotemplate import Template

        template = Template(options.format.replace("\\t", "\t").replace("\\n", "\n"))
        for value in found:
            context.out(template.execute(value) + "\n")
    else:
        context.out(pretty(found, _INDENT) + "\n")
    for name in missing:
        context.error(f'no such {kind or "object"}: "{name}"')
    return 125 if missing else 0


def _find(context: Context, name: str, kind: str, size: bool) -> object:
    finders = {kind: _FINDERS[kind]} if kind else _FINDERS
    for finder in finders.values():
        value = finder(context, name, size)
        if value is not None:
            return value
    return None


def _container(context: Context, name: str, size: bool) -> object:
    from ..container.lookup import lookup

    container = lookup(context.session, name)
    if container is None:
        return None
    from ..container.inspect import inspect

    return inspect(context.session, container, size=size)


def _image(context: Context, name: str, size: bool) -> object:
    from ..image.inspect import inspect
    from ..image.lookup import find_record

    found = find_record(context.session, name)
    return None if found is None else inspect(context.session, found[0])


def _network(context: Context, name: str, size: bool) -> object:
    from ..base.errors import NotFound
    from ..network.observed import shown

    try:
        return shown(context.session, context.session.networks.find(name))
    except NotFound:
        return None


def _volume(context: Context, name: str, size: bool) -> object:
    from ..volume.observed import find, shown

    found = find(context.session, name)
    return None if found is None else shown(found)


def _pod(context: Context, name: str, size: bool) -> object:
    from ..pod.inspect import inspect
    from ..pod.model import lookup

    found = lookup(context.session, name)
    return None if found is None else inspect(context.session, found)


_FINDERS: dict[str, Finder] = {
    "container": _container,
    "image": _image,
    "network": _network,
    "volume": _volume,
    "pod": _pod,
}
