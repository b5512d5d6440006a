"""WWW-Authenticate headers, whatever stands in them."""

from __future__ import annotations

import time

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.tokens import Challenge, parse_challenges
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], []),
        (['Basic realm="x"'], [Challenge("basic", {"realm": "x"})]),
        (
            ['BEARER realm="https://a/t",service="s",scope="x:y"'],
            [Challenge("bearer", {"realm": "https://a/t", "service": "s", "scope": "x:y"})],
        ),
        (["Bearer realm=a, service=b"], [Challenge("bearer", {"realm": "a", "service": "b"})]),
        (
            ['Basic realm="a", Bearer realm="b"'],
            [Challenge("basic", {"realm": "a"}), Challenge("bearer", {"realm": "b"})],
        ),
        (["Negotiate", 'Basic realm="a"'], [Challenge("negotiate", {}), Challenge("basic", {"realm": "a"})]),
        (['Bearer realm="a\\"b,c"'], [Challenge("bearer", {"realm": 'a"b,c'})]),
        (['Bearer realm="a",realm="b"'], [Challenge("bearer", {"realm": "a"})]),
        (["Bearer"], [Challenge("bearer", {})]),
        (['="'], []),
    ],
)
def test_challenges(headers: list[str], found: list[Challenge]) -> None:
    assert parse_challenges(headers) == found


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_text(headers: list[str]) -> None:
    for challenge in parse_challenges(headers):
        assert challenge.scheme == challenge.scheme.lower()


@pytest.mark.parametrize(
    "header",
    [
        "Bearer " + " " * 60_000 + "!",
        "Bearer " + ", " * 30_000,
        "a " * 30_000,
        "Bearer a" + " " * 60_000,
        'Bearer a="' + "\\" * 60_000,
        "Bearer " + "a" * 60_000,
        "Bearer " + "a=" * 30_000,
        " " * 60_000,
    ],
)
def test_long_nonsense_takes_no_time(header: str) -> None:
    began = time.process_time()
    parse_challenges([header])
    assert time.process_time() - began < 1
