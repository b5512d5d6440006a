#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_save
short_description: Save local container images to a file or directory
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Writes images of this host to an archive or a directory, as C(podman save) does.
  - An archive that holds just these images, under these names, is left alone. Another one is replaced, at once when the
    new one is whole.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  image:
    description:
      - Names, ids or digests of the images. Several names of one image are all kept in a docker-archive.
      - An image that is named by id or digest has no name in the archive.
    type: list
    elements: str
    required: true
  dest:
    description:
      - Absolute path of the file or directory.
    type: path
    required: true
    aliases: [path]
  format:
    description:
      - V(docker-archive) is what C(docker save) writes, V(oci-archive) the tar of an OCI image layout, V(oci-dir) such
        a layout as a directory, which may hold other images as well, V(docker-dir) a directory for one image of the
        transport C(dir:) with a manifest of Docker's format.
    type: str
    choices: [docker-archive, oci-archive, oci-dir, docker-dir]
    default: docker-archive
  multi_image_archive:
    description:
      - Allow several images in one archive, for O(format=docker-archive).
    type: bool
    default: false
  compress:
    description:
      - Compress the layers with gzip, for O(format=docker-dir).
    type: bool
    default: false
  force:
    description:
      - Write even if the archive holds these images already.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.image_load
  - module: daemonless.oci.image_copy
"""

EXAMPLES = r"""
- name: Save an image
  daemonless.oci.image_save:
    image: localhost/example:latest
    dest: /srv/images/example.tar

- name: Save it as an OCI archive
  daemonless.oci.image_save:
    image: localhost/example:latest
    dest: /srv/images/example.oci.tar
    format: oci-archive
"""

RETURN = r"""
archive:
  description: What was saved.
  returned: always
  type: dict
  contains:
    path:
      description: The file or directory.
      type: str
    format:
      description: Its format.
      type: str
    images:
      description: The images, with their ids and the names that they have there.
      type: list
      elements: dict
podman_actions:
  description: What does the same on a command line.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("image_save")


if __name__ == "__main__":
    main()
