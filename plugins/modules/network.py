#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Manage container networks without a daemon and without podman
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Creates, changes and removes the networks that containers are attached to. netavark and aardvark-dns make them real
    when the first container starts.
  - Options have the names, types and defaults of M(containers.podman.podman_network). Networks are the JSON files that
    podman 5 reads and writes, so both see the same ones.
  - Labels and DNS servers are changed in place. Any other change takes a new network under the old name. That is done
    right away while no running container is attached, and refused with their names otherwise, unless O(recreate) or
    O(force) is set; then they are attached to the new network with their aliases, and their addresses where the new
    subnets have them.
  - What a task does not mention is left alone, unless an earlier task had mentioned it. A task that mentions no subnet
    is content with any.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.quadlet
options:
  name:
    description: Name of the network.
    type: str
    required: true
  state:
    description:
      - V(present) makes sure that the network exists with these options.
      - V(absent) removes it. Containers that use it, running or not, are in the way unless O(force) is set.
      - V(quadlet) writes the options into a C(.network) unit file for podman's generator, and does nothing else.
    type: str
    choices: [present, absent, quadlet]
    default: present
  driver:
    description:
      - Kind of the network. V(bridge) for a new network when it is left out.
      - V(ipvlan) needs a netavark newer than version 1.4 and a kernel that has it.
    type: str
    choices: [bridge, macvlan, ipvlan]
  macvlan:
    description: Make a network with driver V(macvlan) on this parent interface of the host.
    type: str
  interface_name:
    description:
      - With driver V(bridge), the name of the bridge on the host, V(podmanN) by default.
      - With the other drivers, the parent interface.
    type: str
  subnet:
    description:
      - The subnet, such as V(10.89.5.0/24) or V(fd00:5::/64). A free one is chosen for a bridge when none is given,
        outside of what other networks and the routes of the host use.
    type: str
  gateway:
    description: The bridge's own address in O(subnet), the first one by default. Needs O(subnet).
    type: str
  ip_range:
    description:
      - Give containers addresses from this part of O(subnet) only, as a smaller subnet or as V(FIRST-LAST).
        Needs O(subnet).
    type: str
  net_config:
    description: Several subnets, instead of O(subnet), O(gateway) and O(ip_range).
    type: list
    elements: dict
    suboptions:
      subnet:
        description: The subnet.
        type: str
        required: true
      gateway:
        description: The bridge's own address in it.
        type: str
      ip_range:
        description: The part of it from which containers get addresses.
        type: str
  ipv6:
    description: Give the network an IPv6 subnet, chosen at random (RFC 4193) where none is given.
    type: bool
  internal:
    description: No way out, and none in from other hosts.
    type: bool
  disable_dns:
    description: Do not serve the names of containers on this network.
    type: bool
  dns:
    description: Name servers that the network's own resolver asks, instead of the host's.
    type: list
    elements: str
  route:
    description: Static routes for containers, as V(DESTINATION,GATEWAY) or V(DESTINATION,GATEWAY,METRIC).
    type: list
    elements: str
  ipam_driver:
    description:
      - Who gives addresses. V(host-local) is the default with subnets and for bridges, V(dhcp) for macvlan without a
        subnet; it needs netavark's DHCP proxy to run. V(none) gives none.
    type: str
    choices: [host-local, dhcp, none]
  label:
    description:
      - Labels. Those that others have set stay; those that an earlier task set and this one does not name are removed.
    type: dict
  opt:
    description: Options of the driver.
    type: dict
    suboptions:
      bclim:
        description: Threshold for broadcast queueing, -1 switches it off (macvlan).
        type: int
      bridge_name:
        description: The same as O(interface_name), by Docker's name.
        type: str
      driver_mtu:
        description: The same as O(opt.mtu), by Docker's name.
        type: str
      isolate:
        description: No traffic to other isolated networks, V(true); or to any other network, V(strict) (bridge).
        type: str
      metric:
        description: Metric of the default route.
        type: int
      mode:
        description:
          - V(managed) or V(unmanaged) for bridge, V(bridge), V(private), V(vepa) or V(passthru) for macvlan,
            V(l2), V(l3) or V(l3s) for ipvlan.
        type: str
      mtu:
        description: Largest packet.
        type: int
      no_default_route:
        description: Set V(true) to give containers no default route over this network.
        type: str
      parent:
        description: The parent interface (macvlan, ipvlan).
        type: str
      vlan:
        description: VLAN tag of the bridge's ports.
        type: int
      vrf:
        description: Put the bridge into this VRF.
        type: str
  recreate:
    description:
      - Replace the network in any case, even if nothing differs. Running containers are taken along.
    type: bool
    default: false
  force:
    description:
      - With O(state=present), allow a change for which running containers must be attached anew.
      - With O(state=absent), remove the containers that use the network first.
    type: bool
    default: false
  debug:
    description: Accepted for the sake of existing playbooks; it has no effect.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.network_info
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: A network on which containers find each other by name
  daemonless.oci.network:
    name: web

- name: A network with a subnet of its own, part of which is left to other uses
  daemonless.oci.network:
    name: backend
    subnet: 10.77.0.0/24
    gateway: 10.77.0.1
    ip_range: 10.77.0.128/25
    internal: true
    label:
      stage: test

- name: IPv4 and IPv6
  daemonless.oci.network:
    name: dual
    net_config:
      - subnet: 10.78.0.0/24
      - subnet: fd78::/64
    ipv6: true
    opt:
      mtu: 1400
      isolate: true

- name: Remove a network
  daemonless.oci.network:
    name: web
    state: absent
"""

RETURN = r"""
podman_quadlet:
  description: The text of the unit file.
  returned: when O(state=quadlet)
  type: str
network:
  description: The network as C(podman network inspect) would show it, empty when it is absent.
  returned: always
  type: dict
  sample:
    name: web
    driver: bridge
    network_interface: podman1
    subnets:
      - subnet: 10.89.0.0/24
        gateway: 10.89.0.1
    dns_enabled: true
    containers: {}
actions:
  description: What was done, or would be done in check mode, in order.
  returned: always
  type: list
  elements: str
  sample: ["create network web"]
podman_actions:
  description: The same as RV(actions), under the name that M(containers.podman.podman_network) uses.
  returned: always
  type: list
  elements: str
error:
  description: Kind of the error, for example V(InUse), V(Conflict) or V(BadInput).
  returned: failure
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("network")


if __name__ == "__main__":
    main()
