"""Errors go from a worker process to the one that asked, as they are."""

from __future__ import annotations

import pickle

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import errors


def kinds() -> list[type[errors.EngineError]]:
    """Of that file: others have some of their own, which may have been imported by then."""
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.EngineError)]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_a_copy_is_the_same(kind: type[errors.EngineError]) -> None:
    if kind is errors.ToolFailed:
        made: errors.EngineError = errors.ToolFailed("start web", "crun", 1, "no room", "Make some")
    else:
        made = kind("start web", "no room", "Make some")
    made.add_cleanup_failure("nor could it be unmounted")
    copy = pickle.loads(pickle.dumps(made))
    assert copy.__class__ is kind and str(copy) == str(made) and vars(copy) == vars(made)
    assert "no room. Make some. Cleaning up failed too: nor" in str(copy)
