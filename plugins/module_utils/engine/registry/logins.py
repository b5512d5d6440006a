# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where log-ins are written: one auth file and the credential helpers, as `podman login` and `podman logout` do.

Reading for a pull looks through more files than this (see auth.py); writing always means the same one.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError, HostLacks
from ..base.files import atomic_write
from ..base.held import clear_unfinished, held
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..spec import reference
from . import auth
from .auth import ANONYMOUS, Credentials, Json
from .credential_helpers import Helper
from .registries_conf import AUTH_FILE_HELPER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..host.identity import Identity
    from ..host.process import Runner

_HUB_KEY = "https://index.docker.io/v1/"


class Key(NamedTuple):
    """What a log-in is for: a registry, or with a ``path`` a part of one.  ``str()`` is how auth.json writes it."""

    host: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host

    @classmethod
    def parse(cls, text: str) -> Key:
        """Raises BadInput.  The addresses that older commands took are understood."""
        deed = f"log in at {text!r}"
        bare = text
        for scheme in ("https://", "http://"):
            bare = bare[len(scheme) :] if bare.startswith(scheme) else bare
        host, _slash, path = bare.rstrip("/").partition("/")
        if host in ("index.docker.io", "registry-1.docker.io") and path in ("", "v1", "v2"):
            return cls("docker.io")
        if bare != text and path in ("v1", "v2"):
            path = ""
        probe = reference.parse(f"{host}/{path}/x" if path else f"{host}/x")
        if probe.domain != host or probe.tag or probe.digest or not host:
            raise BadInput(deed, f"{host!r} is not the name of a registry")
        if path and reference.parse(f"{host}/{path}").without_tag() != reference.parse(f"{host}/{path}"):
            raise BadInput(deed, "a log-in is for a registry, namespace or repository, not for a tag or digest")
        return cls(host, path)

    @property
    def reference(self) -> reference.Reference:
        """A name that this log-in is for."""
        return reference.parse(f"{self}/x")


class AuthFile(NamedTuple):
    """``docker`` keeps to what Docker reads: registries only, and its own name for its Hub."""

    path: str
    docker: bool = False

    def key(self, key: Key) -> str:
        if not self.docker:
            return str(key)
        if key.path:
            raise BadInput(f"log in at {key}", f"{self.path} is of Docker's format, which knows registries only")
        return _HUB_KEY if key.host == "docker.io" else key.host

    def read(self) -> Json:
        return auth.read_file(self.path, legacy=False) or {}

    def edit(self, change: Callable[[Json], bool]) -> bool:
        """Apply ``change`` to the content, locked and atomically; it tells whether there is something to write."""
        path = os.path.realpath(self.path)
        try:
            with held(os.path.dirname(path)):
                clear_unfinished(path)  # it holds secrets
                content = auth.read_file(path, legacy=False) or {}
                if not change(content):
                    return False
                text = json.dumps(content, indent="\t").encode() + b"\n"
                atomic_write(path, text, 0o600, step="logins-written")
                reached("logins-replaced")
                return True
        except OSError as err:
            raise HostLacks(f"write {self.path}", str(err.strerror))


def auth_file(identity: Identity, env: Mapping[str, str], explicit: str, compat: str) -> AuthFile:
    """The one that a log-in is written to."""
    if compat:
        return AuthFile(compat, docker=True)
    named = explicit or env.get("REGISTRY_AUTH_FILE", "")
    return AuthFile(named or auth.runtime_file(identity))


