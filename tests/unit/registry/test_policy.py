"""policy.json: which scope counts, and that doubt means no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, Denied
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import policy
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.signatures.judging import Subject
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference

ACCEPT, REJECT = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
SIGNED = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]
NO_RUNNER: Any = None  # a ruling that needs no signature starts no program


def parse(document: object) -> policy.Policy:
    return policy.parse(json.dumps(document).encode(), "/p.json")


def admit(made: policy.Policy, transport: str, scopes: list[str], what: str) -> None:
    """As a pull of an image without signatures does."""
    made.rule(transport, scopes, what).verify(Subject(what, None, b"{}", lambda: ()), NO_RUNNER)


@pytest.mark.parametrize(
    ("scopes", "name", "accepted"),
    [
        ({}, "q.io/team/app:1", False),
        ({"q.io/team/app:1": ACCEPT}, "q.io/team/app:1", True),
        ({"q.io/team/app:1": ACCEPT}, "q.io/team/app:2", False),
        ({"q.io/team/app": ACCEPT}, "q.io/team/app:2", True),
        ({"q.io/team": ACCEPT}, "q.io/team/app:2", True),
        ({"q.io/te": ACCEPT}, "q.io/team/app:2", False),
        ({"q.io": ACCEPT}, "q.io/team/app:2", True),
        ({"q.io": ACCEPT}, "q.io:5000/team/app:2", False),
        ({"*.example": ACCEPT}, "a.b.example/app:1", True),
        ({"*.b.example": ACCEPT, "*.example": REJECT}, "a.b.example/app:1", True),
        ({"*.example": ACCEPT}, "example/app:1", False),
        ({"": ACCEPT}, "q.io/app:1", True),
        ({"": ACCEPT, "q.io": REJECT}, "q.io/app:1", False),
        ({"q.io": ACCEPT, "q.io/app": REJECT}, "q.io/app:1", False),
        ({"q.io": [*ACCEPT, *REJECT]}, "q.io/app:1", False),
        ({"q.io": [*ACCEPT, *ACCEPT]}, "q.io/app:1", True),
        ({"q.io": SIGNED}, "q.io/app:1", False),
        ({"docker.io/library/busybox": ACCEPT}, "busybox", True),
    ],
)
def test_scopes(scopes: dict[str, object], name: str, accepted: bool) -> None:
    ref = reference.parse(name).with_default_tag()
    made = parse({"default": REJECT, "transports": {"docker": scopes}})
    if accepted:
        admit(made, "docker", policy.docker_scopes(ref), name)
    else:
        with pytest.raises(Denied):
            admit(made, "docker", policy.docker_scopes(ref), name)


def test_other_transports_have_their_own(tmp_path: Path) -> None:
    made = parse({"default": REJECT, "transports": {"docker-archive": {"": ACCEPT}, "oci": {str(tmp_path): ACCEPT}}})
    admit(made, "docker-archive", policy.path_scopes("/x.tar"), "x")
    admit(made, "oci", policy.path_scopes(str(tmp_path / "a/b"), "tag"), "x")
    for transport, path in (("oci", "/elsewhere"), ("dir", "/x"), ("tarball", "/x")):
        with pytest.raises(Denied, match="by default rejects it"):
            admit(made, transport, policy.path_scopes(path), "x")


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"default": []},
        {"default": "x"},
        {"default": [{"type": "insecureAcceptEverything"}]},
        {"default": [{}]},
        {"default": ACCEPT, "transport": {}},
        {"default": ACCEPT, "transports": {"docker": []}},
        {"default": ACCEPT, "transports": {"docker": {"q.io": []}}},
        {"default": ACCEPT, "transports": {"docker": {"q.io": [{"type": "accept"}]}}},
    ],
)
def test_refused(document: object) -> None:
    with pytest.raises(Corrupt, match="read /p.json"):
        parse(document)


def test_the_same_scope_twice_is_refused() -> None:
    text = b'{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}'
    with pytest.raises(Corrupt, match="twice"):
        policy.parse(text, "/p.json")
