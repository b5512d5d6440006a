#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container
short_description: Run containers without a daemon and without podman
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Creates, starts, changes, stops and removes containers, with an OCI runtime, conmon and netavark as the only
    programs below it.
  - Options have the names, types and defaults of M(containers.podman.podman_container). Containers are kept in podman's
    own formats, so a podman 5 on the same host sees and manages them, and this module manages what podman made.
  - Options are compared by their meaning, so V(512m) and V(0.5g) are the same, and what a task does not mention is left
    alone unless an earlier task had set it.
  - A change that needs a new container prepares it fully before the old one stops, and puts the old one back if the new
    one does not start.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.quadlet
options:
  name:
    description: Name of the container.
    type: str
    required: true
  state:
    description:
      - V(started) makes sure that the container exists with these options and runs.
      - V(present) and V(created) make sure that it exists with these options; it is not started, nor stopped.
      - V(stopped) makes sure that it exists and does not run; the options of an existing container are not compared.
      - V(absent) removes it. No O(image) is needed.
      - V(restarted) is V(started), and restarts a container that runs. V(unpaused) is another word for V(started).
      - V(paused) is V(started), and its processes are frozen.
      - V(killed) is V(stopped), without waiting for the program to end by itself.
      - V(healthy) is V(started), and waits up to O(wait_timeout) until the container is healthy. A container that is
        made anew and does not become healthy gives way to the old one. The message shows the last check.
      - V(quadlet) writes the options into a C(.container) unit file for podman's generator, and does nothing else.
    type: str
    default: started
    choices: [absent, present, created, started, stopped, restarted, paused, unpaused, killed, healthy, quadlet]
  update_order:
    description:
      - What comes first when a container that runs is made anew.
      - V(stop-first) stops the old one, then starts the new one.
      - V(start-first) starts the new one under a name of its own beside the old one, stops the old one when the new one
        runs (with O(state=healthy), when it is healthy), and then gives the new one its name. If it does not get that
        far, it is removed again, and the old one has not been touched.
      - With V(start-first) the two may not publish the same port of the host or want the same O(ip), O(ip6) or
        O(mac_address), which is an error that names it. Let the host choose the port, or have a proxy in front of the
        container find it by its name.
      - While both run, the container's name and O(network_aliases) lead to both of them in its networks, and both use
        the same volumes.
    type: str
    default: stop-first
    choices: [stop-first, start-first]
  wait_timeout:
    description: Seconds that O(state=healthy) waits.
    type: float
    default: 60
  image:
    description:
      - Image to create the container from, as a name, a short name, an id or a digest.
      - Needed to create a container; without it only an existing container can be started, stopped or removed.
    type: str
  image_strict:
    description: Whether to compare the image's name too, and not only its content.
    type: bool
    default: false
  pull:
    description:
      - When to ask the registry for the image.
      - V(missing), the default, pulls an image that the host does not have.
      - V(newer) and V(always) notice that an image has moved under the same tag, and the container is then made anew.
      - V(never) fails when the host does not have it.
    type: str
    choices: [always, missing, never, newer]
  recreate:
    description: Make the container anew even when nothing differs.
    type: bool
    default: false
  force_restart:
    description: Restart the container when it runs.
    type: bool
    default: false
    aliases: [restart]
  force_delete:
    description: Whether O(state=absent) may remove a container that runs.
    type: bool
    default: true
  delete_volumes:
    description: Remove the container's anonymous volumes with it. Named volumes are never removed.
    type: bool
  detach:
    description:
      - Whether the task ends as soon as the container runs.
      - With V(false) it waits for the container to end and returns RV(rc), RV(stdout) and RV(stderr).
      - Another exit code than 0 then fails the task.
    type: bool
    default: true
  rm:
    description: Remove the container when it ends.
    type: bool
    aliases: [remove, auto_remove]
  comparisons:
    description:
      - How to compare single options, by name.
      - V(strict) wants them equal, V(subset) wants what the task lists and allows more, V(ignore) does not look.
        V(allow_more_present) is another word for V(subset). The name V(*) stands for all options.
    type: dict
  attach:
    description:
      - Streams of the container that are returned with O(detach=false); all of them by default.
      - Nothing is ever sent to V(stdin).
    type: list
    elements: str
    choices: [stdin, stdout, stderr]
  delete_time:
    description: Seconds until a container that is removed and does not end is killed, in place of its O(stop_timeout).
    type: str
  restart_time:
    description: Seconds until a container that is restarted and does not end is killed, instead of its O(stop_timeout).
    type: str
  stop_time:
    description: Seconds until a container that is stopped and does not end is killed, in place of its O(stop_timeout).
    type: str
  rmi:
    description: Remove the container when it ends, as with O(rm), and its image unless another container uses it.
    type: bool
  generate_systemd:
    description:
      - A unit of systemd for the container, V({}) for none. The text is returned, and with C(path) written to
        C(path/PREFIXSEPARATORNAME.service); O(state=absent) removes that file.
      - The unit calls the command C(daemonless) and stays with the container as long as it runs, so that systemd sees
        how it ended. Reloading systemd, enabling and starting the unit is left to M(ansible.builtin.systemd_service).
      - Keys are C(path), C(new) (make the container anew at each start, and remove it at each end), C(restart_policy)
        (V(on-failure) by default; V(no), V(on-success), V(on-abnormal), V(on-watchdog), V(on-abort), V(always)),
        C(restart_sec), C(start_timeout), C(stop_timeout) or C(time), C(after), C(wants), C(requires) (names of units),
        C(container_prefix) (V(container) by default), C(separator) (V(-) by default) and C(no_header). C(names) can
        only be true, and C(pod_prefix) has a meaning for pods only.
      - Not for entries of M(daemonless.oci.containers).
    type: dict
    default: {}
  cmd_args:
    description: Further arguments of the podman command. Has no effect, as none is run; a warning says so.
    type: list
    elements: str
  debug:
    description: Has no effect; a warning says so. Raise the verbosity of Ansible instead.
    type: bool
    default: false
  detach_keys:
    description: Keys to leave an attached container. Has no effect, as nobody types; a warning says so.
    type: str
  link_local_ip:
    description: Has no effect, as with podman 5; a warning says so.
    type: str
  log_level:
    description: How much podman logs. Has no effect, as no podman runs; a warning says so.
    type: str
    choices: [debug, info, warn, error, fatal, panic]
  preserve_fd:
    description: Open files to hand on. Has no effect, as a task has none; a warning says so.
    type: list
    elements: str
  preserve_fds:
    description: Number of open files to hand on. Has no effect, as a task has none; a warning says so.
    type: str
  sig_proxy:
    description: Whether podman passes its signals on. Has no effect, as no podman runs; a warning says so.
    type: bool
  decryption_key:
    description: Key for encrypted images. An error, as images are not decrypted here.
    type: str
  gpus:
    description:
      - GPUs of the host, V(all) or names with commas between them. These are O(device) V(nvidia.com/gpu=NAME), which a
        CDI file of this host describes.
    type: str
  hooks_dir:
    description:
      - Directories with OCI hooks, as oci-hooks(5) has them, for this container, in the place of C(hooks_dir) in
        C(containers.conf), which is C(/usr/share/containers/oci/hooks.d) by default.
      - They are read at each start. Those of a later directory win over those of the same name in an earlier one.
    type: list
    elements: str
  arch:
    description: Architecture of the image, when it is not the host's.
    type: str
  authfile:
    description: File with registry credentials, in the format of C(podman login).
    type: path
  cert_dir:
    description: Directory with certificates for the registry.
    type: path
  creds:
    description: Credentials for the registry as C(USER:PASSWORD).
    type: str
  os:
    description: Operating system of the image, when it is not the host's.
    type: str
  platform:
    description: Platform of the image as C(OS/ARCH) or C(OS/ARCH/VARIANT).
    type: str
  retry:
    description: How often to try again when the registry does not answer.
    type: int
  retry_delay:
    description: How long to wait between two tries, for example V(2s).
    type: str
  tls_verify:
    description: Whether the registry must show a valid certificate.
    type: bool
  variant:
    description: Variant of the architecture of the image.
    type: str
  annotation:
    description: Annotations of the container.
    type: dict
  command:
    description:
      - Command to run instead of the image's. A list is taken as it is.
      - A string is split into words as a shell would, so that quotes keep words together.
    type: raw
  entrypoint:
    description: Program that gets the command as arguments, instead of the image's. A JSON list gives several words.
    type: str
  env:
    description: Environment variables. They come on top of the image's.
    type: dict
  env_merge:
    description:
      - Variables whose values use those of the image, written V(${NAME}), V(${NAME:-default}) or V(${NAME:+text}).
    type: dict
  env_file:
    description: Files on the managed host with C(NAME=VALUE) lines. Variables in O(env) win.
    type: list
    elements: path
    aliases: [env_files]
  group_add:
    description: Further groups of the first process.
    type: list
    elements: str
    aliases: [groups]
  hostname:
    description: Host name inside the container. Its short id by default.
    type: str
  init:
    description: Run C(catatonit) as the first process, which reaps and forwards signals.
    type: bool
  interactive:
    description: Keep standard input open.
    type: bool
  label:
    description: Labels of the container. They come on top of the image's.
    type: dict
    aliases: [labels]
  log_driver:
    description: Where the output goes. V(json-file) is another name for V(k8s-file).
    type: str
    choices: [k8s-file, journald, json-file, passthrough, none]
  log_opt:
    description: Options of the log with the keys V(path), V(max_size) and V(tag).
    type: dict
    aliases: [log_options]
  restart_policy:
    description:
      - V(no), V(always), V(unless-stopped), V(on-failure) or V(on-failure:N).
      - A container that ends again and again is restarted with growing delays.
    type: str
  stop_signal:
    description: Number of the signal that asks the container to end.
    type: int
  stop_timeout:
    description: Seconds to wait for the container to end before it is killed.
    type: int
  tty:
    description: Give the first process a terminal.
    type: bool
  user:
    description: User and group of the first process, as names or ids, V(USER) or V(USER:GROUP).
    type: str
  workdir:
    description: Directory in the container where the command starts.
    type: str
    aliases: [working_dir]
  mount:
    description: File systems in the long form, for example V(type=bind,src=/srv,dst=/srv,ro).
    type: list
    elements: str
    aliases: [mounts]
  read_only:
    description: Mount the root file system read-only.
    type: bool
  read_only_tmpfs:
    description: With O(read_only), whether C(/run), C(/tmp) and C(/var/tmp) are writable all the same, as by default.
    type: bool
  shm_size:
    description: Size of C(/dev/shm), for example V(64m).
    type: str
  tmpfs:
    description: File systems in memory, as a mapping of directories to mount options.
    type: dict
  volume:
    description:
      - Directories of the host and named volumes to mount, as C(SOURCE:DESTINATION[:OPTIONS]).
      - A source without a slash names a volume, which is made when it does not exist.
    type: list
    elements: str
    aliases: [volumes]
  dns:
    description: Name servers.
    type: list
    elements: str
    aliases: [dns_servers]
  dns_option:
    description: Options of the resolver, for example V(ndots:2).
    type: str
    aliases: [dns_opts]
  dns_search:
    description: Domains to look names up in.
    type: list
    elements: str
    aliases: [dns_search_domains]
  etc_hosts:
    description: Further lines of C(/etc/hosts), as a mapping of names to addresses. V(host-gateway) is the host.
    type: dict
    aliases: [add_hosts]
  ip:
    description: Fixed IPv4 address in the one network that the container is in.
    type: str
  ip6:
    description: Fixed IPv6 address in the one network that the container is in.
    type: str
  mac_address:
    description: Fixed hardware address in the one network that the container is in.
    type: str
  network:
    description:
      - Networks to join by name, with C(NAME:ip=10.89.0.5,alias=db) where there is more to say.
      - V(host), V(none), V(private), V(pasta), V(slirp4netns) and C(container:NAME) are the other ways.
      - A container that stays on named networks is attached to others, and detached, without a restart.
    type: list
    elements: str
    aliases: [net, network_mode]
  network_aliases:
    description: Further names of the container for the others in its networks.
    type: list
    elements: str
    aliases: [network_alias]
  no_hosts:
    description: Leave C(/etc/hosts) as the image has it.
    type: bool
  publish:
    description: Ports to publish on the host, as C([ADDRESS:][HOSTPORT:]PORT[/PROTOCOL]), or ranges of them.
    type: list
    elements: str
    aliases: [ports, published, published_ports]
  cap_add:
    description: Capabilities to add. V(all) is all of them.
    type: list
    elements: str
    aliases: [capabilities]
  cap_drop:
    description: Capabilities to take away. V(all) is all of them.
    type: list
    elements: str
  cpu_shares:
    description: Weight of the container when processors are short.
    type: int
  cpus:
    description: How many processors it may use, for example V(1.5).
    type: str
  cpuset_cpus:
    description: The processors that it may use, for example V(0-3,6).
    type: str
  cpuset_mems:
    description: The memory nodes that it may use.
    type: str
  device:
    description:
      - Devices of the host, as C(PATH[:PATH][:rwm]), or by their names of the Container Device Interface, as in
        V(vendor.com/class=name).
      - The files that describe the latter are read at each start, from C(/etc/cdi) and C(/var/run/cdi), JSON and plain
        YAML. Their device nodes, mounts, variables, groups and hooks are given to the container as podman gives them.
    type: list
    elements: str
  memory:
    description: Limit of memory, for example V(512m).
    type: str
  memory_reservation:
    description: Memory that it may keep when the host runs short.
    type: str
  memory_swap:
    description: Limit of memory and swap together. V(-1) is no limit.
    type: str
  pids_limit:
    description: Limit of processes. V(-1) is no limit.
    type: str
  privileged:
    description: Take the walls away. All capabilities, all devices, no masked paths.
    type: bool
  secrets:
    description:
      - Secrets of M(daemonless.oci.secret), as V(NAME), or as
        C(NAME,type=mount,target=PATH,uid=0,gid=0,mode=0444) for a file, which is below C(/run/secrets) unless its
        target is absolute, or as C(NAME,type=env,target=VARIABLE).
    type: list
    elements: str
  security_opt:
    description:
      - V(no-new-privileges), V(seccomp=unconfined), C(seccomp=FILE), C(mask=PATH), C(unmask=PATH) or V(unmask=ALL),
        C(label=OPTION), C(apparmor=PROFILE).
    type: list
    elements: str
  sysctl:
    description: Kernel parameters of the container's namespaces.
    type: dict
  ulimit:
    description: Resource limits, as C(NAME=SOFT[:HARD]). One above what the host allows is lowered with a warning.
    type: list
    elements: str
    aliases: [ulimits]
  delete_depend:
    description: Together with O(state=absent), also remove the containers that need this one.
    type: bool
  cidfile:
    description: File on the host that gets the id of the container.
    type: path
  conmon_pidfile:
    description: File on the host that gets the process id of the container's monitor.
    type: path
  pid_file:
    description: File on the host that gets the process id of the container.
    type: path
  init_ctr:
    description:
      - Makes it an init container of its O(pod), which runs to its end before the others each time the pod starts
        (V(always)), or only the first time (V(once)), after which it is removed.
      - It is made, and not started by itself. O(pod) is needed.
    type: str
    choices: [once, always]
  pod:
    description:
      - Pod that the container is in, by name or id. It shares the namespaces that the pod shares.
      - V(new:NAME) makes the pod too, with the network options, ports and host name of this task, where it does not
        exist.
    type: str
  requires:
    description: Containers that have to run before this one; they are started first.
    type: list
    elements: str
  rootfs:
    description: Take O(image) as the path of a root file system on the host.
    type: bool
  env_host:
    description: Pass the environment of the task on into the container.
    type: bool
  group_entry:
    description: Line for C(/etc/group) of the container, with C($GROUPNAME), C($GID) and C($USERLIST) filled in.
    type: str
  hostuser:
    description: User of the host who gets an entry in C(/etc/passwd) of the container.
    type: str
  http_proxy:
    description:
      - Whether the proxy variables of the task's environment go into the container. V(true) unless containers.conf
        says otherwise.
    type: bool
  init_path:
    description: The program for O(init) on the host, instead of the installed one.
    type: str
  label_file:
    description: File on the host with lines C(KEY=VALUE). O(label) wins over it.
    type: str
  passwd:
    description: Whether the user of the container gets an entry in its C(/etc/passwd).
    type: bool
  passwd_entry:
    description: That entry, with C($USERNAME), C($UID), C($GID), C($NAME) and C($HOME) filled in.
    type: str
  sdnotify:
    description: >-
      Who tells systemd that the container is ready: V(container), V(conmon), V(healthy) or V(ignore).
    type: str
  systemd:
    description: >-
      Whether the program is a systemd and wants its mounts: V(true) to see by the command, V(false), or V(always).
    type: str
  timeout:
    description: Seconds after which the container is killed. 0 is never.
    type: int
  timezone:
    description: Time zone in the container, such as V(Europe/Paris), or V(local) for the host's.
    type: str
  umask:
    description: The umask of the program, in octal digits.
    type: str
  unsetenv:
    description: Variables of the image or of the defaults that are left out.
    type: list
    elements: str
  unsetenv_all:
    description: Leave all variables of the image and of the defaults out.
    type: bool
  chrootdirs:
    description:
      - Directories in the container, separated by commas, in which the files for names and hosts are shown too.
    type: str
  image_volume:
    description: What the volumes that the image declares become. V(bind) and V(anonymous) are anonymous volumes.
    type: str
    choices: [bind, tmpfs, ignore, anonymous]
  shm_size_systemd:
    description: Size of the tmpfs file systems that O(systemd) mounts, for example V(64m).
    type: str
  volumes_from:
    description: Containers whose volumes are mounted too, each as C(NAME), C(NAME:ro) or C(NAME:z).
    type: list
    elements: str
  expose:
    description: Ports that the container listens on, for O(publish_all) and for those who look.
    type: list
    elements: str
    aliases: [exposed, exposed_ports]
  hosts_file:
    description:
      - File on the host that C(/etc/hosts) starts from, V(image) for the image's, or V(none) for an empty one.
    type: str
  no_hostname:
    description: Do not write C(/etc/hostname) in the container.
    type: bool
  publish_all:
    description: Publish every exposed port on a free port of the host.
    type: bool
  blkio_weight:
    description: Weight in block input and output, from 10 to 1000.
    type: int
  blkio_weight_device:
    description: Weights for single block devices, by path.
    type: dict
  cgroup_conf:
    description: Settings of the cgroup (version 2), by file name.
    type: dict
  cgroup_parent:
    description: The cgroup below which the container's is made.
    type: path
  cgroupns:
    description: >-
      Cgroup namespace: V(private), V(host), V(container:NAME) or V(ns:PATH).
    type: str
  cgroups:
    description: >-
      Whether the container gets a cgroup: V(enabled), V(disabled), V(no-conmon) or V(split).
    type: str
  cpu_period:
    description: Microseconds of one scheduling period.
    type: int
  cpu_quota:
    description: Microseconds of processor time in one period. -1 is without limit.
    type: int
  cpu_rt_period:
    description: Microseconds of one real-time period. Needs cgroups of version 1.
    type: int
  cpu_rt_runtime:
    description: Microseconds of real-time in one period. Needs cgroups of version 1.
    type: int
  device_cgroup_rule:
    description: Rule for devices, such as V(c 1:3 rwm).
    type: str
  device_read_bps:
    description: Limits for reading from devices, each as C(PATH:SIZE).
    type: list
    elements: str
  device_read_iops:
    description: Limits for reading from devices, each as C(PATH:COUNT) of operations in a second.
    type: list
    elements: str
  device_write_bps:
    description: Limits for writing to devices, each as C(PATH:SIZE).
    type: list
    elements: str
  device_write_iops:
    description: Limits for writing to devices, each as C(PATH:COUNT) of operations in a second.
    type: list
    elements: str
  gidmap:
    description: Ranges of group ids of the user namespace, each as C(INSIDE:OUTSIDE:COUNT).
    type: list
    elements: str
  ipc:
    description: >-
      IPC namespace: V(private), V(shareable), V(none), V(host), V(container:NAME) or V(ns:PATH).
    type: str
    aliases: [ipc_mode]
  kernel_memory:
    description: Limit on the kernel's memory. Needs cgroups of version 1.
    type: str
  memory_swappiness:
    description: How readily memory is swapped, from 0 to 100; -1 leaves the default. Needs cgroups of version 1.
    type: int
  oom_kill_disable:
    description: Do not kill the container when its memory is at its limit. Needs cgroups of version 1.
    type: bool
  oom_score_adj:
    description: How likely the container is killed when the host runs out of memory, from -1000 to 1000.
    type: int
  personality:
    description: >-
      Execution domain: V(linux) or V(linux32).
    type: str
  pid:
    description: >-
      PID namespace: V(private), V(host), V(container:NAME) or V(ns:PATH).
    type: str
    aliases: [pid_mode]
  rdt_class:
    description: Class of Intel's resource director technology.
    type: str
  seccomp_policy:
    description: With V(image) the seccomp profile in the image's label C(io.containers.seccomp.profile) is taken.
    type: str
  subgidname:
    description:
      - Name in C(/etc/subgid) whose ids the groups in the container get; that of O(subuidname) by default. For root's
        containers.
    type: str
  subuidname:
    description:
      - Name in C(/etc/subuid) whose ids the users in the container get; that of O(subgidname) by default. For root's
        containers.
    type: str
  uidmap:
    description: Ranges of user ids of the user namespace, each as C(INSIDE:OUTSIDE:COUNT).
    type: list
    elements: str
  userns:
    description:
      - V(host), V(keep-id), V(nomap), V(auto), V(private), V(container:NAME) or V(ns:PATH), with podman's options.
      - V(auto) takes ids that no other container has. Root's come from the user C(containers) in C(/etc/subuid) and
        C(/etc/subgid), a plain user's are the user's own sub-ids.
      - For a plain user's container with other ids than the user's, the image's files are copied once for each map.
    type: str
    aliases: [userns_mode]
  uts:
    description: >-
      UTS namespace: V(private), V(host), V(container:NAME) or V(ns:PATH).
    type: str
  healthcheck:
    description:
      - Command that tells by its exit code whether the container is healthy. It runs inside, by a shell; a JSON list is
        run without one.
      - V(none) switches off the check that the image has.
      - Checks run as long as the container does, by timers of systemd where that runs and by a small process beside the
        container where not. A changed check takes effect without a restart.
    type: str
    aliases: [health_cmd]
  healthcheck_interval:
    description: Time between two checks, V(30s) by default. With V(disable) none runs by itself.
    type: str
    aliases: [health_interval]
  healthcheck_timeout:
    description: Time after which a check is killed and counts as failed, V(30s) by default.
    type: str
    aliases: [health_timeout]
  healthcheck_retries:
    description: Failed checks in a row that make the container unhealthy, V(3) by default.
    type: int
    aliases: [health_retries]
  healthcheck_start_period:
    description: Time after the start in which failed checks do not count.
    type: str
    aliases: [health_start_period]
  healthcheck_failure_action:
    description: What happens to a container that has become unhealthy.
    type: str
    choices: [none, kill, restart, stop]
    aliases: [health_on_failure]
  no_healthcheck:
    description: The same as O(healthcheck=none).
    type: bool
  health_startup_cmd:
    description: Command that is checked first, until it has succeeded; only then O(healthcheck) begins.
    type: str
  health_startup_interval:
    description: Time between two checks of O(health_startup_cmd), V(30s) by default.
    type: str
  health_startup_timeout:
    description: Time after which a check of O(health_startup_cmd) is killed and counts as failed, V(30s) by default.
    type: str
  health_startup_retries:
    description: Failed checks of O(health_startup_cmd) after which the container is restarted. V(0) is never.
    type: int
  health_startup_success:
    description: How often O(health_startup_cmd) has to succeed, once by default.
    type: int
  health_log_destination:
    description:
      - Where results are kept, V(local) for a file beside the container's run directory, V(events_logger) for the
        events as well, or a directory.
    type: str
  health_max_log_count:
    description: How many results are kept, V(5) by default. V(0) keeps all.
    type: int
  health_max_log_size:
    description: How many characters of a check's output are kept, V(500) by default. V(0) keeps all.
    type: int
