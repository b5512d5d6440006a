# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for a repository: auth files in their order, and credential helpers (containers-auth.json(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt
from ..base.files import parse_json, read_bytes
from ..base.tuples import NamedTuple
from ..host import programs
from .credential_helpers import TOKEN_USER, Helper
from .registries_conf import AUTH_FILE_HELPER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..host.identity import Identity
    from ..host.process import Runner
    from ..spec.reference import Reference

Json = dict[str, object]

_LIMIT = 4 * 1024 * 1024
#: Docker Hub's entry is filed under an address of its first API.
_HUB = "index.docker.io"
_HUB_NAMES = ("docker.io", "registry-1.docker.io")


class Credentials(NamedTuple):
    """A user and password, or an identity token that a token server takes in their place."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ...)"

    @property
    def present(self) -> bool:
        return bool(self.username or self.identity_token)


ANONYMOUS = Credentials()


class Keyring(NamedTuple):
    """Where credentials are looked for.

    ``explicit`` is the one file that the user named, ``helpers`` are those of registries.conf.
    """

    identity: Identity
    runner: Runner
    helpers: Sequence[str] = (AUTH_FILE_HELPER,)
    explicit: str = ""

    def find(self, ref: Reference) -> Credentials:
        """Credentials for the repository, ANONYMOUS when nobody stored any.  Raises BadInput, Corrupt, ToolFailed."""
        for helper in self.helpers:
            found = self._from_files(ref) if helper == AUTH_FILE_HELPER else self._ask(helper, ref.domain)
            if found.present:
                return found
        return ANONYMOUS

    def _from_files(self, ref: Reference) -> Credentials:
        for path, legacy in auth_files(self.identity, os.environ, self.explicit):
            content = read_file(path, legacy)
            if content is None:
                continue
            found = self._from_content(content, ref, path, legacy)
            if found.present:
                return found
        return ANONYMOUS

    def _from_content(self, content: Json, ref: Reference, path: str, legacy: bool) -> Credentials:
        deed = f"read {path}"
        helpers = table(content, "credHelpers", deed)
        for key in (ref.domain, *((_HUB,) if ref.domain in _HUB_NAMES else ())):
            helper = helpers.get(key)
            if isinstance(helper, str) and helper:
                return self._ask(helper, key)
        auths = table(content, "auths", deed)
        for key in _keys(ref):
            if key in auths and auths[key] != {}:
                return decode(auths[key], f"{deed}: entry {key}")
        wanted = _normal_host(ref.domain)
        for key, value in auths.items():
            if value != {} and _normal_key(key, legacy) == wanted:
                return decode(value, f"{deed}: entry {key}")
        return self._from_store(content, ref)

    def _from_store(self, content: Json, ref: Reference) -> Credentials:
        store = store_of(content)
        if not store:
            return ANONYMOUS
        return self._ask(store, f"https://{_HUB}/v1/" if ref.domain in _HUB_NAMES else ref.domain)

    def _ask(self, helper: str, host: str) -> Credentials:
        return of_helper(Helper(helper, self.runner).get(host))


def store_of(content: Json) -> str:
    """Docker's helper for all registries; a host without that program has nothing in it."""
    store = content.get("credsStore")
    return store if isinstance(store, str) and store and programs.find(f"docker-credential-{store}", ()) else ""


def of_helper(answer: tuple[str, str] | None) -> Credentials:
    """What a credential helper answered, None for nothing."""
    if answer is None:
        return ANONYMOUS
    user, secret = answer
    return Credentials(identity_token=secret) if user == TOKEN_USER else Credentials(user, secret)


def auth_files(identity: Identity, env: Mapping[str, str], explicit: str = "") -> list[tuple[str, bool]]:
    """Auth files in the order they are read, each with whether it is of the oldest format.

    A file that the user named (option, REGISTRY_AUTH_FILE) is the only one.  Raises BadInput when that one is missing.
    """
    named = explicit or env.get("REGISTRY_AUTH_FILE", "")
    if named:
        if not os.path.exists(named):
            raise BadInput("find credentials", f"the auth file {named} does not exist")
        return [(named, False)]
    docker = env.get("DOCKER_CONFIG", "")
    if docker:
        return [(os.path.join(docker, "config.json"), False)]
    config = env.get("XDG_CONFIG_HOME", "") or os.path.join(identity.home, ".config")
    return [
        (runtime_file(identity), False),
        (os.path.join(config, "containers/auth.json"), False),
        (os.path.join(identity.home, ".docker/config.json"), False),
        (os.path.join(identity.home, ".dockercfg"), True),
    ]


def runtime_file(identity: Identity) -> str:
    """The one that is gone after a reboot, into which log-ins are written."""
    if identity.rootless:
        return os.path.join(identity.runtime_dir, "containers/auth.json")
    return f"/run/containers/{identity.uid}/auth.json"


def read_file(path: str, legacy: bool) -> Json | None:
    try:
        data = read_bytes(path, _LIMIT)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise BadInput(f"read {path}", str(err.strerror))
    if not data.strip():
        return None
    content = parse_json(data, path)
    if not isinstance(content, dict):
        raise Corrupt(f"read {path}", "it is not a JSON object")
    return {"auths": content} if legacy else content


def table(raw: Json, key: str, deed: str) -> Json:
    value = raw.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Corrupt(deed, f"{key} is not an object")
    return value


def _keys(ref: Reference) -> list[str]:
    """The repository, each parent of it, the host."""
    parts = ref.name.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _normal_host(host: str) -> str:
    return _HUB if host in _HUB_NAMES else host


def is_address_of(key: str, host: str) -> bool:
    """Whether the key of an entry is an address of the host, as older commands wrote them."""
    return key.startswith(("http://", "https://")) and _normal_key(key, False) == _normal_host(host)


def _normal_key(key: str, legacy: bool) -> str:
    """The host that a key means; addresses (https://index.docker.io/v1/) were written by older logins."""
    bare = key
    for scheme in ("http://", "https://"):
        if bare.startswith(scheme):
            bare = bare[len(scheme) :]
    if legacy or bare != key:
        bare = bare.partition("/")[0]
    return _normal_host(bare)


def decode(value: object, deed: str) -> Credentials:
    import base64

    if not isinstance(value, dict):
        raise Corrupt(deed, "it is not an object")
    token = value.get("identitytoken")
    if isinstance(token, str) and token:
        return Credentials(identity_token=token)
    packed = value.get("auth")
    if not isinstance(packed, str) or not packed:
        return ANONYMOUS
    try:
        user, colon, password = base64.b64decode(packed, validate=True).decode("utf-8").partition(":")
    except ValueError:  # also of base64 with letters beyond ASCII
        raise Corrupt(deed, "its auth is not base64 of USER:PASSWORD")
    if not colon:
        raise Corrupt(deed, "its auth holds no password")
    return Credentials(user, password.strip("\x00"))
