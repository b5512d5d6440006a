from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

PRELUDE = (Path(__file__).parent / "prelude.py").read_text()


def run_inside(
    machine: object,
    body: str,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = 120,
) -> object:
    """Run `body` after the prelude in the machine; what it passed to show() last."""
    done = machine.python(PRELUDE + body, user=user, env=env, check=check, timeout=timeout)  # type: ignore[attr-defined]
    if not check:
        return done
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else None


@pytest.fixture
def inside(machine: object) -> Callable[..., object]:
    """inside(body, user=None, env=None, check=True, timeout=120): run_inside in this test's machine."""

    def run(body: str, **more: object) -> object:
        return run_inside(machine, body, **more)  # type: ignore[arg-type]

    return run


@pytest.fixture
def run_in() -> Callable[..., object]:
    """run_in(machine, body, …): run_inside in a machine of the test's choosing."""
    return run_inside
