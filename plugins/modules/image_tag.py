#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_tag
short_description: Give further names to container images on a host, and take them away
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Gives an image or manifest list that is on the host further names, as C(podman tag) does. A name that another image
    had moves.
  - Takes names away as C(podman untag) does. The image itself stays, even without any name.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  image:
    description:
      - Name, id or digest of the image on the host. Nothing is pulled.
    type: str
    required: true
  target_names:
    description:
      - The names to give or to take. A name without a registry is one below V(localhost), a name without a tag has the
        tag V(latest).
    type: list
    elements: str
    required: true
  state:
    description:
      - With V(present) the image has the names afterwards, with V(absent) it has not.
      - Its other names stay in both cases.
    type: str
    choices: [absent, present]
    default: present
seealso:
  - module: daemonless.oci.image
  - module: daemonless.oci.registry_tag
"""

EXAMPLES = r"""
- name: Be sure of the image
  daemonless.oci.image:
    name: quay.io/libpod/alpine:latest

- name: Name it for this host
  daemonless.oci.image_tag:
    image: quay.io/libpod/alpine:latest
    target_names:
      - base
      - registry.example.com/team/base:2

- name: Take one of the names away
  daemonless.oci.image_tag:
    image: quay.io/libpod/alpine:latest
    target_names: base
    state: absent
"""

RETURN = r"""
names:
  description: All names of the image afterwards, or as they would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["localhost/base:latest", "quay.io/libpod/alpine:latest"]
id:
  description: Id of the image, empty when there is none.
  returned: always
  type: str
  sample: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Tagged image quay.io/libpod/alpine:latest as localhost/base:latest"]
podman_actions:
  description: The same deeds in the words of podman's command line. No such command was run.
  returned: always
  type: list
  elements: str
  sample: ["podman tag quay.io/libpod/alpine:latest localhost/base:latest"]
stdout:
  description: Always empty, present for playbooks written for C(containers.podman).
  returned: always
  type: str
stderr:
  description: Always empty, present for playbooks written for C(containers.podman).
  returned: always
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("image_tag")


if __name__ == "__main__":
    main()
