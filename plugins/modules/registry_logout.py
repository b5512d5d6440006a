#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_logout
short_description: Log out of container registries
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Removes stored credentials, from the auth file and from the credential helpers, as C(podman logout) does.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  registry:
    description:
      - The registry, namespace or repository whose credentials go. The first of the registries that short names are
        looked for in when it is left out.
    type: str
  all:
    description:
      - Whether to remove all credentials.
    type: bool
    default: false
  auth_file:
    description:
      - File that holds the credentials, instead of the one that M(daemonless.oci.registry_login) would write.
    type: path
    aliases: [authfile]
  compat_auth_file:
    description:
      - File in the format of Docker that holds the credentials.
    type: path
  ignore_docker_credentials:
    description:
      - Whether it is fine that another tool has stored credentials for the registry elsewhere, which stay. Otherwise
        that is an error, since the host is still logged in.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.registry_login
"""

EXAMPLES = r"""
- name: Log out
  daemonless.oci.registry_logout:
    registry: registry.example.com

- name: Forget all credentials
  daemonless.oci.registry_logout:
    all: true
"""

RETURN = r"""
registries:
  description: What the task logged out of, or would in check mode.
  returned: always
  type: list
  elements: str
  sample: [registry.example.com]
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Logged out of registry.example.com"]
podman_actions:
  description: The same as RV(actions), present for playbooks written for C(containers.podman).
  returned: always
  type: list
  elements: str
  sample: ["Logged out of registry.example.com"]
stdout:
  description: What C(podman logout) would say.
  returned: always
  type: str
  sample: Removed login credentials for registry.example.com
stderr:
  description: Always empty, present for playbooks written for C(containers.podman).
  returned: always
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("registry_logout")


if __name__ == "__main__":
    main()
