# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a container's config row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import table

if TYPE_CHECKING:
    from ..base.jsonval import Json

PREFIX = "io.podman.annotations."
NOTE_SECCOMP = "io.daemonless.seccomp"  # whose profile it has, where that is neither the default nor the task's


def spec_of(config: Json) -> Json:
    return table(config, "spec")


def linux_of(config: Json) -> Json:
    return table(spec_of(config), "linux")


def process_of(config: Json) -> Json:
    return table(spec_of(config), "process")


def notes_of(config: Json) -> Json:
    return table(spec_of(config), "annotations")
