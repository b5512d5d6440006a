#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_commit
short_description: Make an image from a container
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Makes an image of what a container changed in its file system and of its configuration, as C(podman commit) does.
  - When an image of the name already has the same content and configuration, nothing is done. Without a name, any image
    will do. To find out, what the container changed is read.
  - Variables that come from secrets do not go into the image.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  container:
    description: Name or id of the container.
    type: str
    required: true
    aliases: [name]
  image:
    description: Name of the image. A name without a registry is one of V(localhost).
    type: str
  author:
    description: Who made the image.
    type: str
  commit_message:
    description: A comment for the history of the image.
    type: str
  changes:
    description: Instructions for the configuration of the image, as V(CMD /bin/date) or V({"CMD" C(:) "/bin/date"}).
    type: list
    elements: raw
    aliases: [change]
  format:
    description: Format of the manifest.
    type: str
    choices: [oci, docker]
    default: oci
  include_volumes:
    description: Whether all volumes of the container become volumes of the image, and not only the anonymous ones.
    type: bool
    default: false
  pause:
    description:
      - Whether a running container is paused while its files are read.
      - If left out, it is paused where that is possible. It is not for a plain user without cgroup v2.
    type: bool
  squash:
    description: Whether the image gets one layer that holds everything.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.container_export
"""

EXAMPLES = r"""
- name: Make a container
  daemonless.oci.container:
    name: committed
    image: quay.io/libpod/alpine:latest
    state: created

- name: Make an image of it
  daemonless.oci.container_commit:
    container: committed
    image: localhost/committed:1
    commit_message: As it was configured

- name: Remove it
  daemonless.oci.container:
    name: committed
    state: absent
"""

RETURN = r"""
image:
  description: The image as C(podman image inspect) would show it. Empty in check mode when there is none yet.
  returned: always
  type: list
  elements: dict
  sample:
    - Id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
stdout:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
stderr:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Committed container web as localhost/web:1"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Committed container web as localhost/web:1"]
"""

from ..module_utils.bootstrap import run


def main():
    run("container_commit")


if __name__ == "__main__":
    main()
