"""From what is and what is wanted to steps: a table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, InUse, Refused
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image import planner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.desired import ImageDesired, join_tag
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.observed import Local, Observed, Offer
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.planner import plan
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.places import Place

ID, NEW = "a" * 64, "b" * 64
THIRD = "q.io/app:stable"
NAME, OTHER = "q.io/app:1", "localhost/mine:2"
DIGEST, INDEX = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def local(*names: str, matched: str = NAME, users: tuple[str, ...] = ()) -> Local:
    return Local(ID, names, (DIGEST, INDEX), matched, users)


def offer(*names: str, same: bool = False) -> Offer:
    return Offer(NAME, "sha256:" + "3" * 64, NEW, same, names)


def wish(**more: object) -> ImageDesired:
    return ImageDesired(NAME, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("observed", "desired", "steps"),
    [
        (Observed(None, offer()), wish(), [f"pull image {NAME}"]),
        (Observed(local(NAME)), wish(), []),
        (Observed(local(NAME), offer(same=True)), wish(policy="always"), []),
        (Observed(local(NAME), offer()), wish(policy="always"), [f"pull image {NAME}"]),
        (Observed(local(NAME), unreachable="gone"), wish(policy="newer"), []),
        (Observed(None, offer()), wish(place=Place("tar", "/r.tar")), [f"import image tar:/r.tar as {NAME}"]),
        (Observed(None, offer()), wish(place=Place("oci", "/l", "x")), [f"load image oci:/l:x as {NAME}"]),
        (Observed(None), wish(present=False), []),
        (Observed(local(NAME)), wish(present=False), [f"remove image {NAME}"]),
        (Observed(local(NAME, OTHER)), wish(present=False), [f"remove name {NAME}"]),
        (Observed(local(NAME, OTHER, users=("web",))), wish(present=False), [f"remove name {NAME}"]),
        (Observed(local(NAME, matched="")), wish(present=False), [f"remove image {ID}"]),
        (Observed(local(matched="")), wish(present=False), [f"remove image {ID}"]),
        (Observed(local(NAME, OTHER, matched="")), wish(present=False, force=True), [f"remove image {ID}"]),
        (
            Observed(local(NAME, users=("web", "db"))),
            wish(present=False, force=True),
            ["remove container web", "remove container db", f"remove image {NAME}"],
        ),
    ],
)
def test_steps(observed: Observed, desired: ImageDesired, steps: list[str]) -> None:
    made = plan(observed, desired)
    assert [str(step) for step in made.steps] == steps
    assert made.changed is bool(steps)
    if not steps:
        assert made.before == made.after


@pytest.mark.parametrize(
    ("observed", "more", "steps", "names"),
    [
        (Observed(local(NAME)), {"tags": (OTHER,)}, [f"name image {OTHER}"], [OTHER, NAME]),
        (Observed(local(NAME, OTHER)), {"tags": (OTHER,)}, [], [NAME, OTHER]),
        (Observed(local(NAME, OTHER)), {"tags": (OTHER,), "exact": True}, [], [NAME, OTHER]),
        (Observed(local(NAME, OTHER)), {"tags": (), "exact": True}, [f"remove name {OTHER}"], [NAME]),
        (
            Observed(local(NAME, OTHER)),
            {"tags": (THIRD,), "exact": True},
            [f"name image {THIRD}", f"remove name {OTHER}"],
            [THIRD, NAME],
        ),
        (Observed(local(NAME, OTHER)), {"exact": True}, [], [NAME, OTHER]),
        (Observed(None, offer()), {"tags": (OTHER,)}, [f"pull image {NAME}", f"name image {OTHER}"], [OTHER, NAME]),
        (Observed(None, offer(OTHER)), {"tags": (OTHER,)}, [f"pull image {NAME}"], [NAME, OTHER]),
        (
            Observed(local(NAME, OTHER), offer(THIRD)),
            {"tags": (OTHER,), "exact": True, "policy": "always"},
            [f"pull image {NAME}", f"name image {OTHER}", f"remove name {THIRD}"],
            [OTHER, NAME],
        ),
        (
            Observed(local(OTHER, matched="")),
            {"tags": (NAME,), "exact": True},
            [f"name image {NAME}", f"remove name {OTHER}"],
            [NAME],
        ),
    ],
)
def test_names(observed: Observed, more: dict[str, object], steps: list[str], names: list[str]) -> None:
    desired = wish(**more)
    made = plan(observed, desired)
    assert [str(step) for step in made.steps] == steps
    assert planner.names(observed, desired) == names
    assert made.after.get("names", names) == names


@pytest.mark.parametrize(
    ("observed", "kind", "words"),
    [
        (Observed(local(NAME, users=("web",))), InUse, "used by container web"),
        (Observed(local(NAME, OTHER, matched="")), Refused, "has several names"),
    ],
)
def test_refused(observed: Observed, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        plan(observed, wish(present=False))


def test_diff_shows_what_a_registry_shows() -> None:
    made = plan(Observed(local(NAME), offer()), wish(policy="always"))
    assert made.render() == {
        "before": {"name": NAME, "state": "present", "digest": INDEX, "id": ID},
        "after": {"name": NAME, "state": "present", "digest": "sha256:" + "3" * 64, "id": NEW},
    }


@pytest.mark.parametrize(
    ("name", "tag", "joined"),
    [
        ("app", "latest", "app"),
        ("app", "1", "app:1"),
        ("q.io:5000/app", "1", "q.io:5000/app:1"),
        ("app:2", "1", "app:2"),
        ("app@" + DIGEST, "1", "app@" + DIGEST),
        (ID, "1", ID),
        ("sha256:" + ID, "1", "sha256:" + ID),
        ("docker://app", "1", "docker://app:1"),
        ("docker://app:2", "1", "docker://app:2"),
        ("abcdef", "latest", "abcdef"),
    ],
)
def test_tag(name: str, tag: str, joined: str) -> None:
    assert join_tag(name, tag) == joined


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("app", "localhost/app:latest"),
        ("team/app:1", "localhost/team/app:1"),
        ("q.io/app", "q.io/app:latest"),
        ("docker.io/app", "docker.io/library/app:latest"),
    ],
)
def test_stored_name(name: str, stored: str) -> None:
    assert ImageDesired(name).stored_name == stored


def bad_policy() -> None:
    ImageDesired(NAME, policy="sometimes").checked()


def changes_of_a_pull() -> None:
    ImageDesired(NAME, changes=("CMD x",)).checked()


def digest_as_a_name() -> None:
    _name = ImageDesired("app@" + DIGEST).stored_name


@pytest.mark.parametrize("make", [bad_policy, changes_of_a_pull, digest_as_a_name])
def test_desires_that_make_no_sense(make: Callable[[], None]) -> None:
    with pytest.raises(BadInput):
        make()
