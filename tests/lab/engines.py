"""The engine's copy on hosts, made once for each kind of machine by a task that brings it, and put on others as it is.

Compiling the engine is most of what the first task on a host costs, and nearly every test has a host of its own. What
is put there is what the product itself has written on another one, time stamps included, so that it passes for its own.
Tests that are about how the engine reaches a host say so with the mark `delivery`, and get hosts without any.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from machine import Machine

#: Below /usr/local, and below ~/.local.
_PARTS = "lib/daemonless bin/daemonless share/bash-completion/completions/daemonless"


class Engines:
    """`directory` is seen by every machine at the same path, for reading."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()

    def keep(self, machine: Machine, user: str | None) -> None:
        """Remember the copy that a task may just have left on a machine."""
        fresh = machine.share / "engine.tar"
        script = (
            f"cd {_top(user)} || exit 0; readlink lib/daemonless/current || exit 0;"
            f" tar --create --format=posix --file={fresh} $(ls -d {_PARTS} 2>/dev/null)"
        )
        machine.sh(script, user)
        if fresh.exists():
            made = self._archive(machine, user)
            draft = made.with_suffix(f".{machine.name}")
            draft.write_bytes(fresh.read_bytes())
            draft.rename(made)  # another thread may be about to put it somewhere
            fresh.unlink()

    def put(self, machine: Machine, user: str | None) -> bool:
        """Put the copy there; whether there was one to put."""
        made = self._archive(machine, user)
        if not made.exists():
            return False
        machine.sh(f"mkdir -p {_top(user)}; tar --extract --preserve-permissions --file={made} -C {_top(user)}", user)
        return True

    def _archive(self, machine: Machine, user: str | None) -> Path:
        return self.directory / f"{machine.spec.os}-{user or 'root'}.tar"


def _top(user: str | None) -> str:
    return "/usr/local" if user is None else "~/.local"
