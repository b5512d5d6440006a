"""Which names a pattern of `--filter reference` fits; podman is asked the same in the integration tests."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.filters import name_fits
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.history import _branches

NAME = "quay.io/team/sub/tool:1.2"
DIGESTED = "quay.io/tool@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        (NAME, NAME, True),
        (NAME, "quay.io/team/sub/tool", True),
        (NAME, "team/sub/tool", True),
        (NAME, "team/sub/tool:1.2", True),
        (NAME, "tool", True),
        (NAME, "tool:1.*", True),
        (NAME, "t*l", True),
        (NAME, "sub/tool", False),
        (NAME, "*/tool", False),
        (NAME, "quay.io/*/*/tool", True),
        (NAME, "quay.io/*/tool", False),
        (NAME, "*", True),
        (NAME, "tool:2", False),
        (NAME, "ool", False),
        (DIGESTED, "tool", True),
        (DIGESTED, "quay.io/tool@sha256:" + "a" * 64, True),
        (DIGESTED, "quay.io/tool:latest", False),
    ],
)
def test_names(name: str, pattern: str, fits: bool) -> None:
    assert name_fits(name, pattern) is fits


def test_a_tree_is_drawn() -> None:
    rows = [(0, "a"), (1, "b"), (2, "c"), (1, "d"), (0, "e"), (1, "f")]
    assert _branches(rows) == ["├── a", "│   ├── b", "│   │   └── c", "│   └── d", "└── e", "    └── f"]
