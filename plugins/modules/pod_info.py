#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_info
short_description: Look at pods of containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Returns what C(podman pod inspect) would show of pods, of all of them or of one, whoever made them.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Name of the pod, or its id. All pods when it is left out.
      - A pod that does not exist is simply not in the result.
    type: str
seealso:
  - module: daemonless.oci.pod
"""

EXAMPLES = r"""
- name: Look at all pods
  daemonless.oci.pod_info:
  register: found

- name: Does the shop run
  daemonless.oci.pod_info:
    name: shop
  register: shop
  failed_when: shop.pods | rejectattr('State', 'eq', 'Running') | length > 0
"""

RETURN = r"""
pods:
  description: The pods, in the order of their names.
  returned: always
  type: list
  elements: dict
  sample:
    - Name: shop
      State: Running
      NumContainers: 2
"""

from ..module_utils.bootstrap import run


def main():
    run("pod_info")


if __name__ == "__main__":
    main()
