#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_info
short_description: Look at secrets for containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Returns what C(podman secret inspect) would show of secrets, of all of them or of one, whoever stored them.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Name or id of the secret. All secrets when it is left out.
      - A secret that does not exist is simply not in the result.
    type: str
  showsecret:
    description: Return the values, too. Set C(no_log) on such a task.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.secret
"""

EXAMPLES = r"""
- name: Look at all secrets
  daemonless.oci.secret_info:
  register: found

- name: Look at one
  daemonless.oci.secret_info:
    name: db_password
"""

RETURN = r"""
secrets:
  description: The secrets, with C(SecretData) when O(showsecret) is set.
  returned: always
  type: list
  elements: dict
  sample:
    - ID: 8770380dfa4b80210fc647380
      CreatedAt: "2026-11-23T22:44:41.055484049Z"
      UpdatedAt: "2026-11-23T22:44:41.055484049Z"
      Spec:
        Name: db_password
        Driver:
          Name: file
          Options:
            path: /var/lib/containers/storage/secrets/filedriver
        Labels: {}
"""

from ..module_utils.bootstrap import run


def main():
    run("secret_info")


if __name__ == "__main__":
    main()
