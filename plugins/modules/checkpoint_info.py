#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_info
short_description: Look at checkpoints of containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Tells which checkpoints are kept on the host, what archives and images of checkpoints hold, and whether this
    host can restore each of them, and if not, why.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description: Containers to look at. Those without a checkpoint are left out. If none of O(name), O(src) and
      O(image) is given, all containers.
    type: list
    elements: str
    aliases: [container]
  src:
    description: Archives on the host to look into.
    type: list
    elements: path
  image:
    description: Images of checkpoints to look into.
    type: list
    elements: str
  criu_path:
    description: Absolute path of the CRIU that would be used, where it is not the one of the host.
    type: path
seealso:
  - module: daemonless.oci.checkpoint
"""

EXAMPLES = r"""
- name: See what is frozen here
  daemonless.oci.checkpoint_info:
  register: found

- name: Say what cannot be restored
  ansible.builtin.debug:
    msg: "{{ found.checkpoints | rejectattr('can_restore') | map(attribute='obstacles') }}"
"""

RETURN = r"""
checkpoints:
  description: One entry for each container, archive and image.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Whether it is kept for a container, or is an archive or image.
      type: str
      sample: container
    name:
      description: Name of the container.
      type: str
    id:
      description: Id of the container.
      type: str
    path:
      description: The directory, the archive, or the name of the image.
      type: str
    time:
      description: When it was taken.
      type: str
    size:
      description: Bytes, of an archive as it is compressed.
      type: int
    kernel:
      description: The kernel that it was taken on. As C(criu), C(runtime) and C(architecture), empty for one
        that podman took.
      type: str
    privileges:
      description: What an archive or image asks for beyond what a container usually gets, by kind.
      type: dict
    can_restore:
      description: Whether this host can restore it, as far as can be told without trying.
      type: bool
    obstacles:
      description: Why not.
      type: list
      elements: str
  sample:
    - kind: container
      name: counter
      can_restore: false
      obstacles: ["crun (/usr/bin/crun) was built without CRIU: make the container with runc or another crun"]
"""

from ..module_utils.bootstrap import run


def main():
    run("checkpoint_info")


if __name__ == "__main__":
    main()
