# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of registries.conf, held against everything that containers-registries.conf(5) demands of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..spec import reference
from .registries_conf import Location, Registry
from .tables import flag, read_toml, string, strings, table, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .tables import Table

_PULLS = ("all", "digest-only", "tag-only")
_MODES = ("enforcing", "permissive", "disabled")
_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = patterns.compile(rf"(?:{_PART}(?:\.{_PART})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?\Z")


class Written(NamedTuple):
    """What one file says; None and "" for what it does not mention."""

    registries: Mapping[str, Registry]
    aliases: Mapping[str, str]
    search: tuple[str, ...] | None = None
    mode: str = ""
    helpers: tuple[str, ...] | None = None


def read(path: str, drop_in: bool) -> Written:
    """Raises BadInput naming the file."""
    raw = read_toml(path)
    deed = f"read {path}"
    old = _first_version(raw, deed)
    if old is not None:
        if drop_in:
            raise BadInput(deed, "it is in the version 1 format, which only the main file may be in")
        if any(key in raw for key in ("registry", "unqualified-search-registries", "short-name-mode", "aliases")):
            raise BadInput(deed, "it mixes the version 1 format with version 2")
        return old
    mode = string(raw, "short-name-mode", deed)
    if mode and mode not in _MODES:
        raise BadInput(deed, f"short-name-mode {mode!r} is not one of {', '.join(_MODES)}")
    search = strings(raw, "unqualified-search-registries", deed)
    helpers = strings(raw, "credential-helpers", deed)
    return Written(
        registries=_by_prefix([_registry(entry, deed) for entry in tables(raw, "registry", deed)], deed),
        aliases=aliases_of(raw, path),
        search=_hosts(search, deed) if "unqualified-search-registries" in raw else None,
        mode=mode,
        helpers=helpers if "credential-helpers" in raw else None,
    )


def _first_version(raw: Table, deed: str) -> Written | None:
    """The three lists of version 1, as what they are in version 2; None where there is none, not even an empty one."""
    parts = {key: table(table(raw, "registries", deed), key, deed) for key in ("search", "insecure", "block")}
    if not any("registries" in part for part in parts.values()):
        return None
    named = {key: strings(part, "registries", deed) for key, part in parts.items()}
    found: dict[str, Registry] = {}
    for text in (*named["block"], *named["insecure"]):
        place = _location(text, deed)
        if not place:
            raise BadInput(deed, "a registry has no name")
        own = Location(place, text in named["insecure"])
        found[place] = Registry(place, own, text in named["block"])
    return Written(found, {}, _hosts(named["search"], deed))


def _by_prefix(found: Iterable[Registry], deed: str) -> dict[str, Registry]:
    """Of two tables for one prefix the first counts.  What concerns a location must be the same wherever it stands."""
    chosen: dict[str, Registry] = {}
    places: dict[str, Registry] = {}
    for entry in found:
        place = entry.own.location or entry.prefix
        other = places.setdefault(place, entry)
        for word, one, two in (
            ("insecure", entry.own.insecure, other.own.insecure),
            ("blocked", entry.blocked, other.blocked),
        ):
            if one != two:
                raise BadInput(deed, f"the registry {place} is defined twice, with another {word} setting")
        chosen.setdefault(entry.prefix, entry)
    return chosen


def _registry(raw: Table, deed: str) -> Registry:
    location = _location(string(raw, "location", deed), deed)
    prefix = _location(string(raw, "prefix", deed), deed) or location
    if not prefix:
        raise BadInput(deed, "a [[registry]] has neither prefix nor location")
    if not location and not prefix.startswith("*."):
        raise BadInput(deed, f"the [[registry]] with prefix {prefix} has no location")
    if prefix.startswith("*.") and any(mark in prefix for mark in "/@:"):
        raise BadInput(deed, f"the prefix {prefix} must be of the form *.example.com")
    if "pull-from-mirror" in raw:
        raise BadInput(deed, f"pull-from-mirror belongs to a mirror, not to the registry {prefix}")
    by_digest = flag(raw, "mirror-by-digest-only", deed)
    mirrors = tuple(_mirror(entry, prefix, by_digest, deed) for entry in tables(raw, "mirror", deed))
    own = Location(location, flag(raw, "insecure", deed))
    return Registry(prefix, own, flag(raw, "blocked", deed), mirrors)


def _mirror(raw: Table, prefix: str, by_digest: bool, deed: str) -> Location:
    location = _location(string(raw, "location", deed), deed)
    pulls = string(raw, "pull-from-mirror", deed)
    if not location:
        raise BadInput(deed, f"a mirror of {prefix} has no location")
    if pulls and by_digest:
        raise BadInput(deed, f"{prefix} sets both mirror-by-digest-only and pull-from-mirror")
    if pulls and pulls not in _PULLS:
        raise BadInput(deed, f"pull-from-mirror {pulls!r} is not one of {', '.join(_PULLS)}")
    return Location(location, flag(raw, "insecure", deed), pulls or ("digest-only" if by_digest else "all"))


def _location(text: str, deed: str) -> str:
    if text.startswith(("http://", "https://")):
        raise BadInput(deed, f"the location {text!r} must not have a scheme")
    return text.rstrip("/")


def _hosts(texts: Iterable[str], deed: str) -> tuple[str, ...]:
    found = tuple(_location(text, deed) for text in texts)
    for text in found:
        if not _HOST.match(text):
            raise BadInput(deed, f"unqualified-search-registries: {text!r} is not a host with an optional port")
    return found


def aliases_of(raw: Table, path: str) -> dict[str, str]:
    """The [aliases] table: short names without tag or digest, and where they lead ("" for one that is taken away)."""
    deed = f"read {path}"
    found: dict[str, str] = {}
    for name, target in table(raw, "aliases", deed).items():
        if not isinstance(target, str):
            raise BadInput(deed, f"the alias {name} is not a text")
        _check_alias(name, f"the alias {name}", deed, short=True)
        if target:
            _check_alias(target, f"what the alias {name} points at", deed, short=False)
        found[name] = target
    return found


def _check_alias(text: str, what: str, deed: str, *, short: bool) -> None:
    try:
        parsed = reference.parse(text)
    except BadInput:
        raise BadInput(deed, f"{what}, {text!r}, is not the name of an image")
    if parsed.tag is not None or parsed.digest is not None:
        raise BadInput(deed, f"{what}, {text!r}, must have neither tag nor digest")
    if reference.is_short(text) is not short:
        raise BadInput(deed, f"{what}, {text!r}, names {'a' if short else 'no'} registry")
