# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""registries.conf, version 2 (containers-registries.conf(5)): where an image name is really fetched from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import BadInput, Denied, NotFound
from ..spec import reference
from .tables import flag, read_toml, string, strings, table, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.identity import Identity
    from ..spec.reference import Reference
    from .tables import Table

SYSTEM = "/etc/containers"
AUTH_FILE_HELPER = "containers-auth.json"
_PULLS = ("all", "digest-only", "tag-only")
_MODES = ("enforcing", "permissive", "disabled")


class Location(NamedTuple):
    """A registry or mirror: ``location`` is host[:port][/path]; ``insecure`` allows unverified TLS and plain http."""

    location: str
    insecure: bool = False
    pulls: str = "all"


class Registry(NamedTuple):
    """One [[registry]] table; ``prefix`` selects the names it is for."""

    prefix: str
    own: Location
    blocked: bool = False
    mirrors: tuple[Location, ...] = ()


class Endpoint(NamedTuple):
    """One place to try: the rewritten name there, and whether TLS may be missing or unverified."""

    reference: Reference
    insecure: bool
    mirror: bool = False


class Registries(NamedTuple):
    """The merged configuration.  An alias that maps to "" is one that a later file took away."""

    registries: Mapping[str, Registry] = {}
    search: tuple[str, ...] = ()
    search_origin: str = ""
    mode: str = "permissive"
    helpers: tuple[str, ...] = (AUTH_FILE_HELPER,)
    aliases: Mapping[str, str] = {}

    def registry_for(self, name: str) -> Registry | None:
        """The entry with the longest prefix that matches the reference text."""
        fitting = [entry for entry in self.registries.values() if match_prefix(name, entry.prefix) is not None]
        return max(fitting, key=lambda entry: len(entry.prefix), default=None)

    def endpoints(self, ref: Reference) -> tuple[Endpoint, ...]:
        """Mirrors that serve this kind of reference, then the registry itself.  Raises Denied for a blocked one."""
        text = str(ref)
        entry = self.registry_for(text)
        if entry is None:
            return (Endpoint(ref, insecure=False),)
        if entry.blocked:
            raise Denied(f"pull {text}", f"the registry {entry.prefix} is blocked in registries.conf")
        kind = "tag-only" if ref.digest is None else "digest-only"
        mirrors = [place for place in entry.mirrors if place.pulls in ("all", kind)]
        found = [Endpoint(_rewrite(ref, entry.prefix, place), place.insecure, mirror=True) for place in mirrors]
        return (*found, Endpoint(_rewrite(ref, entry.prefix, entry.own), entry.own.insecure))

    def alias(self, text: str) -> Reference | None:
        """The reference a short name is an alias for, with the tag or digest of ``text`` carried over."""
        name, rest = _split_short(text)
        target = self.aliases.get(name)
        return reference.parse(target + rest) if target else None

    def local_candidates(self, text: str) -> tuple[Reference, ...]:
        """Names ``text`` may have in the store, best first: alias, localhost, search registries, docker.io."""
        if not reference.is_short(text):
            return (reference.parse(text).with_default_tag(),)
        found = [reference.join(host, text).with_default_tag() for host in ("localhost", *self.search)]
        alias = self.alias(text)
        if alias is not None:
            found.insert(0, alias.with_default_tag())
        found.append(reference.parse(text).with_default_tag())
        return tuple(dict.fromkeys(found))

    def pull_candidates(self, text: str) -> tuple[Reference, ...]:
        """References to try a pull from, in order.  Raises NotFound, or BadInput where a choice would be a guess."""
        if text.startswith("docker://") or not reference.is_short(text):
            return (reference.parse(text).with_default_tag(),)
        alias = self.alias(text)
        if alias is not None:
            return (alias.with_default_tag(),)
        found = tuple(reference.join(host, text).with_default_tag() for host in self.search)
        if not found:
            where = f" in {self.search_origin}" if self.search_origin else ""
            raise NotFound(
                f"pull {text}",
                f"the short name is no alias and no unqualified-search-registries are set{where}",
                "Write the whole name, such as docker.io/library/busybox",
            )
        if self.mode == "enforcing" and len(found) > 1:
            listed = ", ".join(str(candidate) for candidate in found)
            raise BadInput(f"pull {text}", f"the short name may mean {listed}", "Write the whole name")
        return found


