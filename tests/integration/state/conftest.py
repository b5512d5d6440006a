"""The engine's state rooms at work in a machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from machine import Machine
from state_in_machine import Deeds


@pytest.fixture
def deeds(machine: Machine) -> Callable[..., Deeds]:
    def make(user: str | None = None, **env: str) -> Deeds:
        return Deeds(machine, user, env)

    return make
