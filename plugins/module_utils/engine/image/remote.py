# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries as this user reaches them: endpoints of a name, credentials, TLS, patience."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import EngineError, NotFound
from ..registry import policy, registries_conf
from ..registry.auth import Credentials, Keyring
from ..registry.connections import Connections, Trust
from ..registry.docker import RegistrySource, Wire
from ..registry.failures import Patience
from ..registry.repository import Repository
from ..registry.source import Fetched
from ..spec import reference
from .trust import Gate

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..host.identity import Identity
    from ..host.process import Runner
    from ..registry.docker_push import RegistryDestination
    from ..registry.registries_conf import Endpoint, Registries
    from ..registry.tags import Tags
    from ..spec.reference import Reference
    from .options import PullOptions

    Answer = TypeVar("Answer")


class Remote:
    """Opens sources for references under one set of options; close() closes them all."""

    def __init__(self, identity: Identity, runner: Runner, options: PullOptions) -> None:
        self._identity = identity
        self._runner = runner
        self._options = options
        self.registries: Registries = registries_conf.load(identity)
        self._keyring = Keyring(identity, runner, self.registries.helpers, options.auth_file)
        self._opened: list[RegistrySource | RegistryDestination | Tags] = []

    def allowed(self, ref: Reference) -> Gate:
        """Hold the name, as the user knows it, against policy.json; the gate is for what is found under it.

        Raises Denied, HostLacks.
        """
        ruling = policy.load(self._identity).rule("docker", policy.docker_scopes(ref), str(ref))
        return Gate(ruling, ref, self._runner)

    def manifest(self, ref: Reference) -> tuple[RegistrySource, Fetched]:
        """The top document from the first endpoint that gives it; further bytes come from the same one."""
        return self._first(ref, lambda source: source.manifest())

    def confirm(self, ref: Reference, digest: str, manifest: bytes) -> None:
        """Hold an image that is here already, of this manifest, against policy.json and the signatures of it there.

        Nobody is asked where no signature is demanded.  Raises Denied, HostLacks, and as registries do.
        """
        gate = self.allowed(ref)
        if gate.ruling.wants_signatures:
            instance = Fetched(manifest, "", Digest.parse(digest))
            self._first(ref, lambda source: gate.admit(source, instance))

    def digest(self, ref: Reference) -> Digest:
        """The digest under this name now: one HEAD where the registry tells it, else the manifest itself."""

        def ask(source: RegistrySource) -> Digest:
            return source.digest() or source.manifest().digest

        return self._first(ref, ask)[1]

    def own(self, ref: Reference) -> RegistrySource:
        """The image of this name in the registry itself, whatever mirrors there are."""
        return self._open(self.registries.endpoints(ref)[-1], ref)

    def destination(self, ref: Reference, siblings: tuple[str, ...] = ()) -> RegistryDestination:
        """Where to push the image of this name: to the registry itself, never to a mirror of it.

        ``siblings`` are names of repositories that may hold its blobs; those of the same registry are asked.
        """
        from ..registry.docker_push import RegistryDestination

        endpoint = self.registries.endpoints(ref)[-1]
        wire, insecure = self._wire(endpoint, ref)
        paths = tuple(self.registries.endpoints(reference.parse(name))[-1].reference for name in siblings)
        same = tuple(near.path for near in paths if near.domain == endpoint.reference.domain)
        found = RegistryDestination(endpoint.reference, wire, insecure=insecure, siblings=same)
        self._opened.append(found)
        return found

    def tags(self, ref: Reference, *, pushes: bool = False) -> Tags:
        """The names in the repository at the registry itself: mirrors answer for content, not for names."""
        from ..registry.tags import Tags

        endpoint = self.registries.endpoints(ref)[-1]
        wire, insecure = self._wire(endpoint, ref)
        found = Tags(endpoint.reference, wire, insecure=insecure, pushes=pushes)
        self._opened.append(found)
        return found

    def search(self, ref: Reference, term: str, limit: int) -> list[dict[str, object]]:
        """What the registry's search finds.  Raises NotFound where it has none."""
        from ..registry import tags

        endpoint = self.registries.endpoints(ref)[-1]
        wire, insecure = self._wire(endpoint, ref)
        return tags.search(endpoint.reference, wire, term, limit, insecure=insecure)

    def repositories(self, ref: Reference) -> list[str]:
        """The registry's catalogue."""
        from ..registry import tags

        endpoint = self.registries.endpoints(ref)[-1]
        wire, insecure = self._wire(endpoint, ref)
        return tags.repositories(endpoint.reference, wire, insecure=insecure)

    def close(self) -> None:
        for source in self._opened:
            source.close()
        self._opened.clear()

    def _first(self, ref: Reference, ask: Callable[[RegistrySource], Answer]) -> tuple[RegistrySource, Answer]:
        failures: list[EngineError] = []
        for endpoint in self.registries.endpoints(ref):
            source = self._open(endpoint, ref)
            try:
                return source, ask(source)
            except EngineError as err:
                failures.append(err)
        last = failures[-1]
        if len(failures) > 1:
            mirrors = "; ".join(f"mirror: {err.deed}: {err.cause}" for err in failures[:-1])
            last.cause = f"{last.cause} ({mirrors})"
        raise last

    def log_in(self, ref: Reference, credentials: Credentials) -> None:
        """Try them at the registry of this name itself.  Raises Denied, Unreachable, TimedOut."""
        own = self.registries.endpoints(ref)[-1]
        wire, insecure = self._wire(own._replace(reference=ref), ref)
        wire.find_credentials = lambda at: credentials if at.domain == ref.domain else self._keyring.find(at)
        repository = Repository(ref, wire, insecure=insecure, scopes=())
        try:
            repository.log_in()
        finally:
            repository.close()

    def _open(self, endpoint: Endpoint, asked: Reference) -> RegistrySource:
        wire, insecure = self._wire(endpoint, asked)
        source = RegistrySource(endpoint.reference, wire, insecure=insecure)
        self._opened.append(source)
        return source

    def _wire(self, endpoint: Endpoint, asked: Reference) -> tuple[Wire, bool]:
        chosen = self._options.validate_certs
        insecure = endpoint.insecure if chosen is None else not chosen
        trust = Trust(self._identity, verify=not insecure, certs=self._options.ca_cert_dir)
        connections = Connections(trust, os.environ, self._options.timeout)
        patience = Patience(self._options.retries, self._options.retry_delay, time.sleep)
        return Wire(connections, lambda ref: self._credentials(ref, asked), patience), insecure

    def _credentials(self, ref: Reference, asked: Reference) -> Credentials:
        """A name and password given with the task are for the registry the user named, not for mirrors of it."""
        if self._options.username and ref.domain == asked.domain:
            return Credentials(self._options.username, self._options.password)
        return self._keyring.find(ref)


def nothing_pulled(text: str, failures: list[EngineError]) -> EngineError:
    """One error for all candidates of a short name."""
    if len(failures) == 1:
        return failures[0]
    causes = "; ".join(f"{err.deed}: {err.cause}" for err in failures)
    kind = type(failures[-1]) if len({type(err) for err in failures}) == 1 else NotFound
    return kind(f"pull {text}", causes)
