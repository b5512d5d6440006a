"""Make `ansible_collections.daemonless.oci` importable from any clone, whatever its directory is called."""

from __future__ import annotations

import re
import sys
import types
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest  # programs of the tests import this file without it

ROOT = Path(__file__).resolve().parent.parent


def _alias_collection() -> None:
    name = ""
    for part in ("ansible_collections", "daemonless", "oci"):
        name = f"{name}.{part}" if name else part
        package = sys.modules.setdefault(name, types.ModuleType(name))
        package.__path__ = [str(ROOT)] if part == "oci" else getattr(package, "__path__", [])


_alias_collection()


def pytest_configure() -> None:
    """Properties are tried on the same examples each time, however slow the machine is: a test that fails here fails
    there. `--hypothesis-profile=default` is the search for new ones.
    """
    from hypothesis import HealthCheck, settings

    settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("steady")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Each test by itself to whoever is free; those that share a machine of their file together, so that it is made
    once. (xdist's own groups do not reach its scheduler with pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-not-found]

    class ByMachine(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return ByMachine(config, log)


def together(nodeid: str) -> str:
    """Tests of one answer run on one worker: those of a file with fixtures for the whole of it, by their parameter."""
    path, _colons, name = nodeid.partition("::")
    shares, params = _shared(path)
    if not shares:
        return nodeid
    return f"{path} {name.partition('[')[2].partition('-')[0].rstrip(']')}" if params else path


@cache
def _shared(path: str) -> tuple[bool, bool]:
    """Whether a file's tests share something, and whether that comes in several kinds, whose name comes first."""
    text = (ROOT / path).read_text()
    module = re.search(r"@pytest\.fixture\(scope=\"module\"(, params=)?", text)
    return bool(module) or "shared_" in text, bool(module and module[1])
