"""Which local image a text means: the order in which podman looks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image import lookup
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import registries_conf
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.registries_conf import Registries

A, B, C, D = ("abc" + "0" * 61, "abd" + "0" * 61, "1" * 64, "d" * 64)
DIGEST = "sha256:" + "9" * 64


class Image:
    """As much of a record as looking up needs."""

    top_layer = "some"

    def __init__(self, identity: str, *names: str, digests: tuple[str, ...] = ()) -> None:
        self.id, self.names, self.digests = identity, names, digests


IMAGES = [
    Image(A, "docker.io/library/busybox:latest", "localhost/tool:1"),
    Image(B, "q.io/team/app:1", "q.io/team/app:latest", digests=(DIGEST,)),
    Image(C, "r.io/app:latest"),
    Image(D, "localhost/abc:latest"),
]


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Registries(search=("r.io",), aliases={"al": "q.io/team/app", "gone": ""})
    monkeypatch.setattr(registries_conf, "load", lambda identity: made)


@pytest.mark.parametrize(
    ("text", "identity", "matched"),
    [
        (A, A, ""),
        (f"sha256:{A}", A, ""),
        ("e" * 64, None, ""),
        ("busybox", A, "docker.io/library/busybox:latest"),
        ("docker.io/busybox", A, "docker.io/library/busybox:latest"),
        ("docker://busybox", A, "docker.io/library/busybox:latest"),
        ("containers-storage:busybox", A, "docker.io/library/busybox:latest"),
        ("busybox:1", None, ""),
        ("tool:1", A, "localhost/tool:1"),
        ("tool", None, ""),
        ("al", B, "q.io/team/app:latest"),
        ("al:1", B, "q.io/team/app:1"),
        ("app", C, "r.io/app:latest"),
        ("app:1", B, "q.io/team/app:1"),
        ("team/app", B, "q.io/team/app:latest"),
        ("am/app", None, ""),
        ("q.io/team/app", B, "q.io/team/app:latest"),
        ("q.io/team/app@" + DIGEST, B, "q.io/team/app@" + DIGEST),
        ("q.io/team/app:gone@" + DIGEST, B, "q.io/team/app@" + DIGEST),
        ("q.io/other@" + DIGEST, None, ""),
        ("app@" + DIGEST, B, "q.io/team/app@" + DIGEST),
        ("abc", D, "localhost/abc:latest"),
        ("abc0", A, ""),
        ("ab", None, ""),
        ("1", C, ""),
        ("nothing", None, ""),
    ],
)
def test_found(text: str, identity: str | None, matched: str) -> None:
    session = SimpleNamespace(identity=None, store=SimpleNamespace(images=lambda: IMAGES))
    found = lookup.find_record(session, text)  # type: ignore[arg-type]
    assert (found[0].id if found else None) == identity
    assert (found[1] if found else "") == matched


@pytest.mark.parametrize("text", ["", "Upper/case", "sha256:abc", "a b", "q.io/x:y:z"])
def test_refused(text: str) -> None:
    session = SimpleNamespace(identity=None, store=SimpleNamespace(images=lambda: IMAGES))
    with pytest.raises(BadInput):
        lookup.find_record(session, text.replace("Upper", "q.io/Upper"))  # type: ignore[arg-type]
