# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images may enter: policy.json (containers-policy.json(5)), obeyed fail-closed.

No file, an unknown requirement or one that this engine cannot check means no.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import Corrupt, Denied, HostLacks
from ..base.files import read_bytes
from ..spec import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.identity import Identity
    from ..spec.reference import Reference
    from ..spec.strict_json import Json

SYSTEM = ("/etc/containers/policy.json", "/usr/share/containers/policy.json")
_LIMIT = 4 * 1024 * 1024
_SAMPLE = '{"default": [{"type": "insecureAcceptAnything"}]}'
_KNOWN = ("insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned", "signedBaseLayer")


class Policy(NamedTuple):
    """The requirements by scope: ``transports[transport][scope]``, and the default for everything not named."""

    path: str
    default: tuple[str, ...]
    transports: Mapping[str, Mapping[str, tuple[str, ...]]]

    def check(self, transport: str, scopes: list[str], what: str) -> None:
        """Raise Denied unless every requirement for the first matching scope is met.

        ``scopes`` runs from the most to the least specific; the transport's own "" and then the default follow.
        """
        table = self.transports.get(transport, {})
        for scope in (*scopes, ""):
            if scope in table:
                where = f"{transport}:{scope}" if scope else transport
                return _judge(table[scope], what, f"{self.path} for {where}")
        return _judge(self.default, what, f"{self.path} by default")


def _judge(requirements: tuple[str, ...], what: str, where: str) -> None:
    deed = f"accept {what}"
    for requirement in requirements:
        if requirement == "insecureAcceptAnything":
            continue
        if requirement == "reject":
            raise Denied(deed, f"{where} rejects it")
        raise Denied(
            deed,
            f"{where} demands a signature ({requirement}), which this engine cannot verify yet",
            "Copy the image with a tool that verifies it, or change the policy for this scope",
        )


def docker_scopes(ref: Reference) -> list[str]:
    """The reference itself, its repository, each parent, the host, and the wildcards over its domain."""
    scopes = [str(ref)]
    name = ref.name
    while name:
        scopes.append(name)
        name = name.rpartition("/")[0]
    host = ref.domain.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        scopes.append(f"*.{host}")
    return scopes


def path_scopes(path: str, name: str = "") -> list[str]:
    """The scopes of a directory or archive: the resolved path with and without the image's name, then every parent."""
    real = os.path.realpath(path)
    scopes = [f"{real}:{name}"] if name else []
    while real not in ("", "/"):
        scopes.append(real)
        real = os.path.dirname(real)
    return scopes


def load(identity: Identity) -> Policy:
    """The policy of this user.  Raises HostLacks when there is none, Corrupt when it cannot be read as one."""
    places = (os.path.join(identity.home, ".config/containers/policy.json"), *SYSTEM)
    for path in places:
        try:
            data = read_bytes(path, _LIMIT)
        except FileNotFoundError:
            continue
        except OSError as err:
            raise HostLacks(f"read {path}", f"{err.strerror}; without the policy no image is accepted")
        return parse(data, path)
    raise HostLacks(
        "find the image policy",
        f"none of {', '.join(places)} exists, and without a policy no image is accepted",
        f"Create /etc/containers/policy.json, for instance {_SAMPLE}",
    )


def parse(data: bytes, path: str) -> Policy:
    """Raises Corrupt, also for keys that are not known: a misspelt requirement must not open the door."""
    deed = f"read {path}"
    raw = strict_json.loads_object(data, deed, _LIMIT)
    _only(raw, ("default", "transports"), deed)
    default = _requirements(raw, "default", deed)
    transports: dict[str, dict[str, tuple[str, ...]]] = {}
    for transport in strict_json.obj(raw, "transports", deed):
        scopes = strict_json.obj(strict_json.obj(raw, "transports", deed), transport, deed)
        transports[transport] = {scope: _requirements(scopes, scope, deed) for scope in scopes}
    return Policy(path, default, transports)


def _requirements(raw: Json, key: str, deed: str) -> tuple[str, ...]:
    found = tuple(strict_json.text(entry, "type", deed) for entry in strict_json.objects(raw, key, deed))
    if not found:
        raise Corrupt(deed, f"{key or 'the empty scope'} lists no requirements")
    for kind in found:
        if kind not in _KNOWN:
            raise Corrupt(deed, f"{kind!r} is not a kind of requirement")
    return found


def _only(raw: Json, known: tuple[str, ...], deed: str) -> None:
    for key in raw:
        if key not in known:
            raise Corrupt(deed, f"the key {key!r} is unknown")
