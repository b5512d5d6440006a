# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images may enter: policy.json (containers-policy.json(5)), obeyed fail-closed.

No file, an unknown requirement or one that this engine cannot check means no.  First ``rule``, before anybody is asked
for the image; then, with its manifest at hand and before anything else of it is read, ``verify``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, Denied, HostLacks
from ..base.files import read_bytes
from ..base.tuples import NamedTuple
from ..spec import strict_json
from .signatures import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..host.identity import Identity
    from ..host.process import Runner
    from ..spec.reference import Reference
    from ..spec.strict_json import Json
    from .signatures.blob import Signature
    from .signatures.judging import Subject
    from .signatures.requirements import Requirement

SYSTEM = ("/etc/containers/policy.json", "/usr/share/containers/policy.json")
_LIMIT = 4 * 1024 * 1024
#: Requirements that look at no signature.
_PLAIN = ("insecureAcceptAnything", "reject")
_PATHS = ("dir", "oci", "oci-archive")
_SAMPLE = '{"default": [{"type": "insecureAcceptAnything"}]}'


class Ruling(NamedTuple):
    """What one image has to meet before it may enter, and which entry of the policy says so."""

    where: str
    requirements: tuple[Requirement, ...]

    @property
    def wants_signatures(self) -> bool:
        return any(one.kind not in _PLAIN for one in self.requirements)

    def verify(self, subject: Subject, runner: Runner) -> None:
        """Raises Denied unless every requirement is met; HostLacks without the program to verify with.

        Signatures are fetched once, and only if they are asked for.
        """
        found: Sequence[Signature] | None = None
        for one in self.requirements:
            refuse(one, self.where, subject.what)
            if one.kind in _PLAIN:
                continue
            if found is None:
                found = subject.signatures()
            from .signatures import judging

            try:
                judging.judge(one, subject, found, runner)
            except Denied as err:
                raise Denied(err.deed, f"{self.where}: {err.cause}", err.hint)


class Policy(NamedTuple):
    """The requirements by scope: ``transports[transport][scope]``, and the default for everything not named."""

    path: str
    default: tuple[Requirement, ...]
    transports: Mapping[str, Mapping[str, tuple[Requirement, ...]]]

    def rule(self, transport: str, scopes: list[str], what: str) -> Ruling:
        """The ruling for an image; raises Denied at once where no signature could help.

        ``scopes`` runs from the most to the least specific; the transport's own "" and then the default follow.
        """
        table = self.transports.get(transport, {})
        ruling = Ruling(f"{self.path} by default", self.default)
        for scope in (*scopes, ""):
            if scope in table:
                where = f"{transport}:{scope}" if scope else transport
                ruling = Ruling(f"{self.path} for {where}", table[scope])
                break
        for one in ruling.requirements:
            refuse(one, ruling.where, what)
        return ruling


def refuse(requirement: Requirement, where: str, what: str) -> None:
    """Raises Denied for a requirement that no image can meet here."""
    if requirement.kind == "reject":
        raise Denied(f"accept {what}", f"{where} rejects it")
    if requirement.unsupported:
        raise Denied(
            f"accept {what}",
            f"{where} demands {requirement.unsupported} which this engine cannot verify",
            "Copy the image with a tool that verifies it, or demand a key of its own for this scope",
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
    if "default" not in raw:
        raise Corrupt(deed, "the default is missing")
    default = _requirements(raw, "default", deed)
    transports: dict[str, dict[str, tuple[Requirement, ...]]] = {}
    for transport in strict_json.obj(raw, "transports", deed):
        scopes = strict_json.obj(strict_json.obj(raw, "transports", deed), transport, deed)
        transports[transport] = {scope: _requirements(scopes, scope, deed) for scope in scopes}
        for scope in scopes:
            _check_scope(transport, scope, deed)
    return Policy(path, default, transports)


def _requirements(raw: Json, key: str, deed: str) -> tuple[Requirement, ...]:
    found = tuple(requirements.parse(entry, deed) for entry in strict_json.objects(raw, key, deed))
    if not found:
        raise Corrupt(deed, f"{key or 'the empty scope'} lists no requirements")
    return found


def _check_scope(transport: str, scope: str, deed: str) -> None:
    """Paths that could never match are refused: whoever wrote them believes that they protect something."""
    if transport == "docker-archive" and scope:
        raise Corrupt(deed, f"docker-archive has no scopes except the empty one, so {scope!r} would protect nothing")
    if transport not in _PATHS or not scope:
        return
    path = scope.partition(":")[0] if transport.startswith("oci") else scope
    if not path.startswith("/") or path == "/" or os.path.normpath(path) != path:
        raise Corrupt(deed, f"the scope {scope!r} of {transport} is not a clean absolute path below /")


def _only(raw: Json, known: tuple[str, ...], deed: str) -> None:
    for key in raw:
        if key not in known:
            raise Corrupt(deed, f"the key {key!r} is unknown")
