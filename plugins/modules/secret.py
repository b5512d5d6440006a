#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Manage secrets for containers without a daemon and without podman
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Stores, changes and removes secrets, which M(daemonless.oci.container) gives to containers as files or variables.
  - Options have the names, types and defaults of M(containers.podman.podman_secret). Secrets are kept by the file
    driver, in the files that podman 5 reads and writes, so both see the same ones. They are readable by their owner
    only, and not encrypted.
  - A value is compared with the one that is stored. It is never shown, neither in results nor in differences.
  - A new value gives the secret a new id, as with podman, so the next task of a container that uses it makes it anew.
    Labels are changed in place.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  name:
    description: Name of the secret.
    type: str
    required: true
  state:
    description: Whether the secret is there. A container keeps its copy of a secret that is removed.
    type: str
    choices: [absent, present]
    default: present
  data:
    description: The value. One of O(data), O(path) and O(env) is needed with O(state=present).
    type: str
  path:
    description: A file of the managed host that holds the value.
    type: path
  env:
    description: A variable in the environment of the task, as set by C(environment), that holds the value.
    type: str
  labels:
    description: The labels of the secret, and no others. They are left as they are when this is not given.
    type: dict
  driver:
    description: Only V(file) is supported.
    type: str
  driver_opts:
    description: Only C(path) with the place where podman keeps secrets by default is supported.
    type: dict
  force:
    description:
      - Replace a secret that another driver keeps.
      - A secret of the driver V(file) that is as wished is left alone in any case.
    type: bool
    default: false
  skip_existing:
    description: Leave a secret of that name as it is, whatever its value.
    type: bool
    default: false
  debug:
    description: Accepted for the sake of existing playbooks; it has no effect.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.secret_info
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: A password for the database
  daemonless.oci.secret:
    name: db_password
    data: "{{ lookup('ansible.builtin.password', '/dev/null') }}"
    skip_existing: true
    labels:
      app: shop

- name: Remove it
  daemonless.oci.secret:
    name: db_password
    state: absent
"""

RETURN = r"""
secret:
  description: The secret as C(podman secret inspect) would show it, without its value; empty when it is absent.
  returned: always
  type: dict
  sample:
    ID: 8770380dfa4b80210fc647380
    CreatedAt: "2026-11-23T22:44:41.055484049Z"
    UpdatedAt: "2026-11-23T22:44:41.055484049Z"
    Spec:
      Name: db_password
      Driver:
        Name: file
        Options:
          path: /var/lib/containers/storage/secrets/filedriver
      Labels:
        app: shop
actions:
  description: What was done, or would be done in check mode, in order.
  returned: always
  type: list
  elements: str
podman_actions:
  description: The same as RV(actions), under the name that C(containers.podman) uses.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("secret")


if __name__ == "__main__":
    main()
