#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_transfer
short_description: Move a container image to a host without a registry
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Brings an image from the controller (an archive or an OCI layout there), or from the store of another managed
    host, to the host of the task, over the
    connections that Ansible has anyway. Neither host reaches the other, and no registry is needed.
  - Only layers that the host does not have are sent, however it got them, and compressed. An interrupted transfer
    goes on where it stopped when the task runs again.
  - The image keeps its id and the digest of its manifest. Everything that arrives is held against digests before it
    is stored, and C(policy.json) of the
    receiving host decides whether the image may come in, under the transport of the file, or C(containers-storage)
    for an image of another host.
  - Nothing is sent when the image is there under its name.
extends_documentation_fragment:
  - daemonless.oci.attributes
options:
  name:
    description:
      - The name that the image gets on the host. Another image that has it loses it.
      - By default its name on O(from_host), or all names that the file of O(path) gives it.
    type: str
  path:
    description:
      - A file or directory on the controller. A relative path is looked for as by M(ansible.builtin.copy), in
        C(files) first.
      - What it is shows by itself; it can also be said in the words of C(containers-transports(5)),
        C(docker-archive:PATH[:NAME]),
        C(oci-archive:PATH[:NAME]), C(oci:DIRECTORY[:NAME]) or C(dir:DIRECTORY).
    type: str
  from_host:
    description:
      - The name in the inventory of the host whose store has the image. It may be the host of the task itself, to
        move an image from one user to another.
      - The host is reached with its own connection variables, and with the privileges of the task unless
        O(source_become) says otherwise.
    type: str
  source_name:
    description: Name or id of the image on O(from_host), O(name) by default.
    type: str
  source_become:
    description:
      - Whether to become another user on O(from_host). By default as the host's C(ansible_become), else as the task.
    type: bool
  source_become_user:
    description: The user to become on O(from_host), in whose store the image is.
    type: str
  platform:
    description:
      - Which image of a multi-platform file to take, as C(os/arch[/variant]). By default the one that fits the
        receiving host.
    type: str
  stage:
    description: What the action plugin wants of one of the hosts. Not for playbooks.
    type: dict
seealso:
  - module: daemonless.oci.image
notes:
  - Each layer passes through the controller's temporary directory (C(local_tmp)), which needs room for the largest
    of them.
"""

EXAMPLES = r"""
- name: Bring an image that lies beside the playbook
  daemonless.oci.image_transfer:
    path: app.tar
    name: registry.example/team/app:1

- name: Bring an image from the host that built it
  daemonless.oci.image_transfer:
    name: localhost/app:1
    from_host: build1

- name: Move an image of root to a plain user of the same host
  daemonless.oci.image_transfer:
    name: localhost/app:1
    from_host: "{{ inventory_hostname }}"
    source_become: true
    source_become_user: root
  become: true
  become_user: deploy
"""

RETURN = r"""
image:
  description:
    - The image as C(podman image inspect) would show it, in a list. Empty in check mode while it is not there.
  returned: always
  type: list
  elements: dict
  sample:
    - Id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
      RepoTags: ["localhost/app:1"]
layers:
  description: The layers that the host lacked, by the digest of their content, with their size at the source.
  returned: always
  type: list
  elements: dict
  sample:
    - digest: sha256:8d1b9b3b7f6d7c2d6c0f0a4be2a8b1a6f0f3c1f2e8a0a6e2a2f5f7d0c1e2f3a4
      size: 4403200
size:
  description: The sum of their sizes in bytes.
  returned: always
  type: int
  sample: 4403200
bytes_sent:
  description: How many bytes were really sent to the host, compressed. 0 in check mode.
  returned: always
  type: int
  sample: 1913344
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Store image localhost/app:1 (0f4ee1b5a6b8)"]
"""

from ..module_utils.bootstrap import run


def main():
    run("image_transfer")


if __name__ == "__main__":
    main()
