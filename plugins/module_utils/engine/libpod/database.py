# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's state database: containers, pods, volumes, exit codes."""

from __future__ import annotations

from .pod_rows import PodRows
from .volume_rows import VolumeRows


class Database(PodRows, VolumeRows):
    """All tables of one database file; see Connection for how it is opened and what writing waits for."""
