# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pull may be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..spec.platform import Platform

POLICIES = ("always", "missing", "never", "newer")


class PullOptions(NamedTuple):
    """``platform`` None is this host's.  ``validate_certs`` None leaves it to registries.conf.

    ``retries`` are tries after the first; ``retry_delay`` seconds between them, None for 1, 2, 4 ...; ``timeout``
    seconds without a byte before a registry counts as hanging.
    """

    platform: Platform | None = None
    username: str = ""
    password: str = ""
    auth_file: str = ""
    validate_certs: bool | None = None
    ca_cert_dir: str = ""
    retries: int = 3
    retry_delay: float | None = None
    timeout: float = 30.0

    def __repr__(self) -> str:
        return f"PullOptions({self.platform!r}, {self.username!r}, ...)"
