#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_reload
short_description: Set the networks of running containers up anew after a firewall was flushed
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - When somebody flushes or reloads the firewall of a host, the rules that lead to published ports and out of bridge
    networks are gone, while containers run on. This sets them up again, as C(podman network reload) does.
  - Containers keep their addresses, hardware addresses and names, and go on running. Their connections are interrupted.
  - It is a deed, made for a handler that is notified by whatever changes the firewall. It is reported as changed for
    every container that is on a network now.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  container:
    description:
      - Names or ids of containers. All that are on networks now when it is left out.
      - One that does not run has nothing to be set up, and is passed over.
    type: list
    elements: str
    aliases: [name, containers]
seealso:
  - module: daemonless.oci.network
  - module: daemonless.oci.network_endpoint
"""

EXAMPLES = r"""
- name: Set up all networks again
  daemonless.oci.network_reload:

- name: A container with a published port
  daemonless.oci.container:
    name: web
    image: quay.io/libpod/alpine:latest
    command: sleep 1000
    network: [bridge]
    publish: ["8080:80"]
    stop_timeout: 0

- name: Only those of one container
  daemonless.oci.network_reload:
    container: [web]

- name: Remove it
  daemonless.oci.container:
    name: web
    state: absent
"""

RETURN = r"""
containers:
  description: The names of the containers whose networks were set up again, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [web]
actions:
  description: What was done, or would be done in check mode, in order.
  returned: always
  type: list
  elements: str
  sample: ["reload the networks of container web"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("network_reload")


if __name__ == "__main__":
    main()
