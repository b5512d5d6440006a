#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prune
short_description: Remove containers, images, networks and volumes that nobody uses
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Removes what nobody uses, of the kinds that the task names. It takes the options of C(podman_prune).
  - Check mode tells what would go and how many bytes that would give back. What would be unused only after something
    else went is told as well.
  - Nothing that a container uses is removed, and no container of a pod but with its whole pod, by O(system).
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  container:
    description: Remove containers that have ended or were never started.
    type: bool
    default: false
  container_filters:
    description: Only containers that pass all of these, C(until), C(label) and C(label!).
    type: dict
  image:
    description: Remove images without a name from which no container was made.
    type: bool
    default: false
  image_filters:
    description:
      - Only images that pass all of these. Those of M(daemonless.oci.image_info) are known.
      - C(dangling_only=false) takes unused images with a name as well.
      - C(external=true) takes images that only containers of other programs use as well, and these containers with
        them; what is mounted stays. Without it they keep their images.
    type: dict
  network:
    description: Remove networks that no container is configured for. The default network stays.
    type: bool
    default: false
  network_filters:
    description: Only networks that pass all of these, C(until), C(label) and C(label!).
    type: dict
  volume:
    description: Remove volumes that no container uses, with all that is in them.
    type: bool
    default: false
  volume_filters:
    description:
      - Only volumes that pass all of these. C(until), C(label) and C(label!), C(anonymous), C(driver), C(name) as a
        regular expression, C(opt), and C(since) or C(after) another volume.
    type: dict
  system:
    description: Remove pods that have ended and containers at rest, then images without a name, then networks, that
      nobody uses.
    type: bool
    default: false
  system_all:
    description: With O(system), remove unused images with a name as well.
    type: bool
    default: false
  system_build:
    description: With O(system), remove the working containers that builds of podman and buildah left.
    type: bool
    default: false
  system_volumes:
    description: With O(system), remove unused volumes as well.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.image_prune
"""

EXAMPLES = r"""
- name: Remove ended containers and what then is unused of images
  daemonless.oci.prune:
    container: true
    image: true

- name: Remove all unused images, and networks that nobody has used for a day
  daemonless.oci.prune:
    image: true
    image_filters:
      dangling_only: false
    network: true
    network_filters:
      until: 24h

- name: Remove everything that is not in use
  daemonless.oci.prune:
    system: true
    system_all: true
    system_volumes: true
"""

RETURN = r"""
container:
  description: What went, or would go, of containers.
  returned: when O(container) is true
  type: dict
  contains:
    changed:
      description: Whether anything went.
      type: bool
      returned: always
    container:
      description: Ids as C(podman container prune) prints them. The key has the name of the kind.
      type: list
      elements: str
      returned: always
    errors:
      description: What could not be removed, and why.
      type: str
      returned: always
    details:
      description: Kind, id, names and bytes of each.
      type: list
      elements: dict
      returned: always
    bytes:
      description: Bytes that were given back.
      type: int
      returned: always
image:
  description: The same of images, with ids under C(image).
  returned: when O(image) is true
  type: dict
network:
  description: The same of networks, with names under C(network).
  returned: when O(network) is true
  type: dict
volume:
  description: The same of volumes, with names under C(volume).
  returned: when O(volume) is true
  type: dict
system:
  description: The same of all of them, with the lines of C(podman system prune) under C(system).
  returned: when O(system) is true
  type: dict
bytes:
  description: All bytes that were given back.
  returned: always
  type: int
  sample: 5820000
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Removed container web"]
podman_actions:
  description: What it would have taken with podman.
  returned: always
  type: list
  elements: str
  sample: ["podman container prune --force"]
"""

from ..module_utils.bootstrap import run


def main():
    run("prune")


if __name__ == "__main__":
    main()
