#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_export
short_description: Write the file system of a container to a tar archive
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Writes the file system of a container as one archive, as C(podman export) does, whether the container runs or not.
  - What is mounted into the container, as volumes and directories of the host are, is not in it.
  - A file that already holds exactly the same bytes is left as it is.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  container:
    description: Name or id of the container.
    type: str
    aliases: [name]
  volume:
    description:
      - Name of a volume whose content is written instead, as M(daemonless.oci.volume_export) does. Here for tasks of
        C(containers.podman.podman_export).
    type: str
  dest:
    description:
      - Path of the archive on the managed host. Its directory must exist.
      - The file is for its owner only (mode 0600), as a container may hold what not everybody should read.
    type: path
    required: true
    aliases: [path]
  force:
    description: Whether a file of other content is replaced. If not, any file at the place is left as it is.
    type: bool
    default: true
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.image_import
"""

EXAMPLES = r"""
- name: Make a container
  daemonless.oci.container:
    name: exported
    image: quay.io/libpod/alpine:latest
    state: created

- name: Write its file system to a file
  daemonless.oci.container_export:
    container: exported
    dest: /var/tmp/exported.tar

- name: Remove it
  daemonless.oci.container:
    name: exported
    state: absent
"""

RETURN = r"""
export:
  description: The id of the container, and where its file system is. Digest and size are those of the archive, empty
    and 0 when O(force=false) left a file unread.
  returned: always
  type: dict
  sample:
    dest: /srv/web.tar
    id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
    digest: sha256:6e5ba3d7f37a55b21da9e22ce3a5dbc4b1a4ff80a3d4eb67e5b1d2b6d66c9c4e
    size: 5830000
stdout:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
stderr:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Exported container web to /srv/web.tar"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Exported container web to /srv/web.tar"]
"""

from ..module_utils.bootstrap import run


def main():
    run("container_export")


if __name__ == "__main__":
    main()
