#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_copy
short_description: Copy files into a container, or out of it
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Copies files and directories between the managed host and a container, as C(podman cp) does, whether the container
    runs or not. Volumes and directories of the host that are mounted into the container are part of its files.
  - What is at its place already, with the same content, mode and owner, is left as it is. Nothing is removed that the
    source does not have.
  - A file is replaced by a rename, so that the container sees the old one or the new one. Only a file that is mounted
    by itself, as C(/etc/hosts) is, is written in place.
  - Paths are resolved inside the container, whatever its programs do to directories and links meanwhile.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  container:
    description: Name or id of the container.
    type: str
    required: true
    aliases: [name]
  src:
    description:
      - The file or directory that is copied. It is on the managed host, or with O(from_container=true) in the
        container. Files of the controller are brought to the host first, for example by M(ansible.builtin.copy), or are
        given as O(content).
      - A link that O(src) itself names is followed. Links below it are copied as links.
      - Of a directory whose path ends in C(/.) the content is copied, not the directory.
    type: str
  content:
    description:
      - A file of this text is made in the container, instead of copying O(src). Its mode is C(0644) unless O(mode) says
        otherwise.
    type: str
  dest:
    description:
      - Where to. If it is a directory, a file is copied into it under the name that it has; so is a directory, unless
        its own name is the last one of O(dest) as well. If it does not exist, it is what the copy is called; the
        directory that it is in must exist.
    type: str
    required: true
  from_container:
    description: Whether O(src) is in the container and O(dest) on the managed host, instead of the other way round.
    type: bool
    default: false
  archive:
    description:
      - Whether what is copied into a container belongs to the container's user, and what is copied out of it to the
        user who runs the task. If not, the numbers of owner and group stay as they are.
    type: bool
    default: true
  overwrite:
    description: Whether a file may replace a directory with all that is in it, and a directory a file.
    type: bool
    default: false
  owner:
    description: Name or number of the user that files and directories are to belong to, as the target knows it.
    type: str
  group:
    description: Name or number of the group that files and directories are to belong to, as the target knows it.
    type: str
  mode:
    description:
      - Mode of files, as an octal number in quotes or as words of C(chmod). By default they keep theirs.
      - Out of a container set-user-id and set-group-id bits come only if they are asked for here, as what is root's
        there is not root's here.
    type: str
  directory_mode:
    description: Mode of directories, written like O(mode). By default they keep theirs.
    type: str
notes:
  - Sockets are left out. Devices are copied into containers by root only, and never out of them.
  - A container that does not run has nothing in its tmpfs mounts. Copying into one then is an error.
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.container_exec
  - module: daemonless.oci.volume_import
"""

EXAMPLES = r"""
- name: Make a container
  daemonless.oci.container:
    name: copied
    image: quay.io/libpod/alpine:latest
    state: created

- name: A file of a few lines
  daemonless.oci.container_copy:
    container: copied
    content: |
      workers 4
      listen 8080
    dest: /etc/app.conf
    owner: root
    mode: "0640"

- name: What is in a directory of the host
  daemonless.oci.container_copy:
    container: copied
    src: /etc/ssl/.
    dest: /etc/ssl

- name: A file out of the container
  daemonless.oci.container_copy:
    container: copied
    src: /etc/app.conf
    dest: /var/tmp/app.conf
    from_container: true

- name: Remove the container
  daemonless.oci.container:
    name: copied
    state: absent
"""

RETURN = r"""
copy:
  description:
    - What was copied where. V(path) is the full name at the target, V(size) counts all bytes of files, V(checksum) is
      the SHA-256 of a single file and empty for directories.
  returned: always
  type: dict
  sample:
    container: web
    src: /srv/app.conf
    dest: /etc
    path: /etc/app.conf
    size: 24
    checksum: 5b0b4c2e4f7b3b1c8a3d2f6e1c9d8e7f60718293a4b5c6d7e8f9a0b1c2d3e4f5
stdout:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
stderr:
  description: Empty. For playbooks that look at it.
  returned: always
  type: str
actions:
  description: What was done, or would be done in check mode, one line for each path.
  returned: always
  type: list
  elements: str
  sample: ["write file /etc/app.conf"]
podman_actions:
  description: The same as RV(actions).
  returned: always
  type: list
  elements: str
  sample: ["write file /etc/app.conf"]
"""

from ..module_utils.bootstrap import run


def main():
    run("container_copy")


if __name__ == "__main__":
    main()
