"""Make `ansible_collections.daemonless.oci` importable from any clone, whatever its directory is called."""

from __future__ import annotations

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _alias_collection() -> None:
    name = ""
    for part in ("ansible_collections", "daemonless", "oci"):
        name = f"{name}.{part}" if name else part
        package = sys.modules.setdefault(name, types.ModuleType(name))
        package.__path__ = [str(ROOT)] if part == "oci" else getattr(package, "__path__", [])


_alias_collection()
