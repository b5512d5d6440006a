#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: store_check
short_description: Check and repair the storage of images and containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Looks for damage in the storage, as C(podman system check) does, and for what killed programs left behind. It
    changes nothing unless it is asked to repair.
  - Found are images, containers and layers that lack a part, layers whose content is no longer what was pulled,
    half-made and unused layers, and files, directories and mounts that belong to nothing.
  - What the storage lost cannot be made again from it. A repair removes what is damaged, so that it can be pulled anew.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  quick:
    description: Do not read the content of layers.
    type: bool
    default: false
  repair:
    description:
      - Remove what is left over, and damaged images that no container stands on.
    type: bool
    default: false
  force:
    description:
      - As O(repair), and remove containers that are damaged or stand on damaged images as well, with what they hold.
    type: bool
    default: false
  max_age:
    description: How old a layer may be that no image names. A younger one may be part of a pull that goes on.
    type: str
    default: 24h
    aliases: [max]
seealso:
  - module: daemonless.oci.prune
"""

EXAMPLES = r"""
- name: Is the storage in order?
  daemonless.oci.store_check:
  register: checked
  failed_when: not checked.clean

- name: Remove damaged images and leftovers
  daemonless.oci.store_check:
    repair: true
"""

RETURN = r"""
findings:
  description:
    - What was found. C(kind) is one of C(damaged-layer), C(damaged-image), C(damaged-container), C(incomplete-layer),
      C(orphaned-layer), C(unused-layer), C(leftover) and C(stale-mount). C(repairable) ones can go without loss.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: damaged-layer
      id: 5b1c0e6a9f7d5b1c0e6a9f7d5b1c0e6a9f7d5b1c0e6a9f7d5b1c0e6a9f7d1234
      detail: etc/passwd is not as it was unpacked
      repairable: false
clean:
  description: Whether nothing is wrong, after the repair if there was one.
  returned: always
  type: bool
removed:
  description: What a repair removed, or would remove in check mode.
  returned: always
  type: dict
  sample: {containers: [], images: [], layers: [], leftovers: []}
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("store_check")


if __name__ == "__main__":
    main()
