"""Fixtures around the scripted registry: an image to serve, a way to reach it, a store to pull into."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.auth import ANONYMOUS, Credentials
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.connections import Connections, Trust
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.docker import RegistrySource, Wire
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.failures import Patience
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions
from images import Image, build, tar
from scripted import Certificates, Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def other() -> Iterator[Server]:
    """A second server, at another origin."""
    with serving() as made:
        yield made


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def image() -> Image:
    """Three layers; the second is random, so that compressed it is long enough to be cut."""
    noise = random.Random(7).randbytes(300_000)
    return build("app", [tar({"a": "first\n"}), tar({"noise": noise}), tar({"b": "third\n"})])


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """Somebody whose configuration is only what the test writes below tmp_path/home."""
    home = tmp_path / "home"
    (home / ".config/containers").mkdir(parents=True)
    (home / ".config/containers/policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    (home / ".config/containers/registries.conf").write_text("")
    runtime = tmp_path / "run"
    runtime.mkdir()
    return Identity(os.geteuid(), os.getegid(), "tester", str(home), str(runtime), True, False)


class Opened:
    """A source, and the pauses it made instead of sleeping."""

    def __init__(self, source: RegistrySource, pauses: list[float]) -> None:
        self.source = source
        self.pauses = pauses


@pytest.fixture
def connect(identity: Identity) -> Iterator[Callable[..., Opened]]:
    """connect(server, "team/app:1", credentials=..., insecure=True, verify=..., certs=..., retries=..., timeout=...)"""
    made: list[RegistrySource] = []

    def make(
        server: Server,
        name: str = "team/app:latest",
        credentials: Credentials | dict[str, Credentials] = ANONYMOUS,
        *,
        insecure: bool | None = None,
        certs: str = "",
        retries: int = 2,
        timeout: float = 10.0,
        env: dict[str, str] | None = None,
    ) -> Opened:
        pauses: list[float] = []
        loose = server.scheme == "http" if insecure is None else insecure
        connections = Connections(Trust(identity, verify=not loose, certs=certs), env or {}, timeout)

        def find(ref: Any) -> Credentials:
            if isinstance(credentials, dict):
                return credentials.get(ref.domain, ANONYMOUS)
            return credentials if ref.domain == server.host else ANONYMOUS

        wire = Wire(connections, find, Patience(retries, None, pauses.append))
        source = RegistrySource(reference.parse(f"{server.host}/{name}"), wire, insecure=loose)
        made.append(source)
        return Opened(source, pauses)

    yield make
    for source in made:
        source.close()


@pytest.fixture
def session(identity: Identity, tmp_path: Path) -> Session:
    """A session over an empty store of its own."""
    if os.geteuid() != 0:
        pytest.skip("unpacking layers takes root")
    made = Session(identity, LinuxRunner())
    made._store_options = StoreOptions(str(tmp_path / "graph"), str(tmp_path / "runroot"))
    return made
