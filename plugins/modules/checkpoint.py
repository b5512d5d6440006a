#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint
short_description: Freeze containers, thaw them, and move them with their memory
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Freezes a running container into files and ends it, its processes, their memory, open files, timers and, where
    wanted, connections included; and has it go on from there, on this host or on another one.
  - The work below is done by CRIU and the OCI runtime of the container. Both have to be able to, and it takes
    root. Where they are not, the task says exactly why, in check mode as well, and C(host_info) says so before.
    With crun, the package libcriu2 (Debian) is needed beside CRIU.
  - Archives and images are podman's. Podman restores what this module exports, and this module what podman exports.
  - An archive holds the memory and the whole configuration of a container. What of the configuration opens a
    wall of the container (capabilities, directories and devices of the host, missing filters) is shown in the
    diff and refused unless O(trust) is set; hooks are never run. What the processes themselves hold, CRIU
    restores as it is in its images. Import archives from those only whom you would let run a container as root.
  - A checkpoint that fails leaves the container running. A restore that fails leaves the checkpoint as it was.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  name:
    description:
      - Name or id of the container. Needed for all states but V(imported), and where O(pod) says what is meant.
      - With V(imported), the name that the container gets. It then is another container, with an id and
        addresses of its own. If left out, it is the same container again, with its name, id and addresses.
    type: str
    aliases: [container]
  state:
    description:
      - V(checkpointed) freezes the container and keeps its memory on the host. A container that is frozen is
        left alone.
      - V(restored) has a frozen container go on. One that runs is left alone.
      - V(exported) freezes the container and writes everything of it into the archive O(dest). What was kept on
        the host is removed then, unless O(keep) is set. A container that is frozen already is exported as it is.
      - V(imported) makes a container from the archive O(src) or the image O(image) and has it go on. One that runs
        under the name is left alone.
      - V(absent) removes the checkpoint that is kept of the container O(name), and the archive O(dest). The container
        stays.
    type: str
    choices: [checkpointed, restored, exported, imported, absent]
    default: checkpointed
  pod:
    description:
      - With V(checkpointed) and V(restored), instead of O(name), all containers of this pod at once. Those that run are
        frozen, each after those that need it, and those that are frozen are restored, each after those that it needs.
        When one cannot be frozen, those that were go on. What was restored before one fails runs. The infra container
        stays as it is, and is started when a container is restored. With O(leave_running) all go on running. One after
        the other is written then, so the checkpoints are not of the same moment.
      - With V(imported), the pod that the container goes into. It has to be there, and to share the namespaces that the
        container shared with the pod that it comes out of (C(net), C(ipc), C(uts)). Needed for a container out of a
        pod, and for no other. Its infra container is started unless it runs.
      - Containers that share the C(pid) or C(cgroup) namespace of their pod, or are in one with ids of its own, cannot
        be frozen.
    type: str
  dest:
    description: Path of the archive on the host, or on the controller with O(fetch). It appears whole or not at all.
    type: path
  fetch:
    description:
      - Whether O(dest) is a path on the controller. The archive is brought there, and what is kept on the host is
        removed only when it has arrived whole.
      - It takes the way over the temporary directory of Ansible on the host (C(remote_tmp)), which needs room for it.
    type: bool
    default: false
  src:
    description: Path of an archive on the host, or on the controller with O(remote_src=false).
    type: path
  remote_src:
    description:
      - Whether O(src) and O(src_previous) are paths on the host. If not, they are files of the controller, looked for
        as by M(ansible.builtin.copy), and sent only when the container is not there.
      - They are sent into the temporary directory of Ansible on the host (C(remote_tmp)), which needs room for them.
    type: bool
    default: true
  src_previous:
    description: Path of the archive of an earlier round, on which O(src) builds (C(podman container checkpoint
      --pre-checkpoint --export)). Archives that this module makes with O(with_previous) hold both.
    type: path
  image:
    description: An image that is a checkpoint, to be restored instead of an archive.
    type: str
  create_image:
    description: With O(state=checkpointed), an image of this name is made that holds what an archive would. It can be
      pushed, pulled, and restored with O(image).
    type: str
  force:
    description: With V(false), an archive that exists is left as it is while the container runs. With V(true) a new
      checkpoint replaces it.
    type: bool
    default: true
  leave_running:
    description: Whether the container goes on after its memory was written.
    type: bool
    default: false
  keep:
    description: Whether the checkpoint that is kept on the host stays after it was restored or exported.
    type: bool
    default: false
  tcp_established:
    description: Whether open TCP connections are kept. Without it, a container that has some cannot be frozen. They
      can go on only where the container gets the same address again and the other side has waited.
    type: bool
    default: false
  file_locks:
    description: Whether locks on files are kept. Without it, a container that holds some cannot be frozen.
    type: bool
    default: false
  ext_unix_sk:
    description: Whether connections by Unix sockets to programs outside of the container are cut, instead of being a
      reason not to freeze it.
    type: bool
    default: false
  ignore_rootfs:
    description: Whether what the container changed in its root file system is left out of the archive, or of what is
      restored.
    type: bool
    default: false
  ignore_volumes:
    description: Whether the content of its named volumes is left out of the archive, or of what is restored.
      Volumes that exist are mounted as they are then.
    type: bool
    default: false
  ignore_previous:
    description: With O(with_previous), whether the earlier round is left out of the archive. It is restored with
      O(src_previous) then, as podman's are; so the earlier round can be brought elsewhere while the container runs.
    type: bool
    default: false
  ignore_static_ip:
    description: Whether a restored container may get other IP addresses than it had.
    type: bool
    default: false
  ignore_static_mac:
    description: Whether a restored container may get other hardware addresses than it had.
    type: bool
    default: false
  publish:
    description: With O(state=imported), the ports to publish instead of those that the container had.
    type: list
    elements: str
    aliases: [ports, published, published_ports]
  pre_checkpoint:
    description: Only writes the memory, and the container goes on. A checkpoint that follows with
      O(with_previous) has to write only what has changed since, so the container stands still for a shorter
      time. The kernel must be able to tell which pages were written.
    type: bool
    default: false
  with_previous:
    description: Builds on the earlier round that was made with O(pre_checkpoint).
    type: bool
    default: false
  compression:
    description: How the archive is compressed.
    type: str
    choices: [zstd, gzip, none]
    default: zstd
  compression_level:
    description: How strongly. If left out, the usual level of the compression.
    type: int
  print_stats:
    description: Whether CRIU's numbers are returned.
    type: bool
    default: false
  criu_path:
    description: Absolute path of the CRIU to use, where it is not the one of the host.
    type: path
  stage:
    description: What the action plugin wants of the host. Not for playbooks.
    type: dict
  trust:
    description: Whether an archive may ask for more than a container usually gets. What it asks for is in the diff.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.checkpoint_info
  - module: daemonless.oci.container
  - module: daemonless.oci.host_info