class Logins(NamedTuple):
    """``helpers`` are those of registries.conf, in their order, the auth file being one of them."""

    file: AuthFile
    runner: Runner
    helpers: tuple[str, ...] = (AUTH_FILE_HELPER,)

    def find(self, key: Key) -> Credentials:
        """What a log-in left here for exactly this key."""
        for name in self.helpers:
            found = self._in_file(key) if name == AUTH_FILE_HELPER else self._in_helper(name, str(key))
            if found.present:
                return found
        return ANONYMOUS

    def store(self, key: Key, credentials: Credentials) -> str:
        """Into the first place that takes it; which one that was.  Raises the last failure when none does."""
        trouble: EngineError | None = None
        for name in self.helpers:
            try:
                if name == AUTH_FILE_HELPER:
                    return self._store_in_file(key, credentials)
                self._helper(name).store(str(key), credentials.username, credentials.password)
                reached("login-stored")
                return f"credential helper {name}"
            except EngineError as err:
                trouble = err
        raise trouble or EngineError(f"log in at {key}", "registries.conf names no place for credentials")

    def remove(self, key: Key) -> None:
        """From every place.  Idempotent."""
        for name in self.helpers:
            if name != AUTH_FILE_HELPER:
                self._helper(name).erase(str(key))
                continue
            inner = self._helper_of(self.file.read(), key)
            if inner:
                self._helper(inner).erase(self.file.key(key))
            if self._entries(self.file.read(), key):
                self.file.edit(lambda content: self._drop(content, key))

    def everything(self) -> list[str]:
        """The keys of all log-ins here, sorted."""
        found: set[str] = set()
        for name in self.helpers:
            if name != AUTH_FILE_HELPER:
                found.update(self._helper(name).hosts())
                continue
            content = self.file.read()
            found.update(auth.table(content, "auths", f"read {self.file.path}"))
            found.update(self._with_helpers(content))
        return sorted(found)

    def remove_everything(self) -> None:
        """Idempotent.  The file stays, with whatever else is in it."""
        for name in self.helpers:
            if name != AUTH_FILE_HELPER:
                for host in self._helper(name).hosts():
                    self._helper(name).erase(host)
                continue
            for host, helper in self._with_helpers(self.file.read()).items():
                self._helper(helper).erase(host)
            if self.file.read():
                self.file.edit(_empty)

    def _helper(self, name: str) -> Helper:
        return Helper(name, self.runner)

    def _in_helper(self, name: str, host: str) -> Credentials:
        return auth.of_helper(self._helper(name).get(host))

    def _in_file(self, key: Key) -> Credentials:
        content = self.file.read()
        helper = self._helper_of(content, key)
        if helper:
            return self._in_helper(helper, self.file.key(key))
        deed = f"read {self.file.path}"
        entries = auth.table(content, "auths", deed)
        for name in self._entries(content, key):
            return auth.decode(entries[name], f"{deed}: entry {name}")
        return ANONYMOUS

    def _store_in_file(self, key: Key, credentials: Credentials) -> str:
        name = self.file.key(key)
        directory = os.path.dirname(os.path.realpath(self.file.path))
        try:
            os.makedirs(directory, 0o700, exist_ok=True)
        except OSError as err:
            raise HostLacks(f"make {directory}", str(err.strerror))
        helper = self._helper_of(self.file.read(), key)
        entry: Json = {}
        if helper:
            self._helper(helper).store(name, credentials.username, credentials.password)
            reached("login-stored")
        else:
            packed = f"{credentials.username}:{credentials.password}".encode()
            entry = {"auth": b64encode(packed).decode()}

        def change(content: Json) -> bool:
            entries = auth.table(content, "auths", f"read {self.file.path}")
            if entries.get(name) == entry:
                return False
            content["auths"] = {**entries, name: entry}
            return True

        if not helper or self.file.docker:
            self.file.edit(change)
        return f"credential helper {helper}" if helper else self.file.path

    def _helper_of(self, content: Json, key: Key) -> str:
        """The helper that the file names for the registry, or for all of them; parts of one they do not know."""
        if key.path:
            return ""
        named = auth.table(content, "credHelpers", f"read {self.file.path}").get(self.file.key(key))
        return named if isinstance(named, str) and named else auth.store_of(content)

    def _with_helpers(self, content: Json) -> dict[str, str]:
        """Which registry's log-in is kept by which helper."""
        named = auth.table(content, "credHelpers", f"read {self.file.path}")
        found = {host: helper for host, helper in named.items() if isinstance(helper, str)}
        store = auth.store_of(content)
        if store:
            found.update({host: store for host in self._helper(store).hosts() if host not in found})
        return found

    def _entries(self, content: Json, key: Key) -> list[str]:
        """The entry for the key, then those that older commands wrote for the same registry as an address."""
        entries = auth.table(content, "auths", f"read {self.file.path}")
        exact = self.file.key(key)
        same = [name for name in entries if name != exact and not key.path and auth.is_address_of(name, key.host)]
        return [*([exact] if exact in entries else []), *same]

    def _drop(self, content: Json, key: Key) -> bool:
        doomed = self._entries(content, key)
        entries = auth.table(content, "auths", f"read {self.file.path}")
        content["auths"] = {name: entry for name, entry in entries.items() if name not in doomed}
        return bool(doomed)


def _empty(content: Json) -> bool:
    changed = bool(content.get("auths") or content.get("credHelpers"))
    content["auths"] = {}
    content.pop("credHelpers", None)
    return changed
