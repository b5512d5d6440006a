#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_tag
short_description: Set and delete tags at a registry
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Points tags of a repository at an image that is in it, by its manifest alone. No layer is fetched or sent.
  - Deletes tags, and nothing else. Where a registry deletes a manifest with all tags that point at it only, the tag is
    first pointed at an empty image of its own, and that one is deleted. Other tags of the same image stay, and so does
    the image.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.registry
options:
  name:
    description:
      - The repository with its registry. For O(state=present), with the tag or digest of the image that O(tags) are to
        point at, V(latest) without one. It may be an index of several platforms.
    type: str
    required: true
  tags:
    description:
      - The tags to set or to delete, without the repository.
      - For O(state=absent) the tag in O(name) when it is left out.
    type: list
    elements: str
  state:
    description:
      - With V(present) the tags point at the image, with V(absent) they do not exist.
    type: str
    choices: [absent, present]
    default: present
seealso:
  - module: daemonless.oci.registry_info
  - module: daemonless.oci.image_tag
"""

EXAMPLES = r"""
- name: Release what was tested
  daemonless.oci.registry_tag:
    name: registry.example.com/team/app:1.4
    tags:
      - stable
      - "1"

- name: Delete a tag
  daemonless.oci.registry_tag:
    name: registry.example.com/team/app:stable
    state: absent
"""

RETURN = r"""
tags:
  description: The tags asked for, each with the digest it points at. Empty for O(state=absent).
  returned: always
  type: dict
  sample:
    stable: sha256:4c9e0a1f1e0ed5a5d3f8c1f0f5b7f2f7e7a5f0cb0f8f6a1f9f2d3c4b5a697887
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Set tag registry.example.com/team/app:stable"]
podman_actions:
  description: The same as RV(actions), present in every module.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("registry_tag")


if __name__ == "__main__":
    main()
