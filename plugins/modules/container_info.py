#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_info
short_description: Look at containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Returns what C(podman inspect) would show of containers, of all of them or of those named, whoever made them.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Names or ids of the containers. All containers when it is left out.
      - A container that does not exist is simply not in the result.
    type: list
    elements: str
seealso:
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: Look at one container
  daemonless.oci.container_info:
    name: web
  register: found

- name: Look at all containers
  daemonless.oci.container_info:
  register: everything
"""

RETURN = r"""
containers:
  description: The containers, each as C(podman inspect) would show it.
  returned: always
  type: list
  elements: dict
  sample:
    - Name: web
      State:
        Status: running
"""

from ..module_utils.bootstrap import run


def main():
    run("container_info")


if __name__ == "__main__":
    main()
