#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume
short_description: Manage volumes for containers without a daemon and without podman
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Makes, changes, mounts and removes named volumes, which M(daemonless.oci.container) mounts into containers.
  - Options have the names, types and defaults of M(containers.podman.podman_volume). Volumes are kept where podman
    keeps them, so both see the same ones.
  - What is in a volume is never touched by a change. Labels and owner change while containers run with the volume;
    another mount (O(options)) needs them stopped.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.quadlet
options:
  name:
    description: Name of the volume.
    type: str
    required: true
  state:
    description:
      - V(present) makes the volume where it is missing.
      - V(absent) removes it and all that is in it. A volume that containers have, running or not, is not removed.
      - V(mounted) also mounts a volume whose O(options) ask for a mount, and keeps it mounted when no container runs
        with it. V(unmounted) takes that back; containers that run keep theirs.
      - V(quadlet) writes the options into a C(.volume) unit file for podman's generator, and does nothing else.
    type: str
    choices: [present, absent, mounted, unmounted, quadlet]
    default: present
  driver:
    description: Only V(local) is supported. That of an existing volume cannot change.
    type: str
  label:
    description: The labels of the volume, and no others. They are left as they are when this is not given.
    type: dict
  options:
    description:
      - What the volume is a mount of, each as C(KEY=VALUE), with the keys C(type), C(device) and C(o) of mount(8). In
        C(o), C(uid) and C(gid) say who owns the volume, and C(size) limits one of C(type=tmpfs).
      - The options of the volume, and no others. They are left as they are when this is not given.
    type: list
    elements: str
  uid:
    description: User id that the directory of the volume belongs to. What is in it keeps its owner.
    type: int
  gid:
    description: Group id that the directory of the volume belongs to. What is in it keeps its group.
    type: int
  recreate:
    description:
      - Remove the volume with all that is in it, and make it anew, each time.
      - Refused when containers have it. No change of an option needs this.
    type: bool
    default: false
  debug:
    description: Accepted for the sake of existing playbooks; it has no effect.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.volume_info
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: A volume with a label
  daemonless.oci.volume:
    name: shop-data
    label:
      app: shop

- name: A volume in memory, owned by a user of the image
  daemonless.oci.volume:
    name: shop-cache
    options:
      - type=tmpfs
      - device=tmpfs
      - o=size=64m,uid=1000

- name: Remove it
  daemonless.oci.volume:
    name: shop-cache
    state: absent
"""

RETURN = r"""
podman_quadlet:
  description: The text of the unit file.
  returned: when O(state=quadlet)
  type: str
volume:
  description: The volume as C(podman volume inspect) would show it; empty when it is absent.
  returned: always
  type: dict
  sample:
    Name: shop-data
    Driver: local
    Mountpoint: /var/lib/containers/storage/volumes/shop-data/_data
    CreatedAt: "2026-11-24T04:24:41.055484049Z"
    Labels:
      app: shop
    Scope: local
    Options: {}
    MountCount: 0
    NeedsCopyUp: true
    NeedsChown: true
    LockNumber: 4
mount_point:
  description: Where the volume is mounted on the host.
  returned: with O(state=mounted)
  type: str
  sample: /var/lib/containers/storage/volumes/shop-data/_data
actions:
  description: What was done, or would be done in check mode, in order.
  returned: always
  type: list
  elements: str
podman_actions:
  description: The same as RV(actions), under the name that C(containers.podman) uses.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("volume")


if __name__ == "__main__":
    main()
