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
"""

from ..module_utils.bootstrap import run


def main():
    run("image_info")


if __name__ == "__main__":
    main()
