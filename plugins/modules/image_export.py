#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_export
short_description: Write the root tree of an image to a tar archive
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Writes what a container of the image would find at its root as one archive, as C(podman export) does of a container,
    without making one. What upper layers deleted is not in it.
  - Equal images give equal bytes, on every host and at any time. A file that already holds exactly these bytes is left
    as it is.
  - To keep the layers, names and configuration of an image, save it instead.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  image:
    description: Name or id of the image.
    type: str
    required: true
    aliases: [name]
  dest:
    description:
      - Path of the archive on the managed host. Its directory must exist.
      - The file is for its owner only (mode 0600), as an image may hold what not everybody should read.
    type: path
    required: true
    aliases: [path]
  force:
    description: Whether a file of other content is replaced. If not, any file at the place is left as it is.
    type: bool
    default: true
seealso:
  - module: daemonless.oci.image_import
"""

EXAMPLES = r"""
- name: Write the tree of an image to a file
  daemonless.oci.image_export:
    image: localhost/example:latest
    dest: /srv/images/example-tree.tar
"""

RETURN = r"""
export:
  description: The id of the image, and where its tree is. Digest and size are those of the archive.
  returned: always
  type: dict
  sample:
    dest: /srv/images/example-tree.tar
    id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
    digest: sha256:6e5ba3d7f37a55b21da9e22ce3a5dbc4b1a4ff80a3d4eb67e5b1d2b6d66c9c4e
    size: 5830000
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Exported image quay.io/libpod/alpine:latest to /srv/images/example-tree.tar"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Exported image quay.io/libpod/alpine:latest to /srv/images/example-tree.tar"]
"""

from ..module_utils.bootstrap import run


def main():
    run("image_export")


if __name__ == "__main__":
    main()
