# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""registries.d: where the signatures of a registry's images are kept (containers-registries.d(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...base import plain_yaml
from ...base.errors import BadInput
from ...base.files import read_bytes
from ...base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...host.identity import Identity
    from ...spec.reference import Reference

SYSTEM = "/etc/containers/registries.d"
_DEFAULT = "/var/lib/containers/sigstore"
_LIMIT = 4 * 1024 * 1024


class Namespace(NamedTuple):
    """One entry; ``attachments`` None leaves it to a wider one."""

    lookaside: str = ""
    staging: str = ""
    attachments: bool | None = None


class SignaturePlaces(NamedTuple):
    """The merged files; ``fallback`` is the directory for registries of which nothing is said."""

    fallback: str
    default: Namespace = Namespace()
    namespaces: Mapping[str, Namespace] = {}

    def lookaside(self, ref: Reference, *, write: bool = False) -> str:
        """The address below which the repository's signatures are, as a URL without the digest."""
        base = ""
        for entry in self._fitting(ref):
            base = (entry.staging if write else "") or entry.lookaside
            if base:
                break
        return f"{(base or 'file://' + self.fallback).rstrip('/')}/{ref.path}"

    def attachments(self, ref: Reference) -> bool:
        """Whether sigstore signatures are attached to the images of this repository."""
        return next((entry.attachments for entry in self._fitting(ref) if entry.attachments is not None), False)

    def _fitting(self, ref: Reference) -> list[Namespace]:
        from ..policy import docker_scopes

        found = [self.namespaces[scope] for scope in docker_scopes(ref) if scope in self.namespaces]
        return [*found, self.default]


def load(identity: Identity) -> SignaturePlaces:
    """The user's own directory if there is one, else the system's.  Raises BadInput."""
    own = os.path.join(identity.home, ".config/containers/registries.d")
    fallback = os.path.join(identity.home, ".local/share/containers/sigstore") if identity.rootless else _DEFAULT
    return read_directory(own if os.path.isdir(own) else SYSTEM, fallback)


def read_directory(directory: str, fallback: str) -> SignaturePlaces:
    """All files of the directory; what two of them say about one registry is an error."""
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".yaml"))
    except FileNotFoundError:
        return SignaturePlaces(fallback)
    except OSError as err:
        raise BadInput(f"read {directory}", str(err.strerror))
    default, default_from = Namespace(), ""
    found: dict[str, Namespace] = {}
    origins: dict[str, str] = {}
    for name in names:
        path = os.path.join(directory, name)
        deed = f"read {path}"
        raw = _read(path, deed)
        if raw.get("default-docker") is not None:
            if default_from:
                raise BadInput(deed, f"default-docker is in {default_from} as well")
            default, default_from = _namespace(raw["default-docker"], deed), path
        for scope, entry in _mapping(raw.get("docker"), deed).items():
            if scope in found:
                raise BadInput(deed, f"{scope} is in {origins[scope]} as well")
            found[scope], origins[scope] = _namespace(entry, deed), path
    return SignaturePlaces(fallback, default, found)


def _read(path: str, deed: str) -> plain_yaml.Mapping:
    try:
        text = read_bytes(path, _LIMIT).decode("utf-8")
    except OSError as err:
        raise BadInput(deed, str(err.strerror))
    except UnicodeDecodeError:
        raise BadInput(deed, "it is not UTF-8 text")
    return plain_yaml.loads(text, deed)


def _namespace(value: plain_yaml.Value, deed: str) -> Namespace:
    raw = _mapping(value, deed)
    attachments = raw.get("use-sigstore-attachments")
    if attachments is not None and not isinstance(attachments, bool):
        raise BadInput(deed, "use-sigstore-attachments must be true or false")
    # The lookaside was called sigstore before there was a project of that name.
    lookaside = _text(raw, "lookaside", deed) or _text(raw, "sigstore", deed)
    staging = _text(raw, "lookaside-staging", deed) or _text(raw, "sigstore-staging", deed)
    return Namespace(lookaside, staging, attachments)


def _mapping(value: plain_yaml.Value, deed: str) -> plain_yaml.Mapping:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput(deed, "a mapping is missing where one belongs")
    return value


def _text(raw: plain_yaml.Mapping, key: str, deed: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(deed, f"{key} must be a text")
    return value
