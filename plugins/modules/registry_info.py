#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_info
short_description: Look at images and tags at a registry
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Tells what a registry has under a name, without bringing it to the host, in the words of C(skopeo inspect).
  - Lists tags, sorted as versions, by time of creation or by name.
  - Searches, in the words of C(podman search).
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
  - daemonless.oci.registry
options:
  name:
    description:
      - The image, or with O(list_tags) the repository.
      - Mirrors and short names are followed as for a pull. Tags are those of the registry itself.
    type: str
  term:
    description:
      - What to search for, with or without a registry in front. Without one, the registries that short names are looked
        for at are searched.
      - A registry that has no search is asked for its catalogue, of which the names that contain the term are taken.
    type: str
  platform:
    description:
      - Of an image for several platforms, tell about this one, V(OS/ARCH) or V(OS/ARCH/VARIANT). The platform of the
        host when nothing is said.
    type: str
  all_platforms:
    description: Tell about the images of all platforms, in RV(platforms).
    type: bool
    default: false
  config:
    description: Return the configuration document as well, in RV(config).
    type: bool
    default: false
  raw:
    description: Return the manifest or index as it is at the registry, in RV(raw_manifest).
    type: bool
    default: false
  list_tags:
    description:
      - List the tags of the repository, in RV(tags). A O(name) without tag and digest is then no image to look at.
    type: bool
    default: false
  pattern:
    description: A regular expression. Only tags in which it is found are listed.
    type: str
  sort:
    description:
      - Order of the tags. V(registry) is as they come, V(semver) that of versions, with tags that are none in front.
      - V(created) is by the time in the image's configuration, for which each tag that is listed costs two requests or
        three.
    type: str
    choices: [created, name, registry, semver]
    default: registry
  reverse:
    description: The other way round, so that the newest comes first.
    type: bool
    default: false
  limit:
    description: How many tags, after sorting, or results of a search, of which V(25) are returned when nothing is said.
    type: int
seealso:
  - module: daemonless.oci.image
  - module: daemonless.oci.registry_tag
"""

EXAMPLES = r"""
- name: Look at an image before it is pulled
  daemonless.oci.registry_info:
    name: docker.io/library/nginx:1.27
  register: found

- name: Find the newest version
  daemonless.oci.registry_info:
    name: registry.example.com/team/app
    list_tags: true
    pattern: '^\d+\.\d+$'
    sort: semver
    reverse: true
    limit: 1
  register: newest

- name: Look at the images of all platforms
  daemonless.oci.registry_info:
    name: quay.io/libpod/alpine:latest
    all_platforms: true
  register: found
"""

RETURN = r"""
image:
  description:
    - The image as C(skopeo inspect) shows it, with RV(image.MediaType), the annotations of the manifest, and the id
      that it would have on a host.
    - For an index the digest is that of the index, RV(image.InstanceDigest) that of the image, and RV(image.Platforms)
      what there is.
    - Empty when there is no such image, when only tags were asked for, and for a search.
  returned: always
  type: dict
  contains:
    MediaType:
      description: Kind of manifest.
      returned: when the image exists
      type: str
    InstanceDigest:
      description: Digest of the manifest of the platform that is told about.
      returned: for an index
      type: str
    Platforms:
      description: The platforms that an index has.
      returned: for an index
      type: list
      elements: str
  sample:
    Name: docker.io/library/nginx
    Digest: sha256:4c9e0a1f1e0ed5a5d3f8c1f0f5b7f2f7e7a5f0cb0f8f6a1f9f2d3c4b5a697887
    Architecture: amd64
    Os: linux
exists:
  description: Whether there is such an image or repository.
  returned: with O(name)
  type: bool
tags:
  description: The tags.
  returned: with O(name) and O(list_tags)
  type: list
  elements: str
platforms:
  description: What RV(image) tells, for each image of an index, with its platform.
  returned: with O(all_platforms)
  type: list
  elements: dict
config:
  description: The configuration document.
  returned: with O(config)
  type: dict
raw_manifest:
  description: The manifest or index, byte for byte.
  returned: with O(raw)
  type: str
images:
  description:
    - What was found, as C(podman search) shows it. With O(list_tags), the repository that O(term) names, with its tags.
  returned: with O(term)
  type: list
  elements: dict
  sample:
    - Index: docker.io
      Name: docker.io/library/nginx
      Description: Official build of Nginx.
      Stars: 20000
      Official: "[OK]"
      Automated: ""
"""

from ..module_utils.bootstrap import run


def main():
    run("registry_info")


if __name__ == "__main__":
    main()
