#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod
short_description: Manage pods of containers without a daemon and without podman
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Makes, changes, starts, stops and removes pods, groups of containers that share namespaces, ports and limits.
  - Options have the names, types and defaults of M(containers.podman.podman_pod). Pods are kept where podman keeps
    them, so both see the same ones, and each goes on with what the other has made.
  - Containers join a pod by O(daemonless.oci.container#module:pod), or are named in O(containers) here.
  - Labels, policies and limits change while the pod runs. For any other change the containers are stopped, get a new
    infra container, and are started again; they keep their ids and their files. If that fails, the pod is as it was.
  - Options that a later task no longer mentions are taken back. What a task never mentioned is not compared.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.quadlet
options:
  name:
    description: Name of the pod.
    type: str
    required: true
  state:
    description:
      - V(created) makes the pod and starts nothing. V(started) also starts all of it, init containers first.
      - In a pod that is up, a container that has run to a good end by itself is not started again.
      - V(restarted) stops and starts it, each time. V(paused) and V(unpaused) freeze and thaw it.
      - V(stopped) stops it, V(killed) without giving it time. Both leave all options as they are.
      - V(absent) removes the pod with its containers and their anonymous volumes.
      - V(quadlet) writes the options into a C(.pod) unit file for podman's generator, and does nothing else. Its
        containers are written by M(daemonless.oci.container), with C(pod) the name of that file.
    type: str
    choices: [created, killed, restarted, absent, started, stopped, paused, unpaused, quadlet]
    default: created
  recreate:
    description: Give the pod a new infra container, each time. Its containers are kept.
    type: bool
    default: false
  containers:
    description:
      - Containers of the pod, each with the options of M(daemonless.oci.container).
      - They are made in the order of their references, and started with the pod. A container of the pod that is not
        listed is left alone.
    type: list
    elements: dict
  parallel:
    description: How many of O(containers) are worked on at once.
    type: int
    default: 4
  debug:
    description: Accepted for the sake of existing playbooks; it has no effect.
    type: bool
    default: false
  exit_policy:
    description: Whether the infra container is stopped too when the last container has ended (V(stop)).
    type: str
    choices: [continue, stop]
  add_host:
    description: Entries for C(/etc/hosts) of all containers of the pod, each C(NAME:ADDRESS).
    type: list
    elements: str
  blkio_weight:
    description: Share of block I/O of the whole pod, 10 to 1000.
    type: str
  blkio_weight_device:
    description: Share of block I/O on single devices, each C(DEVICE:WEIGHT).
    type: list
    elements: str
  cgroup_parent:
    description: Control group above the pod's own; a slice where systemd manages the groups.
    type: str
  cpu_shares:
    description: Relative weight of the whole pod when processors are scarce.
    type: str
  cpus:
    description: Number of processors for the whole pod.
    type: str
  cpuset_cpus:
    description: Processors that the pod may use, as in V(0-2,4).
    type: str
  cpuset_mems:
    description: Memory nodes that the pod may use.
    type: str
  device:
    description: Devices of the host for the infra container, each C(HOST[:CONTAINER[:PERMISSIONS]]).
    type: list
    elements: str
  device_read_bps:
    description: Bytes a second that the pod may read from a device, each C(DEVICE:RATE).
    type: list
    elements: str
  device_write_bps:
    description: Bytes a second that the pod may write to a device, each C(DEVICE:RATE).
    type: list
    elements: str
  dns:
    description: Name servers of all containers of the pod.
    type: list
    elements: str
  dns_opt:
    description: Options of the resolver.
    type: list
    elements: str
    aliases: [dns_option]
  dns_search:
    description: Domains to search names in.
    type: list
    elements: str
  gidmap:
    description: Group ids of the pod's user namespace, each C(INSIDE:OUTSIDE:SIZE).
    type: list
    elements: str
  gpus:
    description: GPUs for the infra container of the pod; members name their own.
    type: str
  hostname:
    description: Host name of the pod. Its own name is used when this is not given.
    type: str
  hosts_file:
    description: File that C(/etc/hosts) is made from, or V(none), or V(image).
    type: str
  infra:
    description:
      - Whether there is an infra container, which holds the namespaces that the containers share. It needs no
        image.
    type: bool
  infra_command:
    description: Command of the infra container, in place of the one that only waits.
    type: str
  infra_conmon_pidfile:
    description: File on the host that gets the process id of the infra container's monitor.
    type: str
  infra_image:
    description: Image for the infra container, in place of none.
    type: str
  infra_name:
    description: Name of the infra container.
    type: str
  ip:
    description: IPv4 address of the pod in its network.
    type: str
  ip6:
    description: IPv6 address of the pod in its network.
    type: str
  label:
    description: Labels of the pod, and no others.
    type: dict
  label_file:
    description: File on the host with more labels, one C(KEY=VALUE) on each line.
    type: str
  mac_address:
    description: MAC address of the pod in its network.
    type: str
  memory:
    description: Memory of the whole pod, as in V(512m).
    type: str
  memory_swap:
    description: Memory and swap together.
    type: str
  network:
    description:
      - Networks of the pod, or one of V(host), V(none), V(bridge), V(private), C(pasta), C(slirp4netns).
    type: list
    elements: str
  network_alias:
    description: Further names of the pod in its networks.
    type: list
    elements: str
    aliases: [network_aliases]
  no_hostname:
    description: Leave C(/etc/hostname) as the image has it.
    type: bool
  no_hosts:
    description: Leave C(/etc/hosts) as the image has it.
    type: bool
  pid:
    description: PID namespace of the infra container.
    type: str
  pod_id_file:
    description: File on the host that gets the id of the pod when it is made.
    type: str
  publish:
    description: Ports of the pod, each C([[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]).
    type: list
    elements: str
    aliases: [ports]
  restart_policy:
    description:
      - Policy of the infra container, and of those containers of the pod that are made without one of their own.
    type: str
  security_opt:
    description: Security options of the infra container.
    type: list
    elements: str
  share:
    description:
      - Namespaces that the containers share, as in V(ipc,net,uts), which is the default. V(+pid) adds to the
        default. V(none) shares nothing, and then there is no infra container.
    type: str
  share_parent:
    description: Whether the containers are in the control group of the pod, which O(memory) and the like need.
    type: bool
  shm_size:
    description: Size of the shared memory.
    type: str
  shm_size_systemd:
    description: Size of the tmpfs mounts that systemd in a container gets.
    type: str
  subgidname:
    description: Name whose range in C(/etc/subgid) becomes the group ids of the pod.
    type: str
  subuidname:
    description: Name whose range in C(/etc/subuid) becomes the user ids of the pod.
    type: str
  sysctl:
    description: Kernel parameters of the pod's namespaces.
    type: dict
  uidmap:
    description: User ids of the pod's user namespace, each C(INSIDE:OUTSIDE:SIZE).
    type: list
    elements: str
  userns:
    description: User namespace of the pod.
    type: str
  uts:
    description: UTS namespace of the infra container.
    type: str
  volume:
    description: Volumes and directories mounted into the infra container.
    type: list
    elements: str
    aliases: [volumes]
  volumes_from:
    description: Containers whose volumes the infra container gets, each C(CONTAINER[:OPTIONS]).
    type: list
    elements: str
seealso:
  - module: daemonless.oci.pod_info
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: A pod that publishes a port
  daemonless.oci.pod:
    name: shop
    publish: ["18080:80"]
    label:
      app: shop

- name: A container in it
  daemonless.oci.container:
    name: shop-web
    pod: shop
    image: docker.io/library/nginx:1.27
    command: [sleep, "1000"]
    stop_timeout: 0

- name: A pod with its containers, all of it running
  daemonless.oci.pod:
    name: backend
    state: started
    exit_policy: stop
    containers:
      - name: backend-prepare
        image: docker.io/library/alpine:latest
        command: ["true"]
        init_ctr: once
      - name: backend-app
        image: docker.io/library/alpine:latest
        command: [sleep, "1000"]
        stop_timeout: 0

- name: Other labels, while it runs
  daemonless.oci.pod:
    name: backend
    state: started
    exit_policy: stop
    label:
      tier: back

- name: Away with both
  daemonless.oci.pod:
    name: "{{ item }}"
    state: absent
  loop: [shop, backend]
"""

RETURN = r"""
podman_quadlet:
  description: The text of the unit file.
  returned: when O(state=quadlet)
  type: str
pod:
  description: The pod as C(podman pod inspect) shows it. Empty when it does not exist.
  returned: always
  type: dict
  sample:
    Name: shop
    State: Running
containers:
  description: What became of each container of O(containers), as M(daemonless.oci.containers) tells it.
  returned: when containers are listed
  type: list
  elements: dict
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["created shop", "started shop"]
podman_actions:
  description: The podman commands that would do the same. None of them is run.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("pod")


if __name__ == "__main__":
    main()
