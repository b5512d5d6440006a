"""What a deed left behind in a test machine: one look before, one after, and the difference by kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from machine import Machine

Look = dict[str, list[str]]
LOOKER = Path(__file__).with_name("look.py")


def look(machine: Machine) -> Look:
    done = machine.run(["/usr/bin/python3", "-I", "-S", "-"], input=LOOKER.read_text())
    found: Look = json.loads(done.stdout)
    return found


def compare(before: Look, after: Look) -> dict[str, list[str]]:
    """What `after` has more of, kind by kind; a thing that is there twice and was there once is one leak."""
    leaked = {}
    for kind, things in after.items():
        known = list(before.get(kind, ()))
        new = []
        for thing in things:
            if thing in known:
                known.remove(thing)
            else:
                new.append(thing)
        if new:
            leaked[kind] = new
    return leaked
