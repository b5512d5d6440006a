#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_transfer
short_description: Move what is in a volume from another host
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Brings what is in a named volume of another managed host into the volume of the same name on the host of the task,
    over the connections that Ansible has anyway. Neither host reaches the other.
  - Only files that differ are sent, compressed, with owners, modes, times, hard links, and the extended
    attributes that programs set. Holes become zeros. Files whose size, time and looks are the same on both hosts are
    taken for equal.
  - A volume that is missing is made, with the driver, options and labels that it has on the other host.
  - The volume may be in use on the other host. To move it for good, transfer it once while it is in use, stop what
    writes to it, and transfer it again with O(changed_since); the second time takes as long as there are changes.
extends_documentation_fragment:
  - daemonless.oci.attributes
options:
  name:
    description: Name of the volume.
    type: str
    required: true
    aliases: [volume]
  from_host:
    description:
      - The name in the inventory of the host that has the content.
      - The host is reached with its own connection variables, and with the privileges of the task unless
        O(source_become) says otherwise.
    type: str
    required: true
  source_become:
    description:
      - Whether to become another user on O(from_host). By default as the host's C(ansible_become), else as the task.
    type: bool
  source_become_user:
    description: The user to become on O(from_host), whose volume it is.
    type: str
  delete:
    description: Whether what the volume has on this host, and not on the other one, is removed.
    type: bool
    default: false
  changed_since:
    description:
      - Files that were written on O(from_host) since then are sent even if size and time do not tell. The kernel
        dates them, in nanoseconds since 1970.
      - Say what RV(taken) of the transfer before was.
    type: int
  stage:
    description: What the action plugin wants of one of the hosts. Not for playbooks.
    type: dict
seealso:
  - module: daemonless.oci.volume
  - module: daemonless.oci.volume_export
  - module: daemonless.oci.image_transfer
notes:
  - What is sent passes through the temporary directories of Ansible on the controller and on both hosts
    (C(local_tmp), C(remote_tmp)), which need room for it.
  - Sockets are not sent, and neither are POSIX access control lists.
"""

EXAMPLES = r"""
- name: Bring the data while the database goes on
  daemonless.oci.volume_transfer:
    name: db-data
    from_host: old
    delete: true
  register: ahead

- name: Stop the database
  daemonless.oci.container:
    name: db
    state: stopped
  delegate_to: old

- name: Bring what was written meanwhile
  daemonless.oci.volume_transfer:
    name: db-data
    from_host: old
    delete: true
    changed_since: "{{ ahead.taken }}"
"""

RETURN = r"""
volume:
  description: The volume on this host as C(podman volume inspect) shows it. Empty in check mode while it is not there.
  returned: always
  type: dict
  sample:
    Name: db-data
    Driver: local
files:
  description: How many files and directories were sent, or would be.
  returned: always
  type: int
  sample: 3
removed:
  description: How many were removed, or would be. What is in a directory that goes is not counted.
  returned: always
  type: int
  sample: 0
size:
  description: Bytes in the files that were sent, or would be.
  returned: always
  type: int
  sample: 1048576
bytes_sent:
  description: How many bytes were really sent to the host, compressed. 0 in check mode.
  returned: always
  type: int
  sample: 20480
taken:
  description: The moment for O(changed_since) of a transfer that follows. 0 in check mode, and when O(changed_since)
    was given.
  returned: always
  type: int
  sample: 1796000000000000000
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Send 3 files and directories (1048576 bytes)"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Send 3 files and directories (1048576 bytes)"]
"""

from ..module_utils.bootstrap import run


def main():
    run("volume_transfer")


if __name__ == "__main__":
    main()
