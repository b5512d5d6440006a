#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_exec
short_description: Run programs in running containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Runs a program in a running container, as C(podman exec) does, and returns its output. A task written for
    C(containers.podman.podman_container_exec) works as it is.
  - A program that ends with another exit code than 0 fails the task. Use C(failed_when) where that is right.
  - In check mode nothing is run.
extends_documentation_fragment:
  - daemonless.oci.program
  - daemonless.oci.attributes
  - daemonless.oci.executable
attributes:
  diff_mode:
    support: none
options:
  name:
    description:
      - Name or id of the container. It has to run.
    type: str
    required: true
  detach:
    description:
      - Leave the program running, and return its id in RV(exec_id). Its output is kept nowhere.
    type: bool
    default: false
  privileged:
    description:
      - Give the program every capability.
    type: bool
    default: false
  tty:
    description:
      - Give the program a terminal. What it prints as errors is then in RV(stdout) too.
    type: bool
    default: false
  user:
    description:
      - User, or V(user:group), by name or number. The user of the container by default.
    type: str
  workdir:
    description:
      - Directory inside the container to start in. The one of the container by default.
    type: str
    aliases: [chdir]
  creates:
    description:
      - A path inside the container. Where it exists, nothing is run and nothing is changed.
    type: str
  removes:
    description:
      - A path inside the container. Where it does not exist, nothing is run and nothing is changed.
    type: str
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.userns_exec
"""

EXAMPLES = r"""
- name: Be sure of the container
  daemonless.oci.container:
    name: web
    image: quay.io/libpod/alpine:latest
    command: sleep 1000
    stop_timeout: 0

- name: Look at a file
  daemonless.oci.container_exec:
    name: web
    command: cat /etc/hostname
  register: hostname

- name: Prepare once
  daemonless.oci.container_exec:
    name: web
    argv: [sh, -c, 'cat > /srv.conf']
    stdin: workers 4
    creates: /srv.conf
    timeout: 30

- name: Run something and do not wait
  daemonless.oci.container_exec:
    name: web
    command: sleep 100
    user: "65534"
    chdir: /tmp
    detach: true

- name: Remove it
  daemonless.oci.container:
    name: web
    state: absent
"""

RETURN = r"""
exec_id:
  description: Id of the program that was left running, empty without O(detach) and in check mode.
  returned: always
  type: str
  sample: f99002e34c1087fd1aa08d5027e455bf7c2d6b74f019069acf6462a96ddf2a47
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
podman_command:
  description: The podman command that would do the same. It was not run. Values of variables are not in it.
  returned: always
  type: list
  elements: str
  sample: ["podman", "exec", "web", "cat", "/etc/hostname"]
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["ran cat in web"]
podman_actions:
  description: The same as RV(actions), for playbooks written for C(containers.podman).
  returned: always
  type: list
  elements: str
  sample: ["ran cat in web"]
"""

from ..module_utils.bootstrap import run


def main():
    run("container_exec")


if __name__ == "__main__":
    main()
