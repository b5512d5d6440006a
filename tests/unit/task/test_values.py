"""Values behave as the standard library's frozen dataclasses do; each case is run with both."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import values

KINDS = {"ours": values, "standard": dataclasses}


def classes(kind: Any) -> Any:
    @kind.dataclass(frozen=True)
    class Point:
        """A point."""

        x: int
        y: int = 2
        tags: dict[str, int] = kind.field(default_factory=dict)
        secret: str = kind.field(default="", repr=False)
        COUNT: ClassVar[int] = 7

        @property
        def total(self) -> int:
            return self.x + self.y

    @kind.dataclass(frozen=True)
    class Deep(Point):
        z: int = 3

        def __post_init__(self) -> None:
            if self.z < 0:
                raise ValueError("z")

    return SimpleNamespace(Point=Point, Deep=Deep, fields=kind.fields, replace=kind.replace)


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def made(request: pytest.FixtureRequest) -> Any:
    return classes(request.param)


def test_fields_defaults_and_methods(made: Any) -> None:
    point = made.Point(1)
    assert (point.x, point.y, point.tags, point.total, made.Point.COUNT) == (1, 2, {}, 3, 7)
    assert made.Point(1, 5, secret="s").y == 5
    assert made.Point(x=1).tags is not point.tags
    assert [one.name for one in made.fields(point)] == ["x", "y", "tags", "secret"]
    assert [one.name for one in made.fields(made.Deep)] == ["x", "y", "tags", "secret", "z"]
    assert made.Deep(1, z=9).z == 9


def test_equality_and_hash(made: Any) -> None:
    assert made.Point(1) == made.Point(1)
    assert made.Point(1) != made.Point(2)
    assert made.Point(1) != made.Deep(1)
    assert made.Point(1) != 1
    assert hash(made.Point(1, tags=())) == hash(made.Point(1, tags=()))
    with pytest.raises(TypeError):
        hash(made.Point(1))


def test_repr_leaves_out_what_is_not_shown(made: Any) -> None:
    assert repr(made.Point(1, secret="s")).endswith("Point(x=1, y=2, tags={})")


@pytest.mark.parametrize("deed", ["set", "delete", "new"])
def test_nothing_can_be_changed(made: Any, deed: str) -> None:
    point = made.Point(1)
    with pytest.raises(AttributeError):
        if deed == "set":
            point.x = 2
        elif deed == "delete":
            del point.x
        else:
            point.other = 1
    assert point.x == 1


def test_replace(made: Any) -> None:
    point = made.Point(1, secret="s")
    assert made.replace(point, x=5) == made.Point(5, secret="s")
    with pytest.raises(TypeError):
        made.replace(point, nope=1)
    with pytest.raises(ValueError, match="z"):
        made.replace(made.Deep(1), z=-1)


@pytest.mark.parametrize(
    ("args", "named"), [((), {}), ((1, 2, {}, "", 5), {}), ((1,), {"x": 1}), ((1,), {"nope": 1})], ids=str
)
def test_wrong_arguments(made: Any, args: tuple[object, ...], named: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        made.Point(*args, **named)


def test_copies(made: Any) -> None:
    point = made.Point(1, tags={"a": 1})
    assert copy.copy(point) == point
    assert copy.deepcopy(point) == point


@values.dataclass(frozen=True)
class Pickled:
    x: int


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(Pickled(3))) == Pickled(3)
