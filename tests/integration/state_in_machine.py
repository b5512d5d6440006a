"""The engine's state rooms at work in a machine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from machine import Machine

DEEDS = Path(__file__).parent / "state" / "state_deeds.py"


class Deeds:
    """Run deeds of state_deeds.py on a machine as a user."""

    def __init__(self, machine: Machine, user: str | None = None, env: dict[str, str] | None = None) -> None:
        self.machine = machine
        self.user = user
        kind = (machine.spec.os, machine.spec.cgroups)
        self.env = {"RUNTIME": "crun" if kind == ("debian13", "legacy") else "runc", **(env or {})}

    def run(self, deed: str, *args: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        return self.machine.python(DEEDS, deed, *args, user=self.user, check=check, env={**self.env, **env}, timeout=60)

    def __call__(self, deed: str, *args: str, **env: str) -> object:
        return json.loads(self.run(deed, *args, **env).stdout)

    def podman(self, *args: str, check: bool = True) -> str:
        return self.machine.podman(list(args), self.user, check, timeout=60).stdout.strip()

    def load_image(self) -> None:
        self.podman("load", "-q", "-i", str(self.machine.lab.images.docker_archive))

    def is_clean(self) -> None:
        """podman finds no fault with store and locks."""
        self.podman("system", "check")
        assert "No lock conflicts" in self.podman("system", "locks")
