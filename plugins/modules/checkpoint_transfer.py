#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_transfer
short_description: Have a running container or pod of another host go on here
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Freezes a container of another managed host, brings its memory, files and named volumes to the host of the task,
    and has it go on there, over the connections that Ansible has anyway. Neither host reaches the other.
  - Both hosts are looked at first. Only when nothing is known to stand in the way is it frozen, and then everything
    that is left to do is done without a further task. Whatever fails, it goes on where it was, and what was brought to
    the host of the task is removed again.
  - The container stays on the other host, stopped, with its checkpoint, until M(daemonless.oci.container) removes it
    there. O(daemonless.oci.checkpoint#module:state=restored) has it go on there instead.
  - With O(pod) and without O(name), a pod moves as a whole. The same pod is made on the host of the task first, with
    its id, options, labels, infra container, networks, addresses and ports, while all of it still runs. Then its
    containers are frozen, all or none, and go on together. Those that neither run nor are frozen come as they are, with
    their files and how they ended.
  - The role P(daemonless.oci.live_migrate#role) does the whole of it, with the image and what can go ahead, a probe,
    and the removal.
  - It takes root on both hosts, as M(daemonless.oci.checkpoint) does.
extends_documentation_fragment:
  - daemonless.oci.attributes
options:
  name:
    description: Name of the container. It keeps its name, its id and its addresses. O(name), O(pod) or both have to be
      said.
    type: str
    aliases: [container]
  from_host:
    description:
      - The name in the inventory of the host where it runs.
      - The host is reached with its own connection variables, and with the privileges of the task unless
        O(source_become) says otherwise.
    type: str
    required: true
  source_become:
    description:
      - Whether to become another user on O(from_host). By default as the host's C(ansible_become), else as the task.
    type: bool
  source_become_user:
    description: The user to become on O(from_host), which has to be root.
    type: str
  volumes:
    description:
      - Named volumes of the container, or of those of the pod, that went ahead by M(daemonless.oci.volume_transfer).
        All its named volumes are brought in any case. One that is on the host of the task already has to be named here.
        It is made the same as on O(from_host), and what else it holds is lost.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the volume.
        type: str
        required: true
      changed_since:
        description: What RV(daemonless.oci.volume_transfer#module:taken) of that transfer was. Files that were written
          since are sent even if size and time do not tell.
        type: int
  src_previous:
    description: Path on the host of the task of an archive of an earlier round, which went ahead
      (O(daemonless.oci.checkpoint#module:pre_checkpoint)). Only memory that was written since is brought then. For a
      pod as a whole, the path of a directory with one such archive for each container that has one, under the
      container's name.
    type: path
  pod:
    description:
      - With O(name), the pod of the host of the task that the container goes into. Needed for a container of a pod, and
        for no other, as with M(daemonless.oci.checkpoint).
      - Without O(name), the pod of O(from_host) that moves as a whole.
    type: str
  tcp_established:
    description: Whether open TCP connections are kept. Without it, a container that has some is not moved.
    type: bool
    default: false
  file_locks:
    description: Whether locks on files are kept. Without it, a container that holds some is not moved.
    type: bool
    default: false
  ext_unix_sk:
    description: Whether connections by Unix sockets to programs outside of the container are cut.
    type: bool
    default: false
  publish:
    description: The ports to publish instead of those that the container, or the pod as a whole, has.
    type: list
    elements: str
    aliases: [ports, published, published_ports]
  ignore_static_ip:
    description: Whether it may get other IP addresses.
    type: bool
    default: false
  ignore_static_mac:
    description: Whether it may get other hardware addresses.
    type: bool
    default: false
  trust:
    description: Whether it may have on the host of the task what a container does not usually get. What that is, is in
      the diff.
    type: bool
    default: false
  compression:
    description: How memory is compressed on its way.
    type: str
    choices: [zstd, gzip, none]
    default: zstd
  compression_level:
    description: How strongly. If left out, the usual level of the compression.
    type: int
  criu_path:
    description: Absolute path of the CRIU to use on both hosts, where it is not the hosts' own.
    type: path
  stage:
    description: What the action plugin wants of one of the hosts. Not for playbooks.
    type: dict
seealso:
  - module: daemonless.oci.checkpoint
  - module: daemonless.oci.checkpoint_info
  - module: daemonless.oci.image_transfer
  - module: daemonless.oci.volume_transfer
notes:
  - Memory and volumes are kept in the temporary directory of the controller (C(local_tmp)) and in that of the hosts
    (C(remote_tmp)) while they are carried, which need room for them.
"""

EXAMPLES = r"""
- name: Have the shop of the old host go on here
  daemonless.oci.checkpoint_transfer:
    name: shop
    from_host: old
  register: moved
  when: "'old' in groups['all']"

- name: Remove it there
  daemonless.oci.container:
    name: shop
    state: absent
  delegate_to: old
  when: moved is changed

- name: Have all of a pod of the old host go on here
  daemonless.oci.checkpoint_transfer:
    pod: market
    from_host: old
  register: pod_moved
  when: "'old' in groups['all']"

- name: Remove that there
  daemonless.oci.pod:
    name: market
    state: absent
  delegate_to: old
  when: pod_moved is changed
"""

RETURN = r"""
container:
  description: The container as C(podman container inspect) shows it. Empty in check mode, and for a pod as a whole.
  returned: always
  type: dict
pod:
  description: The pod as C(podman pod inspect) shows it. Empty in check mode.
  returned: for a pod as a whole
  type: dict
downtime_seconds:
  description: How long it stood still, from before it was frozen there until it ran here. Of a pod, from before the
    first container was frozen until the last one ran.
  returned: when it was moved
  type: float
  sample: 1.219
bytes_sent:
  description: How many bytes were sent while it stood still. 0 in check mode.
  returned: always
  type: int
  sample: 1913344
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Moved container shop here from old"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Moved container shop here from old"]
"""

from ..module_utils.bootstrap import run


def main():
    run("checkpoint_transfer")


if __name__ == "__main__":
    main()
