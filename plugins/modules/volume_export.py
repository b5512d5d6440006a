#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_export
short_description: Write what is in a volume to a tar archive
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Writes the content of a named volume as one archive, as C(podman volume export) does. Owner and mode of the volume's
    own directory are in it, too, which podman leaves out; podman reads the archive nevertheless.
  - A file that already holds exactly the same bytes is left as it is.
  - The volume may be in use. Stop what writes to it first if its files must fit each other.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  name:
    description: Name of the volume.
    type: str
    required: true
    aliases: [volume]
  dest:
    description:
      - Path of the archive on the managed host. Its directory must exist.
      - The file is for its owner only (mode 0600), as a volume may hold what not everybody should read.
    type: path
    required: true
    aliases: [path]
  force:
    description: Whether a file of other content is replaced. If not, any file at the place is left as it is.
    type: bool
    default: true
seealso:
  - module: daemonless.oci.volume
  - module: daemonless.oci.volume_import
"""

EXAMPLES = r"""
- name: A volume
  daemonless.oci.volume:
    name: exported

- name: Write what is in it to a file
  daemonless.oci.volume_export:
    name: exported
    dest: /var/tmp/exported.tar

- name: Remove the volume
  daemonless.oci.volume:
    name: exported
    state: absent
"""

RETURN = r"""
export:
  description: The volume, and where its content is. Digest and size are those of the archive, empty and 0 when
    O(force=false) left a file unread.
  returned: always
  type: dict
  sample:
    dest: /srv/data.tar
    volume: data
    digest: sha256:6e5ba3d7f37a55b21da9e22ce3a5dbc4b1a4ff80a3d4eb67e5b1d2b6d66c9c4e
    size: 10240
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
  sample: ["Exported volume data to /srv/data.tar"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["Exported volume data to /srv/data.tar"]
"""

from ..module_utils.bootstrap import run


def main():
    run("volume_export")


if __name__ == "__main__":
    main()
