#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_login_info
short_description: Look whether a host is logged in to a container registry
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Tells which user a pull from a registry would use, wherever the credentials are stored. The registry is not asked.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  registry:
    description:
      - The registry, namespace or repository. The first of the registries that short names are looked for in when it is
        left out.
    type: str
  auth_file:
    description:
      - The one file to look into.
    type: path
    aliases: [authfile]
seealso:
  - module: daemonless.oci.registry_login
"""

EXAMPLES = r"""
- name: Who are we there?
  daemonless.oci.registry_login_info:
    registry: registry.example.com
  register: who

- name: Say it
  ansible.builtin.debug:
    msg: "{{ who.login.username if who.login.logged_in else 'nobody' }}"
"""

RETURN = r"""
login:
  description: The log-in. The user name is empty when there is none, or when it is an identity token.
  returned: always
  type: dict
  sample:
    registry: registry.example.com
    username: deploy
    logged_in: true
"""

from ..module_utils.bootstrap import run


def main():
    run("registry_login_info")


if __name__ == "__main__":
    main()
