#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prune
short_description: Remove images that nobody uses
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Removes images without a name, or all images, from which no container was made. Containers that have ended count,
    and those that other programs made on the same storage as well, unless O(external) says otherwise.
  - Check mode tells which images would go and how many bytes that would give back.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  all:
    description:
      - Remove all images that no container uses, and not only those without a name upon which nothing is built.
    type: bool
    default: false
  build_cache:
    description:
      - Remove what builds of C(podman) and C(buildah) keep from one to the next, C(RUN --mount=type=cache), as well.
    type: bool
    default: false
  external:
    description:
      - Remove images that only containers of other programs on this storage use, such as the working containers of
        C(buildah), as well, and these containers with them. What is mounted stays.
    type: bool
    default: false
  filters:
    description:
      - Only images that pass all of these filters. Those of M(daemonless.oci.image_info) are all known here, most used
        are C(until), a time or for an age such as C(24h), and C(label) or C(label!), as C(key) or C(key=value).
      - A value may be a list.
    type: dict
seealso:
  - module: daemonless.oci.image
  - module: daemonless.oci.image_info
  - module: daemonless.oci.prune
"""

EXAMPLES = r"""
- name: Remove what updates left behind
  daemonless.oci.image_prune:

- name: Remove all images that are unused and older than a month, unless they are labelled to stay
  daemonless.oci.image_prune:
    all: true
    filters:
      until: 720h
      label!: keep
"""

RETURN = r"""
images:
  description: The images that went, or would go, with their names and the bytes that each gave back.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
      names: ["quay.io/libpod/alpine:3.10"]
      bytes: 5820000
bytes:
  description: All bytes that were given back. Layers that other images stand on stay.
  returned: always
  type: int
  sample: 5820000
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Removed image quay.io/libpod/alpine:3.10"]
podman_actions:
  description: What it would have taken with podman.
  returned: always
  type: list
  elements: str
  sample: ["podman image prune --force"]
"""

from ..module_utils.bootstrap import run


def main():
    run("image_prune")


if __name__ == "__main__":
    main()