notes:
  - The first task leaves the runtime on the host, in C(/usr/local/lib/daemonless) or, for a plain user, in
    C(~/.local/lib/daemonless), with the command C(daemonless) to look at containers. Containers need it when they end.
    This does not count as a change, and does not happen in check mode.
seealso:
  - module: daemonless.oci.container_info
  - module: daemonless.oci.image
  - module: daemonless.oci.network
"""

EXAMPLES = r"""
- name: Run a web server
  daemonless.oci.container:
    name: web
    image: localhost/example:latest
    command: httpd -f -p 80 -h /www
    publish:
      - "127.0.0.1:18080:80"
    volume:
      - site:/www
    env:
      STAGE: production
    memory: 64m
    restart_policy: on-failure

- name: Change its environment, which makes it anew and keeps the volume
  daemonless.oci.container:
    name: web
    image: localhost/example:latest
    command: httpd -f -p 80 -h /www
    publish:
      - "127.0.0.1:18080:80"
    volume:
      - site:/www
    env:
      STAGE: test
    memory: 64m
    restart_policy: on-failure

- name: Run one program to its end and look at what it says
  daemonless.oci.container:
    name: once
    image: localhost/example:latest
    command: ["sh", "-c", "echo hello from $(hostname)"]
    hostname: example
    detach: false
    rm: true
  register: once

