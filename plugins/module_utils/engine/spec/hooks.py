# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI hooks in directories: programs of the host that run when containers of some kind start and end (oci-hooks(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.jsonval import flag, table, text, texts
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..base.jsonval import Json

#: Stages whose programs the engine runs itself; the others are the runtime's.
PRECREATE, POSTSTOP = "precreate", "poststop"
_OWN = (PRECREATE, POSTSTOP)
#: A stage, and its list in the runtime spec: prestart is an old word, and podman 5 writes the new one.
_LISTS = {
    "prestart": "createRuntime",
    "createRuntime": "createRuntime",
    "createContainer": "createContainer",
    "startContainer": "startContainer",
    "poststart": "poststart",
}


class Hook(NamedTuple):
    """`hook` as the runtime spec has it; `when` the conditions of version 1.0.0."""

    hook: Json
    when: Json
    stages: tuple[str, ...]


def read(document: object, path: str) -> Hook:
    """One file, of version 1.0.0 or 0.1.0. Raises BadInput."""
    deed = f"read the OCI hook {path}"
    if not isinstance(document, dict):
        raise BadInput(deed, "it is not a JSON object")
    version = text(document, "version", "0.1.0")
    if version not in ("1.0.0", "0.1.0"):
        raise BadInput(deed, f"version {version[:20]!r} is neither 1.0.0 nor 0.1.0")
    found = _first(document) if version == "0.1.0" else _second(document)
    if not text(found.hook, "path"):
        raise BadInput(deed, "it names no program")
    for stage in found.stages:
        if stage not in (*_LISTS, *_OWN):
            raise BadInput(deed, f"stage {stage[:40]!r} is unknown")
    for pattern in _patterns(found.when):
        _compiled(pattern, deed)
    return found


def _first(document: Json) -> Hook:
    """Version 0.1.0: any of its conditions is enough."""
    program = text(document, "hook")
    when: Json = {"or": True, "commands": texts(document, "cmds") or texts(document, "cmd")}
    values = texts(document, "annotations") or texts(document, "annotation")
    if values:
        when["annotations"] = {".*": "|".join(values)}
    if "hasbindmounts" in document:
        when["hasBindMounts"] = document["hasbindmounts"]
    stages = texts(document, "stages") or texts(document, "stage")
    return Hook({"path": program, "args": [program, *texts(document, "arguments")]}, when, tuple(stages))


def _second(document: Json) -> Hook:
    given = table(document, "hook")
    hook: Json = {"path": text(given, "path")}
    for key in ("args", "env"):
        if texts(given, key):
            hook[key] = texts(given, key)
    seconds = given.get("timeout")
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
        hook["timeout"] = seconds
    return Hook(hook, table(document, "when"), tuple(texts(document, "stages")))


def _patterns(when: Json) -> list[str]:
    pairs = table(when, "annotations")
    return [*pairs, *(str(value) for value in pairs.values()), *texts(when, "commands")]


def _compiled(pattern: str, deed: str) -> object:
    import re

    try:
        return re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise BadInput(deed, f"{pattern[:60]!r} is no regular expression: {error}") from error


def matches(hook: Hook, command: str, annotations: dict[str, str], *, binds: bool) -> bool:
    """Whether it is for this container: all of its conditions hold, or with `or` one of them. None is never met."""
    when = hook.when
    met: list[bool] = []
    if "always" in when:
        met.append(flag(when, "always"))
    if "hasBindMounts" in when:
        met.append(flag(when, "hasBindMounts") and binds)
    for key, value in table(when, "annotations").items():
        first, second = patterns.compile(key), patterns.compile(str(value))
        met.append(any(first.search(name) and second.search(text) for name, text in annotations.items()))
    commands = texts(when, "commands")
    if commands:
        met.append(any(patterns.compile(pattern).search(command) for pattern in commands))
    return any(met) if flag(when, "or") else bool(met) and all(met)


def put(spec: Json, found: list[Hook]) -> dict[str, list[Json]]:
    """Hooks that match, into the spec, in order; those that the engine runs itself, by stage."""
    own: dict[str, list[Json]] = {}
    lists: Json = dict(table(spec, "hooks"))
    for hook in found:
        for stage in hook.stages:
            if stage in _OWN:
                own.setdefault(stage, []).append(hook.hook)
                continue
            there = lists.get(_LISTS[stage])
            lists[_LISTS[stage]] = [*(there if isinstance(there, list) else []), hook.hook]
    if lists:
        spec["hooks"] = lists
    return own