"""

EXAMPLES = r"""
- name: A container that counts
  daemonless.oci.container:
    name: counter
    image: quay.io/libpod/alpine:latest
    command: ["sh", "-c", "i=0; while true; do i=$((i + 1)); echo $i; sleep 1; done"]
    stop_timeout: 0

- name: Freeze it, its memory is kept on the host
  daemonless.oci.checkpoint:
    name: counter

- name: Have it go on counting
  daemonless.oci.checkpoint:
    name: counter
    state: restored

- name: Freeze it into an archive
  daemonless.oci.checkpoint:
    name: counter
    state: exported
    dest: /var/tmp/counter.tar.zst

- name: Remove it
  daemonless.oci.container:
    name: counter
    state: absent

- name: Have it go on from the archive, under another name
  daemonless.oci.checkpoint:
    name: counter-again
    state: imported
    src: /var/tmp/counter.tar.zst

- name: Fetch another one to the controller, while it goes on
  daemonless.oci.checkpoint:
    name: counter-again
    state: exported
    dest: /var/tmp/counter-at-the-controller.tar.zst
    fetch: true
    leave_running: true

- name: A pod of two that count
  daemonless.oci.pod:
    name: counters
    state: started
    containers:
      - name: first
        image: quay.io/libpod/alpine:latest
        command: ["sh", "-c", "i=0; while true; do i=$((i + 1)); echo $i; sleep 1; done"]
        stop_timeout: 0
      - name: second
        image: quay.io/libpod/alpine:latest
        command: ["sh", "-c", "i=0; while true; do i=$((i + 2)); echo $i; sleep 1; done"]
        stop_timeout: 0

- name: Freeze both
  daemonless.oci.checkpoint:
    pod: counters

- name: Have both go on
  daemonless.oci.checkpoint:
    pod: counters
    state: restored

- name: Freeze one of them into an archive
  daemonless.oci.checkpoint:
    name: second
    state: exported
    dest: /var/tmp/second.tar.zst

- name: Have it go on under another name, in that pod or in another one
  daemonless.oci.checkpoint:
    name: second-again
    pod: counters
    state: imported
    src: /var/tmp/second.tar.zst

- name: Remove the pod and what is in it
  daemonless.oci.pod:
    name: counters
    state: absent

- name: Remove the archive
  daemonless.oci.checkpoint:
    state: absent
    dest: /var/tmp/counter.tar.zst

- name: Remove the container
  daemonless.oci.container:
    name: counter-again
    state: absent
"""

RETURN = r"""
checkpoint:
  description: What is kept of the container's checkpoint on the host, and what was written.
  returned: always
  type: dict
  contains:
    exists:
      description: Whether a checkpoint is kept on the host. With O(pod) and without O(name), of any of its containers.
      returned: always
      type: bool
    path:
      description: The directory of CRIU's images.
      type: str
    time:
      description: When it was taken.
      type: str
    size:
      description: Bytes of CRIU's images.
      type: int
    kernel:
      description: The kernel that it was taken on. As C(criu), C(runtime) and C(architecture), empty for one
        that podman took.
      type: str
    dest:
      description: The archive.
      returned: when O(state=exported)
      type: str
    digest:
      description: Digest of the archive.
      returned: when it was written
      type: str
    archive_size:
      description: Bytes of the archive.
      returned: when it was written
      type: int
  sample:
    exists: true
    name: counter
    path: /var/lib/containers/storage/overlay-containers/5b1c/userdata/checkpoint
container:
  description: The container as C(podman container inspect) shows it. Empty when there is none.
  returned: always
  type: dict
checkpoints:
  description: What is kept for each container of the pod, without the infra container, as RV(checkpoint) has it for
    one.
  returned: with O(pod), when O(state=checkpointed) or O(state=restored)
  type: list
  elements: dict
containers:
  description: The containers of the pod, without the infra container, as C(podman container inspect) shows them.
  returned: with O(pod), when O(state=checkpointed) or O(state=restored)
  type: list
  elements: dict
bytes_sent:
  description: How many bytes were sent to the host. 0 in check mode.
  returned: when O(remote_src=false)
  type: int
  sample: 1913344
statistics:
  description: CRIU's numbers, times in microseconds. For a pod, those of each container by its name.
  returned: when O(print_stats=true)
  type: dict
  sample:
    frozen_time: 96579
    pages_written: 35
stdout:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
stderr:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Checkpointed container counter"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Checkpointed container counter"]
"""

from ..module_utils.bootstrap import run


def main():
    run("checkpoint")


if __name__ == "__main__":
    main()
