# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless __complete and completion: what the last word of a command line may become"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .arguments import Parser
    from .context import Context

_CONTAINER, _IMAGE, _NETWORK, _VOLUME, _SECRET = "container", "image", "network", "volume", "secret"
_POD = "pod"
_EVERYTHING = (_CONTAINER, _IMAGE, _NETWORK, _VOLUME)
_OF_IMAGES = frozenset("history pull push rmi save tag untag".split())
#: Commands whose words are no names of anything here.
_OF_NOTHING = frozenset("completion images import info load login logout ps search secret-create version".split())
_VALUES: Mapping[str, Sequence[str]] = {
    "--policy": ("always", "missing", "never", "newer"),
    "--pull": ("always", "missing", "never", "newer"),
    "--restart": ("always", "no", "on-failure", "unless-stopped"),
    "--network": ("bridge", "host", "none", "pasta", "slirp4netns"),
}
_NAMED = {
    "--network": _NETWORK,
    "--pod": _POD,
    "--secret": _SECRET,
    "--volume": _VOLUME,
    "--volumes-from": _CONTAINER,
    "--requires": _CONTAINER,
    "-v": _VOLUME,
}


def arguments(parser: Parser, name: str) -> None:
    parser.add_argument("shell", choices=("bash",), help="bash")


def run(context: Context, options: Namespace) -> int:
    from ..base.completion import BASH

    context.out(BASH)
    return 0


def candidates(context: Context, words: Sequence[str], tree: Tree) -> list[str]:
    """What the last of the words may become, sorted. Whatever fails, nothing is offered: nobody would read an error."""
    *before, last = list(words) or [""]
    try:
        return sorted({one for one in _offers(context, before, last, tree) if one.startswith(last)})
    except (EngineError, OSError):
        return []


class Tree:
    """The commands: `names` on the first level, `groups` with theirs, and how the parser of one is made."""

    def __init__(
        self,
        names: Iterable[str],
        groups: Mapping[str, Mapping[str, str]],
        parser: Callable[[str], Parser],
    ) -> None:
        self.names = tuple(names)
        self.groups = groups
        self.parser = parser


def _offers(context: Context, before: list[str], last: str, tree: Tree) -> Iterable[str]:
    if not before:
        return (*tree.names, *tree.groups, "--help", "--version")
    group, word, rest = "", before[0], before[1:]
    if word in tree.groups:
        if not rest:
            return tree.groups[word]
        group, word, rest = word, tree.groups[word].get(rest[0], ""), rest[1:]
    elif word not in tree.names:
        return ()
    if not word:
        return ()
    flags = tree.parser(word).flags()
    if last.startswith("-"):
        return flags
    flag = rest[-1] if rest else ""
    if flags.get(flag):
        kind = _NAMED.get(flag)
        return (*_VALUES.get(flag, ()), *(_names(context, (kind,), last) if kind else ()))
    return _names(context, _kinds(group, word, rest), last)


def _kinds(group: str, word: str, rest: Sequence[str]) -> Sequence[str]:
    """Of what kind the names are that the command takes next."""
    verb = word.split()[-1]
    if word in ("run", "create"):  # what follows the image is a command line of its own; flags make it hard to tell
        return (_IMAGE,)
    if word in _OF_NOTHING or word == "volume create":
        return ()
    if group in _EVERYTHING:
        return (group,)
    if group == "pod":
        return (_POD,)
    if group in ("secret", "manifest"):
        return (_SECRET,) if group == "secret" else (_IMAGE,)
    if verb == "inspect":
        return _EVERYTHING
    if group == "system":
        return ()
    return (_IMAGE,) if word in _OF_IMAGES else (_CONTAINER,)


def _names(context: Context, kinds: Iterable[str], last: str) -> list[str]:
    found: list[str] = []
    for kind in kinds:
        found += {
            _CONTAINER: _containers,
            _IMAGE: _images,
            _NETWORK: _networks,
            _VOLUME: _volumes,
            _SECRET: _secrets,
            _POD: _pods,
        }[kind](context, last)
    return found


def _containers(context: Context, last: str) -> list[str]:
    from ..container.lookup import all_containers

    found = all_containers(context.session)
    return [one.name for one in found] + ([one.id[:12] for one in found] if last else [])


def _images(context: Context, last: str) -> list[str]:
    """Names, what is behind each slash of them, and ids where one is begun."""
    found = []
    for image in context.session.store.images():
        for name in image.names:
            if "@" in name:
                continue
            parts = name.split("/")
            found += ["/".join(parts[number:]) for number in range(len(parts))]
        if last:
            found.append(image.id[:12])
    return found


def _networks(context: Context, last: str) -> list[str]:
    return [network.name for network in context.session.networks.all()]


def _volumes(context: Context, last: str) -> list[str]:
    from ..volume.observed import all_volumes

    return [volume.name for volume in all_volumes(context.session)]


def _pods(context: Context, last: str) -> list[str]:
    found = context.session.database.pods()
    return [pod.name for pod in found] + ([pod.id[:12] for pod in found] if last else [])


def _secrets(context: Context, last: str) -> list[str]:
    from ..secret.deeds import open_store

    return [secret.name for secret in open_store(context.session).all()]
