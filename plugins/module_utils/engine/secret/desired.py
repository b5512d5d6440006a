# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret as a task wishes it, and what podman lets a secret be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "file"
MAX_BYTES = 512000  # containers/common: a value is smaller than this
_NAME_MAX = 253
_FORBIDDEN = "=/,\0"


class SecretDesired(NamedTuple):
    """`value` None, `labels` None: not mentioned. Its text form never shows the value."""

    name: str
    value: bytes | None = None
    labels: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        return f"SecretDesired({self.name!r})"


def check_name(name: str) -> None:
    """Raises BadInput for what podman would refuse, and for control characters."""
    if not 0 < len(name) <= _NAME_MAX or any(sign in _FORBIDDEN or not sign.isprintable() for sign in name):
        raise BadInput(
            f"name a secret {name[:60]!r}",
            "a secret's name has 1 to 253 characters, without '=', '/', ',' and control characters",
        )


def check_value(name: str, value: bytes) -> None:
    """Raises BadInput."""
    if not 0 < len(value) < MAX_BYTES:
        raise BadInput(f"store secret {name}", f"a value has more than 0 and less than {MAX_BYTES} bytes")


def check_driver(name: str, driver: str, options: Mapping[str, str], directory: str) -> None:
    """Only podman's default place. Raises BadInput."""
    if driver not in ("", FILE):
        raise BadInput(
            f"store secret {name}",
            f"the secret driver {driver[:40]!r} is not supported",
            "Use the driver file, which is podman's default",
        )
    for key, value in options.items():
        if key != "path" or value.rstrip("/") != directory:
            raise BadInput(
                f"store secret {name}",
                f"the driver option {key[:40]!r} cannot be kept",
                f"Secrets lie in {directory}, where podman looks for them by default; leave driver_opts out",
            )