def match_prefix(name: str, prefix: str) -> int | None:
    """Length of the part of ``name`` that the prefix covers, up to ":", "/", "@" or the end; None for no match."""
    if prefix.startswith("*."):
        start = name.find(prefix[1:])
        end = start + len(prefix) - 1
        if start < 0 or "/" in name[:start]:
            return None
    else:
        end = len(prefix)
        if not name.startswith(prefix):
            return None
    return end if end == len(name) or name[end] in ":/@" else None


def _rewrite(ref: Reference, prefix: str, place: Location) -> Reference:
    if not place.location:
        return ref
    text = str(ref)
    covered = match_prefix(text, prefix) or 0
    return reference.parse(place.location + text[covered:])


def _split_short(text: str) -> tuple[str, str]:
    name = text.partition("@")[0]
    name = name.partition(":")[0]
    return name, text[len(name) :]


def load(identity: Identity, environ: Mapping[str, str] | None = None) -> Registries:
    """Read and merge the files that apply to this user.  Raises BadInput naming the file."""
    env = os.environ if environ is None else environ
    merged = Registries()
    for path, drop_in in _files(identity, env):
        merged = _merge(merged, path, read_toml(path), drop_in)
    cache = _alias_cache(identity)
    if os.path.exists(cache):
        merged = merged._replace(aliases={**merged.aliases, **_aliases(read_toml(cache), cache)})
    return merged


def _files(identity: Identity, env: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The main file and its drop-ins, in the order in which later ones override."""
    user = os.path.join(identity.home, ".config/containers")
    override = env.get("CONTAINERS_REGISTRIES_CONF", "")
    folders = [os.path.join(SYSTEM, "registries.conf.d"), os.path.join(user, "registries.conf.d")]
    main = os.path.join(user, "registries.conf")
    if override:
        if not os.path.exists(override):
            raise BadInput(f"read {override}", "CONTAINERS_REGISTRIES_CONF names a file that does not exist")
        main = override
    elif os.path.exists(main):
        del folders[0]
    else:
        main = os.path.join(SYSTEM, "registries.conf")
    found = [(main, False)] if os.path.exists(main) else []
    for folder in folders:
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".conf"))
        except OSError:
            continue
        found.extend((os.path.join(folder, name), True) for name in names)
    return found


def _alias_cache(identity: Identity) -> str:
    if identity.rootless:
        return os.path.join(identity.home, ".cache/containers/short-name-aliases.conf")
    return "/var/cache/containers/short-name-aliases.conf"


def _merge(base: Registries, path: str, raw: Table, drop_in: bool) -> Registries:
    deed = f"read {path}"
    if "registries" in raw:
        raise BadInput(
            deed, "it is in the version 1 format", "Rewrite [registries.search] and the like as [[registry]]"
        )
    registries = dict(base.registries)
    seen: set[str] = set()
    for entry in tables(raw, "registry", deed):
        registry = _registry(entry, deed)
        if registry.prefix not in seen:
            registries[registry.prefix] = registry
        elif registry != registries[registry.prefix]:
            raise BadInput(deed, f"the prefix {registry.prefix} is defined twice, differently")
        seen.add(registry.prefix)
    merged = base._replace(registries=registries, aliases={**base.aliases, **_aliases(raw, path)})
    if "unqualified-search-registries" in raw:
        search = tuple(_location(text, deed) for text in strings(raw, "unqualified-search-registries", deed))
        merged = merged._replace(search=search, search_origin=path)
    elif not drop_in:
        merged = merged._replace(search_origin=path)
    mode = string(raw, "short-name-mode", deed)
    if mode:
        if mode not in _MODES:
            raise BadInput(deed, f"short-name-mode {mode!r} is not one of {', '.join(_MODES)}")
        merged = merged._replace(mode=mode)
    helpers = strings(raw, "credential-helpers", deed)
    return merged._replace(helpers=helpers) if helpers else merged


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


def _aliases(raw: Table, path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, target in table(raw, "aliases", f"read {path}").items():
        if not isinstance(target, str):
            raise BadInput(f"read {path}", f"the alias {name} is not a text")
        if target and reference.is_short(target):
            raise BadInput(f"read {path}", f"the alias {name} points at {target!r}, which names no registry")
        found[name] = target
    return found
