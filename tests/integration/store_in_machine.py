"""The store's deeds done in a test machine, beside the judge's podman on the same store."""

from __future__ import annotations

import shutil
from pathlib import Path

from machine import Machine

DEEDS = Path(__file__).parent / "image" / "store_deeds.py"
NAME = "localhost/ours:1"


def deed(machine: Machine, *args: str, user: str | None = None, check: bool = True, env: dict[str, str] | None = None):
    """Run one of store_deeds.py; for a plain user inside podman's namespace."""
    if user is None:
        return machine.python(DEEDS, *args, check=check, env=env)
    script = machine.share / "store_deeds.py"
    shutil.copy(DEEDS, script)
    script.chmod(0o644)
    variables = [f"{key}={value}" for key, value in {"PYTHONPATH": str(machine.lab.collections), **(env or {})}.items()]
    argv = ["unshare", "env", "PYTHONDONTWRITEBYTECODE=1", *variables, "/usr/bin/python3", str(script), *args]
    return machine.podman(argv, user, check=check)


def layout(machine: Machine) -> str:
    """The lab's image with one platform, as an OCI layout of its own."""
    target = machine.share / "layout"
    if not target.exists():
        machine.skopeo(["copy", "-q", f"oci-archive:{machine.lab.images.oci_archive}", f"oci:{target}:x"])
        machine.sh(f"chmod -R a+rX {target}")
    return str(target)
