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
  processes:
    description: Whether RV(containers[].Processes) is returned.
    type: bool
    default: false
  stats:
    description: Whether RV(containers[].Stats) is returned. Fails where nobody counts, as for a plain user's containers
      without cgroup v2.
    type: bool
    default: false
  changes:
    description: Whether RV(containers[].Changes) is returned. Reads the whole file system of the containers.
    type: bool
    default: false
  spec:
    description:
      - Whether RV(containers[].Spec) is returned.
      - Values of variables that come from secrets are hidden in it.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: Look at one container
  daemonless.oci.container_info:
    name: web
  register: found

- name: Look at its processes and at what it changed in its file system
  daemonless.oci.container_info:
    name: web
    processes: true
    changes: true
  register: more

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
  contains:
    Processes:
      description: The processes as the host sees them, the first one first; none of a container that does not run.
      returned: when O(processes=true)
      type: list
      elements: dict
      sample: [{"pid": 1, "ppid": 0, "uid": 0, "host_pid": 4711, "args": "sleep 1000"}]
    Stats:
      description: One measure of processor, memory, input and output; empty for a container that does not run.
      returned: when O(stats=true)
      type: dict
      sample: {"cpu_percent": 0.5, "memory": 1048576}
    Changes:
      description: Paths that the container changed, added and deleted over its image, as C(podman diff) tells them.
      returned: when O(changes=true)
      type: dict
      sample: {"changed": ["/etc"], "added": ["/etc/new"], "deleted": []}
    Spec:
      description: The configuration by the OCI runtime specification that the container was last started with, or
        would be.
      returned: when O(spec=true)
      type: dict
      sample: {"ociVersion": "1.2.0"}
"""

from ..module_utils.bootstrap import run


def main():
    run("container_info")


if __name__ == "__main__":
    main()
