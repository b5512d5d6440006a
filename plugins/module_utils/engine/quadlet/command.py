# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's options as the arguments of `daemonless run`, for units that make the container anew at each start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import container, flags

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = flags.table(
    """
    pairs annotation
    each cap_add
    each cap_drop
    one cgroups
    each device
    each dns
    each dns_option
    each dns_search
    one entrypoint
    pairs env
    each env_file
    switch env_host
    each etc_hosts --add-host
    each expose
    each gidmap
    each group_add
    one healthcheck --health-cmd
    one healthcheck_failure_action --health-on-failure
    one healthcheck_interval --health-interval
    one healthcheck_retries --health-retries
    one healthcheck_start_period --health-start-period
    one healthcheck_timeout --health-timeout
    one health_startup_cmd
    one health_startup_interval
    one health_startup_retries
    one health_startup_success
    one health_startup_timeout
    each hooks_dir
    one hostname
    switch init
    one ip
    one ip6
    pairs label
    one log_driver
    pairs log_opt
    each mount
    each network
    each network_aliases --network-alias
    one pids_limit
    one pod
    each publish
    one pull
    truth read_only
    truth read_only_tmpfs
    one sdnotify
    each secrets --secret
    one shm_size
    one stop_signal
    one stop_timeout
    one subgidname
    one subuidname
    pairs sysctl
    one timezone --tz
    each tmpfs
    each uidmap
    each ulimit
    one user
    one userns
    each volume
    one workdir
    """
)


def run(params: Mapping[str, object], name: str, command: tuple[str, ...]) -> list[str]:
    """The arguments, from `run` on. Raises BadInput for what must not stand in a unit file."""
    if not params.get("image"):
        raise BadInput(f"write a unit for container {name}", "the task names no image, and the unit is to make it anew")
    if params.get("creds"):
        raise BadInput(
            "write creds into a unit file",
            "everybody who may look at processes would see them, on the command line",
            "Log in to the registry, and name the file with authfile",
        )
    values = {key: value for key, value in params.items() if key not in ("rm", "rmi") and value is not None}
    if isinstance(values.get("log_opt"), dict):
        log = values["log_opt"]
        values["log_opt"] = {str(key).replace("max_size", "max-size"): item for key, item in log.items()}  # type: ignore[attr-defined]
    made = ["run", "--rm", "--replace", "--name", name]
    made += [*flags.argv(values, TABLE), *flags.argv(values, container.FLAGS)]
    if params.get("rootfs"):
        made.append("--rootfs")
    return [*made, str(params["image"]), *command]
