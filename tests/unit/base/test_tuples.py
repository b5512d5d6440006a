"""The light NamedTuple does what the standard library's does."""

from __future__ import annotations

import copy
import pickle
import typing
from collections.abc import Callable

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import tuples


def made_by(base: type) -> type:
    class Point(base):
        """A place."""

        x: int
        y: int = 2
        label: str = ""

        @property
        def far(self) -> bool:
            return self.x > 10

        @classmethod
        def origin(cls) -> object:
            return cls(0, 0)

        def __str__(self) -> str:
            return f"<{self.x},{self.y}>"

    return Point


OURS, STANDARD = made_by(tuples.NamedTuple), made_by(typing.NamedTuple)


class Kept(tuples.NamedTuple):
    """Where pickle can find it."""

    x: int
    y: tuple[int, ...] = ()


class Farther(Kept):
    """A class of its own below."""

    def sum(self) -> int:
        return self.x + sum(self.y)


DEEDS: dict[str, Callable[[typing.Any], object]] = {
    "values": lambda made: tuple(made(1, 3, "a")),
    "defaults": lambda made: tuple(made(1)),
    "names": lambda made: tuple(made(y=5, x=1)),
    "both": lambda made: tuple(made(1, label="b")),
    "fields": lambda made: (made(1).x, made(1, 3).y, made(1).label, made.origin().far, made(11).far),
    "repr": lambda made: repr(made(1, label="b")),
    "str": lambda made: str(made(1)),
    "equal": lambda made: (made(1) == made(1, 2), made(1) == (1, 2, ""), made(1) == made(2), made(1) < made(2)),
    "hash": lambda made: hash(made(1)) == hash((1, 2, "")),
    "replaced": lambda made: tuple(made(1)._replace(y=7)),
    "as a dict": lambda made: made(1)._asdict(),
    "unpacked": lambda made: [*made(1)],
    "declared": lambda made: (made._fields, made.__doc__, list(made.__annotations__), made.__bases__, made.__name__),
    "copied": lambda made: (copy.copy(made(1)), copy.deepcopy(made(1)).__class__ is made),
    "of a class below": lambda made: (type("Below", (made,), {})(4).y, type("Below", (made,), {})(4)._replace(x=5).x),
}
REFUSED: dict[str, Callable[[typing.Any], object]] = {
    "too few": lambda made: made(),
    "too many": lambda made: made(1, 2, "", 4),
    "twice": lambda made: made(1, x=2),
    "unknown": lambda made: made(1, z=2),
    "unknown beside all": lambda made: made(1, 2, "", z=2),
    "replaced unknown": lambda made: made(1)._replace(z=2),
    "set": lambda made: setattr(made(1), "x", 2),
    "set new": lambda made: setattr(made(1), "other", 2),
}


@pytest.mark.parametrize("name", DEEDS)
def test_does_what_the_standard_one_does(name: str) -> None:
    assert repr(DEEDS[name](OURS)) == repr(DEEDS[name](STANDARD))


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_the_standard_one_refuses(name: str) -> None:
    refused = []
    for made in (OURS, STANDARD):
        with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
            REFUSED[name](made)
        refused.append(issubclass(caught.type, AttributeError))
    assert refused[0] == refused[1]


@pytest.mark.parametrize("value", [Kept(1, (2, 3)), Farther(1, (2,))])
def test_travels_between_processes(value: Kept) -> None:
    there = pickle.loads(pickle.dumps(value))
    assert (there, type(there)) == (value, type(value))
