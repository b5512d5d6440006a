#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Look at container networks
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Returns what C(podman network inspect) would show of networks, of all of them or of one, whoever made them.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Name or id of the network. All networks when it is left out.
      - A network that does not exist is simply not in the result.
    type: str
seealso:
  - module: daemonless.oci.network
"""

EXAMPLES = r"""
- name: Look at one network
  daemonless.oci.network_info:
    name: web
  register: found

- name: Look at all networks
  daemonless.oci.network_info:
  register: everything
"""

RETURN = r"""
networks:
  description: The networks, each as C(podman network inspect) would show it, with the containers attached now.
  returned: always
  type: list
  elements: dict
  sample:
    - name: podman
      driver: bridge
      network_interface: podman0
      subnets:
        - subnet: 10.88.0.0/16
          gateway: 10.88.0.1
      containers: {}
"""

from ..module_utils.bootstrap import run


def main():
    run("network_info")


if __name__ == "__main__":
    main()
