# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime import logs as runtime_logs
from . import lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runtime.logs import LogLine, LogQuery
    from ..session.session import Session
    from .model import Container


def logs(session: Session, container: Container, query: LogQuery) -> Iterator[LogLine]:
    """Lines in the order in which they were recorded. Raises BadInput for a log driver that keeps nothing."""

    def running() -> bool:
        fresh = lookup.by_id(session, container.id)
        return fresh is not None and fresh.running

    source = runtime_logs.LogSource(container.log_driver, container.name, container.id, container.log_path)
    return runtime_logs.read(session.runner, source, query, running)
