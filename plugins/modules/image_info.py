#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Look at container images
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Returns what C(podman image inspect) would show of images, of all of them or of those named, whoever brought them.
  - On request also their history, their layers, what they cost on the disk, and what differs between two of them.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Names, ids or digests of images. All images when it is left out.
      - An image that does not exist is simply not in the result.
    type: list
    elements: str
  filters:
    description:
      - Only images that pass all of these filters, as C(podman images --filter) knows them. A value may be a list, of
        whose entries all must pass, or for C(reference) one. A key that ends in C(!) is negated.
      - C(dangling) and C(intermediate) for images without a name that nothing or that something is built upon,
        C(containers) for those that a container was made from, C(readonly), C(manifest).
      - C(reference) with wildcards, C(label) as C(key) or C(key=value), C(id), C(digest).
      - C(before), C(since) or C(after) an image, C(until) a time or for an age such as C(24h).
    type: dict
  history:
    description: Return how each image came to be, as C(podman history) does.
    type: bool
    default: false
  layers:
    description: Return the layers of each image, and the drawing of C(podman image tree).
    type: bool
    default: false
  size:
    description:
      - Return what each image shares with other images on this host and what it holds alone, as
        C(podman system df --verbose) does.
    type: bool
    default: false
  diff_to:
    description:
      - Name or id of an image. Returns which paths were added, changed and deleted since it, as
        C(podman image diff) does. Every directory of both images is read.
    type: str
  diff_from_parent:
    description: As O(diff_to), with what the topmost layer of the image stands on.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.image
"""

EXAMPLES = r"""
- name: Look at one image
  daemonless.oci.image_info:
    name: quay.io/libpod/alpine:latest
  register: found

- name: Look at all images
  daemonless.oci.image_info:
  register: everything

- name: See what nobody uses
  daemonless.oci.image_info:
    filters:
      containers: false
      until: 720h
    size: true
  register: unused

- name: See what an image has that the one below has not
  daemonless.oci.image_info:
    name: quay.io/libpod/alpine:latest
    history: true
    layers: true
    diff_from_parent: true
  register: details
"""

RETURN = r"""
images:
  description: The images, each as C(podman image inspect) would show it.
  returned: always
  type: list
  elements: dict
  sample:
    - Id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
      RepoTags: ["quay.io/libpod/alpine:latest"]
      Architecture: amd64
  contains:
    history:
      description: The steps, the last one first. Times are as the image has them.
      returned: when O(history) is true
      type: list
      elements: dict
      sample:
        - id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
          created: "2026-01-31T12:00:00Z"
          created_by: /bin/sh -c apk add curl
          size: 4096
          comment: ""
          tags: ["quay.io/libpod/alpine:latest"]
    layers:
      description: The layers, base first, with digests, sizes, and the names of the images that end there.
      returned: when O(layers) is true
      type: list
      elements: dict
    tree:
      description: The same as a drawing.
      returned: when O(layers) is true
      type: str
    disk_usage:
      description: Bytes in C(size), C(shared) and C(unique), and in C(containers) how many were made from it.
      returned: when O(size) is true
      type: dict
      sample: {size: 2039000, shared: 2038000, unique: 1000, containers: 1}
    diff:
      description: Paths in C(added), C(changed) and C(deleted).
      returned: when O(diff_to) or O(diff_from_parent) is given
      type: dict
      sample: {added: ["/usr/bin/curl"], changed: ["/usr", "/usr/bin"], deleted: []}
exists:
  description: For each of O(name) whether there is such an image.
  returned: always
  type: dict
  sample: {"quay.io/libpod/alpine:latest": true}
"""

from ..module_utils.bootstrap import run


def main():
    run("image_info")


if __name__ == "__main__":
    main()
