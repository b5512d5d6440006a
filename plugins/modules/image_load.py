#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_load
short_description: Load container images from a file or directory
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Brings all images of an archive to this host, under the names that they have in it, as C(podman load) does.
  - Archives of Docker and of OCI image layouts are read, as they are or compressed with gzip, zstd, bzip2 or xz, and
    directories with such a layout or of the transport C(dir:). What it is shows by itself.
  - Images that are there already are not loaded again. What V(policy.json) does not allow is refused.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  input:
    description:
      - Absolute path of the file or directory on the managed host.
      - One image of several is named by transport, such as V(docker-archive:/srv/all.tar:app:1).
    type: path
    required: true
    aliases: [path]
seealso:
  - module: daemonless.oci.image_save
  - module: daemonless.oci.image_copy
  - module: daemonless.oci.image
"""

EXAMPLES = r"""
- name: Save an image, so that there is something to load
  daemonless.oci.image_save:
    image: localhost/example:latest
    dest: /srv/images/example.tar

- name: Load all images of an archive
  daemonless.oci.image_load:
    input: /srv/images/example.tar
"""

RETURN = r"""
image:
  description: The images of the archive that are on this host, each as C(podman image inspect) would show it.
  returned: always
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
    run("image_load")


if __name__ == "__main__":
    main()
