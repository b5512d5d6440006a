#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_import
short_description: Make an image from the tar of a root file system
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Makes an image of one layer from a tar archive, as C(podman import) does. The file may lie on the host or on a web
    server.
  - An image that has the same content and the same configuration already is left as it is. To know that, the file is
    read, and in check mode as well. One on a web server is fetched for it, unless O(checksum) tells what it holds.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  src:
    description:
      - Path of the archive on the managed host, or an address that begins with C(http://) or C(https://).
      - It may be compressed with gzip, zstd, bzip2 or xz. Layers of images know gzip and zstd only, so a file in one of
        the others is unpacked below C($TMPDIR) or C(/var/tmp) first.
    type: str
    required: true
  name:
    description:
      - What to call the image. A name without a registry gets C(localhost/), one without a tag C(:latest).
      - An image that had the name before loses it. Without a name the image is known by its id only.
    type: str
    aliases: [reference]
  changes:
    description:
      - Instructions for the configuration of the image. There are C(CMD), C(ENTRYPOINT), C(ENV), C(EXPOSE), C(LABEL),
        C(STOPSIGNAL), C(USER), C(VOLUME) and C(WORKDIR).
      - Each is a text as in a Containerfile, or a dictionary from instruction to value.
    type: list
    elements: raw
    aliases: [change]
  volume:
    description:
      - Name of a volume that the archive is brought into instead of making an image, as M(daemonless.oci.volume_import)
        does. Here for tasks of C(containers.podman.podman_import).
    type: str
  commit_message:
    description: A comment for the history of the image.
    type: str
  arch:
    description: The architecture that the image is for. That of the host when left out.
    type: str
  os:
    description: The operating system that the image is for.
    type: str
  variant:
    description: The variant of the architecture that the image is for.
    type: str
  checksum:
    description:
      - What the file must be, as C(sha256:) and 64 hexadecimal digits. Another file is an error.
      - With it, a file on a web server is not fetched again when its image is there.
    type: str
  validate_certs:
    description: Whether the certificate of the web server must be valid.
    type: bool
    default: true
  ca_cert_dir:
    description: A directory with certificates of authorities (C(*.crt)) for the web server.
    type: path
  timeout:
    description: After how many seconds without an answer the web server counts as hanging.
    type: int
    default: 30
seealso:
  - module: daemonless.oci.image
  - module: daemonless.oci.image_export
"""

EXAMPLES = r"""
- name: Make an image of a root file system
  daemonless.oci.image_import:
    src: /srv/images/rootfs.tar.gz
    name: appliance:2
    changes:
      - CMD ["/sbin/init"]
      - LABEL team=platform
    commit_message: From the build server

- name: Make one with changes as a dictionary
  daemonless.oci.image_import:
    src: /srv/images/rootfs.tar
    name: minimal:1.4
    changes:
      - CMD: ["/bin/sh"]
        USER: nobody
"""

RETURN = r"""
volume:
  description: The volume, as C(podman volume inspect) shows it.
  returned: with O(volume)
  type: dict
image:
  description: The image as C(podman image inspect) shows it, in a list. Empty in check mode when it is not there yet.
  returned: always
  type: list
  elements: dict
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Imported image localhost/appliance:2"]
podman_actions:
  description: What it would have taken with podman.
  returned: always
  type: list
  elements: str
  sample: ["podman import /srv/images/rootfs.tar.gz localhost/appliance:2"]
"""

from ..module_utils.bootstrap import run


def main():
    run("image_import")


if __name__ == "__main__":
    main()
