#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_info
short_description: Look at volumes for containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Returns what C(podman volume inspect) would show of volumes, of all of them or of one, whoever made them.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Name of the volume. All volumes when it is left out.
      - A volume that does not exist is simply not in the result.
    type: str
  label:
    description: Only volumes with these labels. A label without a value stands for any value.
    type: dict
  dangling:
    description: Only volumes that no container has (V(true)), or only those that one has (V(false)).
    type: bool
  size:
    description: Also add up what is in each volume, as C(Size) in bytes. This reads the whole tree.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.volume
"""

EXAMPLES = r"""
- name: Look at all volumes
  daemonless.oci.volume_info:
  register: found

- name: Which volumes of the shop does nobody have, and how big are they
  daemonless.oci.volume_info:
    label:
      app: shop
    dangling: true
    size: true
"""

RETURN = r"""
volumes:
  description: The volumes, in the order of their names.
  returned: always
  type: list
  elements: dict
  sample:
    - Name: shop-data
      Driver: local
      Mountpoint: /var/lib/containers/storage/volumes/shop-data/_data
"""

from ..module_utils.bootstrap import run


def main():
    run("volume_info")


if __name__ == "__main__":
    main()
