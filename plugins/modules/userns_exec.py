#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: userns_exec
short_description: Run programs where a plain user's containers have their ids
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Runs a program of the host in the user namespace that the containers of a plain user are in, as C(podman unshare)
    does. There the user is root, and files of the ids below C(/etc/subuid) can be looked at, changed and removed.
  - With O(container) the ids are those inside that container, whether it runs or not. That works for root as well.
  - A program that ends with another exit code than 0 fails the task. Use C(failed_when) where that is right.
  - In check mode nothing is run.
extends_documentation_fragment:
  - daemonless.oci.program
  - daemonless.oci.attributes
attributes:
  diff_mode:
    support: none
options:
  chdir:
    description:
      - Directory of the host to start in.
    type: path
  container:
    description:
      - Name or id of a container whose ids are meant.
    type: str
  creates:
    description:
      - A path on the host. Where it exists, nothing is run and nothing is changed.
    type: path
  removes:
    description:
      - A path on the host. Where it does not exist, nothing is run and nothing is changed.
    type: path
notes:
  - The program finds the paths of the user's store in the variables E(CONTAINERS_GRAPHROOT) and E(CONTAINERS_RUNROOT).
seealso:
  - module: daemonless.oci.container_exec
"""

EXAMPLES = r"""
- name: A container with ids of its own
  daemonless.oci.container:
    name: db
    image: quay.io/libpod/alpine:latest
    uidmap: ["0:100000:1000"]
    gidmap: ["0:100000:1000"]
    state: created

- name: A directory that user 70 of the container owns
  daemonless.oci.userns_exec:
    container: db
    argv: [install, -d, -o, "70", -g, "70", /tmp/db]
    creates: /tmp/db

- name: Remove it
  daemonless.oci.container:
    name: db
    state: absent
"""

RETURN = r"""
container:
  description: The option O(container), empty without it.
  returned: always
  type: str
  sample: db
rc:
  description: Exit code of the program, 128 and the number of the signal when one ended it. 0 where it was not run.
  returned: always
  type: int
  sample: 0
stdout:
  description: What it printed, without the newline at the end.
  returned: always
  type: str
  sample: hello
stderr:
  description: What it printed as errors, without the newline at the end.
  returned: always
  type: str
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["ran id"]
podman_actions:
  description: The same as RV(actions), for playbooks written for C(containers.podman).
  returned: always
  type: list
  elements: str
  sample: ["ran id"]
"""

from ..module_utils.bootstrap import run


def main():
    run("userns_exec")


if __name__ == "__main__":
    main()
