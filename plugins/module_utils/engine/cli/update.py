# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless update: limits and restart policy of a container, while it runs"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .access_flags import read
from .context import Usage
from .create_flags import FLAGS
from .goflags import SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

_NAMES = frozenset(
    """
    blkio-weight blkio-weight-device cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus
    cpuset-mems device-read-bps device-read-iops device-write-bps device-write-iops health-cmd health-interval
    health-log-destination health-max-log-count health-max-log-size health-on-failure health-retries
    health-start-period health-startup-cmd health-startup-interval health-startup-retries health-startup-success
    health-startup-timeout health-timeout help memory memory-reservation memory-swap memory-swappiness no-healthcheck
    pids-limit restart
    """.split()
)
_TABLE = (*(flag for flag in FLAGS if flag.key in _NAMES), Flag("--latest -l", SWITCH))


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(_TABLE, "CONTAINER")


def run(context: Context, options: Namespace) -> int:
    from ..container.desired import CREATED, ContainerFlags
    from ..container.reconcile import reconcile
    from .create_task import wish_of

    line = read(context, options, _TABLE)
    if line is None:
        return 0
    latest = bool(line.given.get("latest"))
    if len(line.words) + latest != 1:
        raise Usage(f"accepts 1 arg(s), received {len(line.words)}")
    container = context.container(context.chosen(line.words, latest=latest)[0])
    desired = wish_of({key: value for key, value in line.given.items() if key != "latest"}, container.name)
    reconcile(context.session, desired, ContainerFlags(state=CREATED, noted=False), check=False)
    context.out(f"{container.id}\n")
    return 0
