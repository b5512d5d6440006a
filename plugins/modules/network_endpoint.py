#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_endpoint
short_description: Attach containers to networks while they run, and detach them
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Makes sure that a container is on a network, with these names and addresses there, or that it is not. It does what
    C(podman network connect) and C(podman network disconnect) do.
  - A container that runs goes on running. What is published leads to it over the networks that it is on. One that does
    not run joins the network at its next start.
  - An endpoint with other options is taken off the network and put onto it again. Its connections over this network end
    then, those over others do not. When that fails, it is back on the network as it was.
  - What the task does not mention stays as it is.
  - C(/etc/hosts) and C(/etc/resolv.conf) in the container follow; lines that somebody has added to them stay.
  - A task of M(daemonless.oci.container) that mentions O(daemonless.oci.container#module:network) means all networks of
    the container, and takes it off others. Leave that option out there, or list the network, to have both.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  network:
    description: Name or id of the network.
    type: str
    required: true
  container:
    description:
      - Name or id of the container. It must have networks of its own, not those of the host or another container, nor
        pasta or slirp4netns.
    type: str
    required: true
  state:
    description:
      - V(present) attaches the container, V(absent) detaches it.
    type: str
    choices: [present, absent]
    default: present
  aliases:
    description:
      - Further names of the container on this network. An empty list takes them away.
    type: list
    elements: str
    aliases: [alias, network_aliases]
  ip:
    description: IPv4 address of the container on this network, at every start. V("") lets it have any.
    type: str
    aliases: [ipv4_address]
  ip6:
    description: IPv6 address, as O(ip).
    type: str
    aliases: [ipv6_address]
  mac_address:
    description: Hardware address of the interface. V("") lets it have any.
    type: str
  interface_name:
    description: Name of the interface in the container, V(ethN) by default.
    type: str
seealso:
  - module: daemonless.oci.network
  - module: daemonless.oci.network_reload
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: Two networks
  daemonless.oci.network:
    name: "{{ item }}"
  loop: [front, back]

- name: A container on one of them
  daemonless.oci.container:
    name: web
    image: quay.io/libpod/alpine:latest
    command: sleep 1000
    network: [front]
    stop_timeout: 0

- name: On the other one too, while it runs
  daemonless.oci.network_endpoint:
    network: back
    container: web
    aliases: [cache]

- name: Off the first one
  daemonless.oci.network_endpoint:
    network: front
    container: web
    state: absent

- name: Clean up
  daemonless.oci.network:
    name: "{{ item }}"
    state: absent
    force: true
  loop: [front, back]
"""

RETURN = r"""
endpoint:
  description:
    - What C(podman inspect) shows of the container on this network, and their names. Empty when it is not on it.
  returned: always
  type: dict
  sample:
    container: web
    network: back
    IPAddress: 10.89.1.2
    Aliases: [cache, 5b1c0e6a9f7d]
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["attach container web to network back"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
error:
  description: Kind of the error, for example V(NotFound), V(Conflict) or V(Refused).
  returned: failure
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("network_endpoint")


if __name__ == "__main__":
    main()
