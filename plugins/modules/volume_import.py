#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_import
short_description: Put what is in a tar archive into a volume
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Brings the content of an archive into a named volume, as C(podman volume import) does. What the archive has replaces
    what is at the same path, if it differs; all else in the volume stays.
  - Owner and mode of the volume's own directory come from the member C(./) of the archive, where it has one.
  - The archive is unpacked beside the volume and compared before anything in the volume changes, in check mode as well.
    That takes its size once more on the disk for as long.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  name:
    description: Name of the volume. It must exist.
    type: str
    required: true
    aliases: [volume]
  src:
    description: Path of the archive on the managed host. It may be compressed with gzip, zstd, bzip2 or xz.
    type: path
    required: true
    aliases: [path]
notes:
  - A volume that was imported into is not filled from an image any more when a container first uses it.
seealso:
  - module: daemonless.oci.volume
  - module: daemonless.oci.volume_export
"""

EXAMPLES = r"""
- name: A volume
  daemonless.oci.volume:
    name: restored

- name: Write what is in it to a file
  daemonless.oci.volume_export:
    name: restored
    dest: /var/tmp/restored.tar

- name: Put it back
  daemonless.oci.volume_import:
    name: restored
    src: /var/tmp/restored.tar

- name: Remove the volume
  daemonless.oci.volume:
    name: restored
    state: absent
"""

RETURN = r"""
volume:
  description: The volume, as C(podman volume inspect) shows it.
  returned: always
  type: dict
  sample:
    Name: data
    Driver: local
    Mountpoint: /var/lib/containers/storage/volumes/data/_data
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
  sample: ["create file /file"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["create file /file"]
"""

from ..module_utils.bootstrap import run


def main():
    run("volume_import")


if __name__ == "__main__":
    main()
