"""Podman 4.3 of Debian 12 beside the newer one: the goals of the rows about pulling were drawn up with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from machine import Machine

# Its root is a directory of this host, seen by the machine; what it writes goes into memory, as in the machine.
_PREPARE = """
cd "$1"
for folder in run tmp var/tmp var/lib/containers; do mount -t tmpfs tmpfs "$folder"; done
for folder in proc sys dev; do mount --rbind "/$folder" "$folder"; done
"""


def older_root() -> Path | None:
    """The root that `make bench-older` makes, named by BENCH_OLDER."""
    named = os.environ.get("BENCH_OLDER")
    return Path(named) if named and Path(named).is_dir() else None


class Older:
    """Its podman, run as root in a root directory of its own, with a store of its own."""

    def __init__(self, machine: Machine, root: Path) -> None:
        self._machine = machine
        self._root = root
        machine.run(["sh", "-euc", _PREPARE, "sh", str(root)])
        version = machine.run(["chroot", str(root), "podman", "--version"]).stdout.split()[-1]
        self.name = f"podman {version} pull"

    def pull(self, reference: str) -> None:
        self._machine.run(["sh", "-c", self.script("pull", "-q", "--tls-verify=false", reference)], timeout=600)

    def forget(self, reference: str) -> None:
        self._machine.run(["sh", "-c", self.script("rmi", "-f", reference)], check=False)

    def script(self, *words: str) -> str:
        return f"chroot {self._root} podman {' '.join(words)}"
