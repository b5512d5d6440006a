# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of the storage that are none of libpod's: those that builds work in, and what was left behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from ..store.records import ContainerRecord
    from ..store.store import Store

_OF_BUILD = "buildah.json"  # what buildah keeps beside the storage of a working container


def records(store: Store, known: Container[str]) -> list[ContainerRecord]:
    """`known` are the ids of libpod's."""
    return [record for record in store.containers() if record.id not in known]


def is_of_build(store: Store, record: ContainerRecord) -> bool:
    """Whether a build of podman or buildah works in it, or did."""
    return os.path.exists(os.path.join(store.container_dir(record.id), _OF_BUILD))
