"""Regular expressions that compile when they are first used."""

from __future__ import annotations

import re

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import patterns


@pytest.mark.parametrize("name", ["ASCII", "DOTALL", "IGNORECASE"])
def test_flags_are_those_of_re(name: str) -> None:
    assert getattr(patterns, name) == getattr(re, name)


def test_does_what_the_compiled_one_does() -> None:
    ours, theirs = (make(r"(\w)=(\d+);?", re.IGNORECASE) for make in (patterns.compile, re.compile))
    text = "a=1;B=22;"
    for _turn in range(2):  # the first use, and those after it
        for deed in ("match", "fullmatch", "search"):
            found, expected = getattr(ours, deed)(text), getattr(theirs, deed)(text)
            assert (found and found.groups()) == (expected and expected.groups())
        assert ours.findall(text) == theirs.findall(text)
        assert [found.span() for found in ours.finditer(text)] == [found.span() for found in theirs.finditer(text)]
        assert ours.sub("x", text) == theirs.sub("x", text)
        assert ours.split(text) == theirs.split(text)
    assert (ours.pattern, ours.flags) == (theirs.pattern, theirs.flags)


def test_is_not_compiled_before() -> None:
    broken = patterns.compile("(")
    with pytest.raises(re.error):
        broken.match("")
