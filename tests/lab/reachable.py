"""Commands for users who may not get to where this checkout is, such as below /root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_SHOW = 'mount --bind "$1" /mnt; shift; exec "$@"'


def reachable(argv: Sequence[str]) -> list[str]:
    """The command with the checkout at /mnt, in a mount namespace of its own; for root, who then becomes another."""
    shown = [f"/mnt{word[len(str(CHECKOUT)) :]}" if word.startswith(f"{CHECKOUT}/") else word for word in argv]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-euc", _SHOW, "sh", str(CHECKOUT), *shown]
