#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Find out what a host gives to containers, and what it lacks
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Describes the host as the modules of this collection see it, for the user who runs the task.
  - For a plain user it names each piece that is missing to run containers, with what to do about it.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options: {}
seealso:
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: Find out what the host gives
  daemonless.oci.host_info:
  register: found

- name: Say which runtime was chosen, and why others were not
  ansible.builtin.debug:
    msg: "{{ found.host.runtimes }}"
"""

RETURN = r"""
host:
  description: The report. A part that could not be found out says why under C(error).
  returned: always
  type: dict
  contains:
    version:
      description: Version of the collection.
      type: str
    host:
      description: Name, kernel, architecture, distribution, memory, security modules.
      type: dict
    identity:
      description: The user of the task.
      type: dict
    rootless:
      description: For a plain user, whether everything is there, and what is missing with its remedy.
      returned: when the user is not root
      type: dict
    boot:
      description: Whether containers with a restart policy start when the host does, by which unit, and if not, why.
      type: dict
    programs:
      description: The programs below the engine, by name, with path, version, package and use.
      type: dict
    cgroups:
      description: Mode, manager, the controllers whose limits can be set, and why others cannot.
      type: dict
    runtimes:
      description: The OCI runtime that was chosen, and those before it that refused, with their reasons.
      type: dict
    checkpoints:
      description: Whether containers can be frozen and thawed here (C(able)), what is C(missing) for it, what there is
        of CRIU, and whether the kernel tells which pages of memory were written (C(tracks_memory)).
      type: dict
    store:
      description: Where images are kept, and how much room there is.
      type: dict
    state:
      description: Where containers and volumes are kept, and whether podman shares it.
      type: dict
    configuration:
      description: What containers.conf says where it matters.
      type: dict
    runtime:
      description: The copy of the engine that the modules left on the host.
      type: dict
    error:
      description: Why containers cannot be run by this user at all.
      returned: when that is so
      type: str
  sample:
    version: 0.1.0
    runtimes:
      chosen:
        name: runc
        path: /usr/bin/runc
        version: 1.1.5
      refused:
        - name: crun
          path: /usr/bin/crun
          reason: cgroups in hybrid mode not supported
"""

from ..module_utils.bootstrap import run


def main():
    run("host_info")


if __name__ == "__main__":
    main()
