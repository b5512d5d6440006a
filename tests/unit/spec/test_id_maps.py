"""Choosing ids for user namespaces, and words with variables in them."""

from __future__ import annotations

import random

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import expansion, id_maps
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.namespaces import IdRange, parse

# (size, available, used, given, the map); the last ones as podman 5.4 chose them
CHOICES = [
    (10, [(100, 50)], [], (), [(0, 100, 10)]),
    (10, [(100, 50)], [(100, 5)], (), [(0, 105, 10)]),
    (10, [(100, 50)], [(104, 5)], (), [(0, 100, 4), (4, 109, 6)]),
    (10, [(100, 4), (200, 8)], [], (), [(0, 100, 4), (4, 200, 6)]),
    (10, [(100, 50)], [(0, 1000), (90, 5)], (), None),
    (10, [(100, 9)], [], (), None),
    (10, [], [], ((0, 5, 10),), [(0, 5, 10)]),
    (3000, [(301524, 9000)], [], ((0, 100, 10),), [(10, 301524, 2990), (0, 100, 10)]),
    (3000, [(301524, 9000)], [], ((5, 200, 10),), [(0, 301524, 5), (15, 301529, 2985), (5, 200, 10)]),
]


@pytest.mark.parametrize(("size", "available", "used", "given", "wanted"), CHOICES, ids=str)
def test_a_choice(size, available, used, given, wanted):
    lines = tuple(IdRange(*line) for line in given)
    if wanted is None:
        with pytest.raises(HostLacks, match="are not to be had"):
            id_maps.choose(size, available, used, lines, "user ids")
        return
    assert id_maps.choose(size, available, used, lines, "user ids") == tuple(IdRange(*line) for line in wanted)


def test_choices_never_overlap():
    dice = random.Random(7)
    for _round in range(200):
        used = []
        try:
            while True:
                size = dice.randint(1, 40)
                found = id_maps.choose(size, [(10, 100), (200, 60)], used, (), "user ids")
                assert sum(line.size for line in found) == size
                assert [line.inside for line in found][0] == 0
                used += [(line.outside, line.size) for line in found]
                taken = [number for first, count in used for number in range(first, first + count)]
                assert len(taken) == len(set(taken))
                assert all(10 <= number < 110 or 200 <= number < 260 for number in taken)
                if dice.random() < 0.3:
                    used.pop(dice.randrange(len(used)))
        except HostLacks:
            continue


def test_what_auto_was_told():
    wish = id_maps.parse_auto(parse("auto:size=3000,uidmapping=0:100:10,gidmapping=5:200:10", "userns"))
    assert wish == (3000, (IdRange(0, 100, 10),), (IdRange(5, 200, 10),))
    assert [id_maps.size_of(id_maps.AutoWish(), needed) for needed in (1, 1024, 5000)] == [1024, 1024, 5000]
    assert id_maps.size_of(id_maps.AutoWish(7), 100000) == 7
    with pytest.raises(BadInput, match="say how many|Say how many"):
        id_maps.size_of(id_maps.AutoWish(), 65537)
    with pytest.raises(BadInput, match="keep-id"):
        id_maps.parse_auto(parse("auto:uid=5", "userns"))


WORDS = [
    ("plain", "plain"),
    ("$A-b", "1-b"),
    ("${A}b", "1b"),
    ("${NONE}-x", "-x"),
    ("${NONE:-${A}}", None),
    ("${NONE:-d}", "d"),
    ("${A:-d}", "1"),
    ("${A:+yes}${NONE:+no}", "yes"),
    ("'$A'", "$A"),
    ('"$A b"', "1 b"),
    ("\\$A", "$A"),
    ('"\\x"', "\\x"),
    ("5$", "5$"),
    ("$5", "$5"),
    ("'open", None),
    ("${A", None),
    ("${A!}", None),
]


@pytest.mark.parametrize(("word", "wanted"), WORDS)
def test_words(word, wanted):
    if wanted is None:
        with pytest.raises(BadInput):
            expansion.expand(word, {"A": "1"})
        return
    assert expansion.expand(word, {"A": "1"}) == wanted
