"""Which names move, and how a name is written down: tables."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image import naming
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.records import ImageRecord

A, B = "a" * 64, "b" * 64
ONE, TWO = "localhost/one:latest", "q.io/two:2"


def record(identity: str, *names: str) -> ImageRecord:
    return ImageRecord({"id": identity, "names": list(names)}, "/store")


@pytest.mark.parametrize(
    ("held", "targets", "present", "steps", "before"),
    [
        ((), (ONE,), True, [f"name image {ONE}"], {ONE: ""}),
        ((), (ONE, ONE), True, [f"name image {ONE}"], {ONE: ""}),
        ((ONE,), (ONE,), True, [], {}),
        ((ONE,), (ONE, TWO), True, [f"name image {TWO}"], {TWO: B}),
        ((ONE,), (ONE, TWO), False, [f"remove name {ONE}"], {ONE: A}),
        ((), (ONE,), False, [], {}),
    ],
)
def test_plan(held: tuple[str, ...], targets: tuple[str, ...], present: bool, steps: list[str], before: dict) -> None:
    image = record(A, *held)
    made = naming.plan([image, record(B, TWO)], image, naming.Names("x", targets, present))
    assert [str(step) for step in made.steps] == steps
    assert made.before == before
    assert made.after == dict.fromkeys(before, A if present else "")


def test_nothing_to_take_from_no_image() -> None:
    assert not naming.plan([], None, naming.Names("x", (ONE,), False)).changed


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("app", "localhost/app:latest"),
        ("team/app:1", "localhost/team/app:1"),
        ("docker.io/app", "docker.io/library/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
    ],
)
def test_full_name(text: str, name: str) -> None:
    assert naming.full(text) == name


@pytest.mark.parametrize("text", ["", "UPPER", f"q.io/app@sha256:{A}", A, "a b"])
def test_no_name(text: str) -> None:
    with pytest.raises(BadInput):
        naming.full(text)


@pytest.mark.parametrize(
    ("name", "entry", "wanted"),
    [
        ("q.io/app:1", "stable", "q.io/app:stable"),
        (f"q.io/app@sha256:{A}", "stable", "q.io/app:stable"),
        ("q.io/app:1", "other:2", "localhost/other:2"),
        ("q.io/app:1", "r.io/other", "r.io/other:latest"),
    ],
)
def test_beside(name: str, entry: str, wanted: str) -> None:
    assert naming.beside(name, entry) == wanted


def test_a_tag_needs_a_repository() -> None:
    with pytest.raises(BadInput, match="no repository"):
        naming.beside(A, "stable")
