# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless pod create"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import access_flags
from .create_flags import same
from .goflags import LIST, SWITCH, TEXT, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from ..pod.desired import PodDesired
    from .arguments import Parser
    from .context import Context
    from .goflags import Line

_TEXTS = """
--blkio-weight  share of block I/O, 10 to 1000
--cgroup-parent  control group above the pod's
--cpu-shares -c  relative weight
--cpus  number of processors
--cpuset-cpus  which processors
--cpuset-mems  which memory nodes
--exit-policy  continue or stop, when the last container has ended
--gpus  all, or names of GPUs, for the infra container
--hostname -h  its host name
--hosts-file  base of /etc/hosts: a path, image or none
--infra-command  command of the infra container
--infra-conmon-pidfile  write the pid of its conmon into this file
--infra-image  image for the infra container, which needs none
--infra-name  name of the infra container
--ip  IPv4 address
--ip6  IPv6 address
--mac-address  MAC address
--memory -m  limit of memory
--memory-swap  limit of memory and swap together, -1 for none
--name -n  its name
--pid  PID namespace
--pod-id-file  write the id into this file
restart_policy --restart  no, always, on-failure[:N] or unless-stopped
--share  namespaces that its containers share: ipc,net,uts
--shm-size  size of /dev/shm
--shm-size-systemd  size of the tmpfs that systemd gets
--subgidname  range of /etc/subgid for its user namespace
--subuidname  range of /etc/subuid for its user namespace
--userns  user namespace
--uts  UTS namespace
"""
_LISTS = """
--add-host  NAME:ADDRESS for /etc/hosts
--blkio-weight-device  PATH:WEIGHT
--device  HOST[:CONTAINER[:PERMISSIONS]]
--device-read-bps  PATH:RATE
--device-write-bps  PATH:RATE
--dns  name server
dns_opt --dns-option --dns-opt  option of the resolver
--dns-search  domain to search in
--gidmap  INSIDE:OUTSIDE:LENGTH
--label -l  KEY=VALUE
--label-file  file of KEY=VALUE
--network --net  network, mode, or NETWORK:ip=...
--network-alias  name in its networks
--publish -p  [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]
--security-opt  seccomp=..., no-new-privileges, ...
--sysctl  NAME=VALUE
--uidmap  INSIDE:OUTSIDE:LENGTH
--volume -v  [SOURCE:]PATH[:OPTIONS]
--volumes-from  CONTAINER[:OPTIONS]
"""
_SWITCHES = """
--infra  with an infra container, which holds what is shared
--no-hostname  no /etc/hostname
--no-hosts  no /etc/hosts
--share-parent  its containers are in the pod's control group
"""
_MEANINGS = (*same(TEXT, _TEXTS), *same(LIST, _LISTS), *same(SWITCH, _SWITCHES))
_OPTION_OF = {meaning.flag.key: meaning.option for meaning in _MEANINGS}
_OWN = (Flag("--help", SWITCH, "show this help"), Flag("--replace", SWITCH, "take the place of a pod of this name"))
_FLAGS = (*_OWN, *(meaning.flag for meaning in _MEANINGS))
_SLICES = ("add_host", "dns", "dns_opt", "dns_search", "gidmap", "network_alias", "publish", "sysctl", "uidmap")


def arguments(parser: Parser, name: str) -> None:
    """None for argparse: flags are read as podman reads them."""
    parser.take_all(_FLAGS, "[NAME]")


def run(context: Context, options: Namespace) -> int:
    line = access_flags.read(context, options, _FLAGS, (0, 1))
    if line is None:
        return 0
    from ..pod import create, model

    name = line.words[0] if line.words else access_flags.text(line, "name")
    wish = _wish(line, name or "unnamed")  # relative paths are meant from here, before namespaces are entered
    if not name:
        from ..base.values import replace
        from ..container.fresh import free_name

        name = free_name(context.session)
        wish = replace(wish, name=name)
    there = model.by_name(context.session, name)
    if there is not None and access_flags.truth(line, "replace"):
        from ..pod.remove import remove

        remove(context.session, there, force=True)
    command = ("daemonless", "pod", "create", *options.words)
    context.out(f"{create.create(context.session, wish, command).id}\n")
    return 0


def _wish(line: Line, name: str) -> PodDesired:
    from ..container import option_files
    from ..pod import params
    from .create_task import labels, pairs, slices, volumes

    found = {_OPTION_OF[key]: value for key, value in line.given.items() if key in _OPTION_OF}
    for key in _SLICES:
        if key in found:
            found[key] = slices(found[key])
    labels(found)
    if "sysctl" in found:
        found["sysctl"] = pairs(found["sysctl"])
    if "volume" in found:
        found["volume"] = volumes(found["volume"])
    for key in ("infra_conmon_pidfile", "pod_id_file"):
        if found.get(key):
            found[key] = os.path.abspath(str(found[key]))
    found["name"] = name
    return params.parse(found, option_files.read(params.files_needed(found)))
