# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of `run` and `create`, and which option of the module `container` each of them is.

Reading, checking and comparing a value is the business of container/ alone: here only names are put to names.
"""

from __future__ import annotations

from ..base.tuples import NamedTuple
from .goflags import LIST, SWITCH, TEXT, Flag
from .open_files import COUNT_HELP, LIST_HELP


class Meaning(NamedTuple):
    """A flag and the option that it is."""

    flag: Flag
    option: str


def same(kind: str, text: str) -> list[Meaning]:
    """Lines of `OPTION --flag -f  help`; without an option it has the flag's name."""
    found = []
    for line in text.strip().splitlines():
        names, _blank, help_text = line.strip().partition("  ")
        words = names.split()
        option = "" if words[0].startswith("-") else words.pop(0)
        flag = Flag(" ".join(words), kind, help_text.strip())
        found.append(Meaning(flag, option or flag.key.replace("-", "_")))
    return found


_TEXTS = """
--arch  architecture of the image
--authfile  credentials of registries
--blkio-weight  share of block I/O, 10 to 1000
--cert-dir  certificates for the registry
--cgroup-parent  control group above the container's
--cgroupns  cgroup namespace: host, private, container:NAME, ns:PATH
--cgroups  enabled, disabled, no-conmon or split
--cidfile  write the id into this file
--conmon-pidfile  write conmon's pid into this file
--cpu-period  microseconds
--cpu-quota  microseconds per period
--cpu-rt-period  microseconds (cgroup v1)
--cpu-rt-runtime  microseconds (cgroup v1)
--cpu-shares -c  relative weight
--cpus  number of processors
--cpuset-cpus  which processors
--cpuset-mems  which memory nodes
--creds  USER:PASSWORD for the registry
entrypoint --entrypoint  program of the container, or a JSON list
health_log_destination --health-log-destination  where results of health checks go
health_max_log_count --health-max-log-count  how many results are kept
health_max_log_size --health-max-log-size  how long a result may be
health_startup_cmd --health-startup-cmd  command of the startup check
health_startup_interval --health-startup-interval  time between startup checks
health_startup_retries --health-startup-retries  failures until the container is restarted
health_startup_success --health-startup-success  successes until the startup is over
health_startup_timeout --health-startup-timeout  time that a startup check may take
healthcheck --health-cmd  command of the health check
healthcheck_failure_action --health-on-failure  none, kill, restart or stop
healthcheck_interval --health-interval  time between health checks
healthcheck_retries --health-retries  failures until it counts as unhealthy
healthcheck_start_period --health-start-period  time to start in
healthcheck_timeout --health-timeout  time that a health check may take
--group-entry  a line for /etc/group
--hostname -h  its host name
--hosts-file  base of /etc/hosts: a path, image or none
--image-volume --builtin-volume  what becomes of the image's volumes: bind, anonymous, tmpfs, ignore
--init-path  the program for --init
--ip  IPv4 address
--ip6  IPv6 address
--ipc  IPC namespace
--kernel-memory
--log-driver  k8s-file, journald, none or passthrough
--mac-address  MAC address
--memory -m  limit of memory
--memory-reservation  soft limit of memory
--memory-swap  limit of memory and swap together, -1 for none
--memory-swappiness  0 to 100 (cgroup v1)
--name  its name
--oom-score-adj  -1000 to 1000
--os  operating system of the image
--passwd-entry  a line for /etc/passwd
--personality  execution domain
--pid  PID namespace
pid_file --pidfile  write the pid into this file
--pids-limit  number of processes, -1 for no limit
--platform  OS/ARCH[/VARIANT] of the image
--pod  the pod that it joins
--pull  always, missing, never or newer
--rdt-class  class of Intel's RDT
restart_policy --restart  no, always, on-failure[:N] or unless-stopped
--retry  how often a pull is tried again
--retry-delay  time between tries
--sdnotify  who tells systemd: container, conmon, healthy or ignore
--seccomp-policy  default, or image for the profile that the image carries
--shm-size  size of /dev/shm
--shm-size-systemd  size of the tmpfs that systemd gets
--stop-signal  signal to stop it
--stop-timeout  seconds until it is killed
--subgidname  name in /etc/subgid whose ids its groups get
--subuidname  name in /etc/subuid whose ids its users get
--systemd  true, false or always
--timeout  seconds that it may run
timezone --tz  time zone
--umask  umask
--user -u  USER[:GROUP]
--userns  user namespace
--uts  UTS namespace
--variant  variant of the image's architecture
--workdir -w  working directory
--init-ctr  once or always: an init container of the pod
"""
_LISTS = """
etc_hosts --add-host  NAME:ADDRESS for /etc/hosts
--annotation  KEY=VALUE
--blkio-weight-device  PATH:WEIGHT
--cap-add  capability to add
--cap-drop  capability to drop
--cgroup-conf  KEY=VALUE of cgroup v2
--chrootdirs  directory inside that gets the files of /etc, too
--decryption-key
--device  HOST[:CONTAINER[:PERMISSIONS]], or VENDOR/CLASS=NAME from the host's CDI files
--device-cgroup-rule  rule such as c 42:* rwm
--device-read-bps  PATH:RATE
--device-read-iops  PATH:RATE
--device-write-bps  PATH:RATE
--device-write-iops  PATH:RATE
--dns  name server
--dns-option --dns-opt  option of the resolver
--dns-search  domain to search in
env --env -e  NAME=VALUE; NAME alone takes ours
--env-file  file of NAME=VALUE
--env-merge  NAME=TEXT in which ${OTHER} stands for variables of the image
--expose  port of the container
--gidmap  CONTAINER:HOST:LENGTH
--gpus  all, or names of GPUs, from the host's CDI files
--group-add  further group
--hooks-dir  directory with OCI hooks, in the place of the host's
--hostuser  user of the host to add to /etc/passwd
--label -l  KEY=VALUE
--label-file  file of KEY=VALUE
--link-local-ip
--log-opt  KEY=VALUE: max-size, path, tag
--mount  type=...,source=...,target=...
--network --net  network, mode, or NETWORK:ip=...
network_aliases --network-alias  name in its networks
publish --publish -p  [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]
--requires  container that is started first
secrets --secret  NAME[,type=...,target=...]
--security-opt  label=..., seccomp=..., no-new-privileges, ...
--sysctl  NAME=VALUE
--tmpfs  PATH[:OPTIONS]
--uidmap  CONTAINER:HOST:LENGTH
--ulimit  NAME=SOFT[:HARD]
--unsetenv  variable of the image to leave out
--volume -v  [SOURCE:]PATH[:OPTIONS]
--volumes-from  CONTAINER[:OPTIONS]
"""
_SWITCHES = """
--env-host  with the variables of this host
--http-proxy  hand on the variables of proxies
--init  with a small init that reaps
--interactive -i  keep standard input open
--no-healthcheck  no health check, whatever the image has
--no-hostname  no /etc/hostname
--no-hosts  no /etc/hosts
--oom-kill-disable  (cgroup v1)
--passwd  write /etc/passwd and /etc/group
--privileged  without walls
--publish-all -P  publish every exposed port
--read-only  nobody writes into its files
--read-only-tmpfs  with tmpfs at /tmp and /run when read-only
--rm  remove it when it has ended
--rmi  remove it and its image when it has ended
--rootfs  the first argument is a directory, not an image
--tls-verify  check certificates
--tty -t  with a terminal
--unsetenv-all  without the variables of the image
"""
#: What the command itself does with a flag.
_OWN = (
    Flag("--attach -a", LIST, "attach to stdin, stdout or stderr only"),
    Flag("--detach -d", SWITCH, "print the id, and leave it running"),
    Flag("--detach-keys", TEXT, "keys to leave it running, ctrl-p,ctrl-q by default"),
    Flag("--disable-content-trust", SWITCH, "for scripts of docker's users: nothing to switch off"),
    Flag("--help", SWITCH, "show this help"),
    Flag("--pod-id-file", TEXT, "the pod whose id is in this file"),
    Flag("--preserve-fd", LIST, LIST_HELP),
    Flag("--preserve-fds", TEXT, COUNT_HELP),
    Flag("--quiet -q", SWITCH, "no progress while pulling"),
    Flag("--replace", SWITCH, "take the place of a container of this name"),
    Flag("--sig-proxy", SWITCH, "pass our signals on to it"),
)
MEANINGS = (*same(TEXT, _TEXTS), *same(LIST, _LISTS), *same(SWITCH, _SWITCHES))
OPTION_OF = {meaning.flag.key: meaning.option for meaning in MEANINGS}
FLAGS = (*_OWN, *(meaning.flag for meaning in MEANINGS))
#: What cannot be had, and why.
REFUSED = {
    "decryption-key": "encrypted layers are not decrypted here; pull a plain image",
    "link-local-ip": "netavark has no such address",
}
