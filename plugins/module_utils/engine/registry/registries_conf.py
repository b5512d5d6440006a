# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""registries.conf, version 2 (containers-registries.conf(5)): where an image name is really fetched from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Denied, NotFound
from ..base.tuples import NamedTuple
from ..spec import reference
from .tables import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.identity import Identity
    from ..spec.reference import Reference
    from .registries_file import Written

SYSTEM = "/etc/containers"
AUTH_FILE_HELPER = "containers-auth.json"


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
        """The entry with the longest prefix that matches the name, which has neither tag nor digest."""
        fitting = [entry for entry in self.registries.values() if match_prefix(name, entry.prefix) is not None]
        return max(fitting, key=lambda entry: len(entry.prefix), default=None)

    def push_endpoint(self, ref: Reference) -> Endpoint:
        """The registry itself: neither mirrors nor another location count for a push.  Raises Denied when blocked."""
        entry = self._allowed(ref, "push")
        return Endpoint(ref, entry.own.insecure if entry else False)

    def _allowed(self, ref: Reference, verb: str) -> Registry | None:
        entry = self.registry_for(ref.name)
        if entry is not None and entry.blocked:
            raise Denied(f"{verb} {ref}", f"the registry {entry.prefix} is blocked in registries.conf")
        return entry

    def endpoints(self, ref: Reference) -> tuple[Endpoint, ...]:
        """Mirrors that serve this kind of reference, then the registry itself.  Raises Denied for a blocked one."""
        entry = self._allowed(ref, "pull")
        if entry is None:
            return (Endpoint(ref, insecure=False),)
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
    from . import registries_file

    env = os.environ if environ is None else environ
    merged = Registries()
    for path, drop_in in _files(identity, env):
        merged = _merge(merged, path, registries_file.read(path, drop_in), drop_in)
    cache = _alias_cache(identity, env)
    if os.path.exists(cache):
        recorded = registries_file.aliases_of(read_toml(cache), cache)
        merged = merged._replace(aliases={**merged.aliases, **recorded})
    return merged


def _files(identity: Identity, env: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The main file and its drop-ins, in the order in which later ones override."""
    user = os.path.join(identity.home, ".config/containers")
    named = "CONTAINERS_REGISTRIES_CONF" if "CONTAINERS_REGISTRIES_CONF" in env else "REGISTRIES_CONFIG_PATH"
    override = env.get(named, "")
    folders = [os.path.join(SYSTEM, "registries.conf.d"), os.path.join(user, "registries.conf.d")]
    main = os.path.join(user, "registries.conf")
    if override:
        if not os.path.exists(override):
            raise BadInput(f"read {override}", f"{named} names a file that does not exist")
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


def _alias_cache(identity: Identity, env: Mapping[str, str]) -> str:
    """Where podman records what a person chose at its prompt."""
    if not identity.rootless:
        return "/var/cache/containers/short-name-aliases.conf"
    cache = env.get("XDG_CACHE_HOME") or os.path.join(identity.home, ".cache")
    return os.path.join(cache, "containers/short-name-aliases.conf")


def _merge(base: Registries, path: str, written: Written, drop_in: bool) -> Registries:
    """What a file does not mention stays as it was; a registry is replaced whole."""
    merged = base._replace(
        registries={**base.registries, **written.registries}, aliases={**base.aliases, **written.aliases}
    )
    if written.search is not None:
        merged = merged._replace(search=written.search, search_origin=path)
    elif not drop_in:
        merged = merged._replace(search_origin=path)
    if written.mode:
        merged = merged._replace(mode=written.mode)
    if written.helpers is not None:
        merged = merged._replace(helpers=written.helpers or (AUTH_FILE_HELPER,))
    return merged
