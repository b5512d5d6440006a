#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_rename
short_description: Give containers another name
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Gives a container another name, as C(podman rename) does. It goes on running.
  - A container that is not there under its old name, but is under the new one, has been renamed already.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  name:
    description:
      - Name or id of the container.
    type: str
    required: true
  new_name:
    description:
      - The name to give. No other container may have it.
    type: str
    required: true
seealso:
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: Be sure of the container
  daemonless.oci.container:
    name: web
    image: quay.io/libpod/alpine:latest
    command: sleep 1000
    stop_timeout: 0

- name: Put it aside
  daemonless.oci.container_rename:
    name: web
    new_name: web-old

- name: Remove it
  daemonless.oci.container:
    name: web-old
    state: absent
"""

RETURN = r"""
container:
  description: What C(podman inspect) shows of the container afterwards; in check mode, of the container as it is.
  returned: always
  type: dict
  sample: {"Name": "web-old"}
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["renamed web to web-old"]
podman_actions:
  description: The same deed in the words of podman's command line. No such command was run.
  returned: always
  type: list
  elements: str
  sample: ["podman rename web web-old"]
"""

from ..module_utils.bootstrap import run


def main():
    run("container_rename")


if __name__ == "__main__":
    main()
