"""The order of tags as versions."""

from __future__ import annotations

import random

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import versions

ASCENDING = [
    "edge", "latest", "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "v1.0.1", "1.2", "1.2.0.1", "1.10", "2", "10.0.0", "2024.11.23",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_order(seed: int) -> None:
    mixed = list(ASCENDING)
    random.Random(seed).shuffle(mixed)
    assert sorted(mixed, key=versions.key) == ASCENDING


def test_same_version_in_other_words() -> None:
    assert sorted(["1.2.0", "1.2", "v1.2"], key=versions.key) == ["1.2", "1.2.0", "v1.2"]
