#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: manifest_list
short_description: Make one name of images for several platforms
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Keeps a manifest list (an index) on the host with exactly the images that are named, as C(podman manifest) does.
  - Pushes the list, with its images or without, unless the registry has the same.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.registry
options:
  name:
    description: Name of the list on the host, below V(localhost) when it names no registry.
    type: str
    required: true
  images:
    description:
      - All images that the list is to have. Images of an existing list that are not named leave it.
      - When it is left out, an existing list keeps its images.
    type: list
    elements: dict
    suboptions:
      image:
        description:
          - Name, id or digest. An image of this name on the host is taken from there, else the one at its registry, of
            which nothing but the manifest is fetched. With V(docker://) in front the registry is asked in any case.
        type: str
        required: true
      all:
        description: Of an image for several platforms, take all. Otherwise that of one platform is taken.
        type: bool
        default: false
      platform:
        description: Of an image for several platforms, take this one, V(OS/ARCH) or V(OS/ARCH/VARIANT), not the host's.
        type: str
      os:
        description: Operating system to write into the list, that of the image when nothing is said.
        type: str
      arch:
        description: Architecture to write into the list, that of the image when nothing is said.
        type: str
      variant:
        description: Variant of the architecture to write into the list, that of the image when nothing is said.
        type: str
      os_version:
        description: Version of the operating system to write into the list.
        type: str
      os_features:
        description: Features of the operating system to write into the list.
        type: list
        elements: str
      features:
        description: Features of the processor to write into the list.
        type: list
        elements: str
      annotations:
        description: Annotations of the image in the list.
        type: dict
  annotations:
    description: Annotations of the list itself. Those of an existing list stay when it is left out with O(images).
    type: dict
  format:
    description:
      - Kind of list. V(oci) when nothing is said, unless all images are in Docker's format and nothing is annotated.
    type: str
    choices: [oci, v2s2]
  push:
    description: Push the list, unless the registry has the same.
    type: bool
    default: false
  dest:
    description: Where to push to, O(name) when nothing is said.
    type: str
  push_images:
    description:
      - Push the images as well. With V(false) they must be in the repository that is pushed to already, under the
        digests that the list names.
    type: bool
    default: true
  remove_signatures:
    description:
      - Push the images without their signatures. Without this they go along, and the push is refused when they cannot,
        because the image becomes another one on its way or the destination has no place for them.
    type: bool
    default: false
  state:
    description:
      - With V(absent) the list is removed from the host. Its images stay, and so does what was pushed.
    type: str
    choices: [absent, present]
    default: present
seealso:
  - module: daemonless.oci.image
  - module: daemonless.oci.registry_tag
"""

EXAMPLES = r"""
- name: Offer an image for two platforms
  daemonless.oci.manifest_list:
    name: registry.example.com/team/app:2
    images:
      - image: registry.example.com/team/app:1.4
      - image: quay.io/libpod/alpine:latest
        platform: linux/arm64
        annotations:
          org.opencontainers.image.title: another one
    push: true

- name: Remove the list from the host
  daemonless.oci.manifest_list:
    name: registry.example.com/team/app:2
    state: absent
"""

RETURN = r"""
manifest_list:
  description: The list, as C(podman manifest inspect) shows it. Empty when it is absent.
  returned: always
  type: dict
  sample:
    schemaVersion: 2
    mediaType: application/vnd.oci.image.index.v1+json
    manifests: []
id:
  description: Id of the list on the host, empty when it is not there.
  returned: always
  type: str
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["create manifest list registry.example.com/team/app:2"]
podman_actions:
  description: The same as RV(actions), present in every module.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("manifest_list")


if __name__ == "__main__":
    main()