- name: Have podman's generator make a service of it
  daemonless.oci.container:
    name: web
    image: localhost/example:latest
    command: httpd -f -p 80 -h /www
    publish:
      - "127.0.0.1:18080:80"
    restart_policy: always
    state: quadlet
    quadlet_dir: /tmp/quadlets
    quadlet_options:
      - AutoUpdate=registry
      - |
        [Install]
        WantedBy=default.target

- name: Stop it
  daemonless.oci.container:
    name: web
    state: stopped

- name: Remove it
  daemonless.oci.container:
    name: web
    state: absent
"""

RETURN = r"""
podman_systemd:
  description: The text of the unit by its name, without C(.service).
  returned: when O(generate_systemd) is not empty
  type: dict
podman_quadlet:
  description: The text of the unit file.
  returned: when O(state=quadlet)
  type: str
container:
  description: The container as C(podman inspect) would show it, empty when it is absent.
  returned: always
  type: dict
  sample:
    Name: web
    State:
      Status: running
actions:
  description: What was done, or would be done in check mode, one line each.
  returned: always
  type: list
  elements: str
  sample: ["created web", "started web"]
podman_actions:
  description: The podman commands that do the same. None of them is run.
  returned: always
  type: list
  elements: str
rc:
  description: Exit code of the container.
  returned: when O(detach=false) and the container ran
  type: int
stdout:
  description: What it wrote to standard output.
  returned: when O(detach=false) and the container ran
  type: str
stderr:
  description: What it wrote to standard error.
  returned: when O(detach=false) and the container ran
  type: str
error:
  description: Kind of the error, for example V(NotFound), V(Conflict), V(HostLacks) or V(BadInput).
  returned: failure
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("container")


if __name__ == "__main__":
    main()
