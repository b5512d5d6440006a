#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_wait
short_description: Wait until containers have ended, run, or are healthy
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Waits for containers, as C(podman wait) does, and returns their exit codes.
  - In check mode it looks once and does not wait, since what would bring the condition about may not have been done.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Names or ids of the containers, waited for one after the other.
    type: list
    elements: str
    required: true
  condition:
    description:
      - What to wait for; one of several conditions is enough.
      - V(stopped) and V(exited) are met by a container that has ended. V(configured) is another word for V(created).
      - V(healthy) and V(unhealthy) need a health check.
    type: list
    elements: str
    choices:
      - configured
      - created
      - exited
      - healthy
      - initialized
      - paused
      - removing
      - running
      - stopped
      - stopping
      - unhealthy
    default: [stopped]
  timeout:
    description:
      - Seconds to wait for all of the containers together. The task fails after them.
    type: float
    default: 300
  ignore:
    description:
      - Pass over containers that do not exist. Their exit code is V(-1).
    type: bool
    default: false
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.container_logs
"""

EXAMPLES = r"""
- name: Start a job
  daemonless.oci.container:
    name: job
    image: quay.io/libpod/alpine:latest
    command: sh -c "sleep 1; exit 3"

- name: Wait for its end
  daemonless.oci.container_wait:
    name: job
    timeout: 60
  register: job
  failed_when: job is failed or job.exit_code != 3

- name: Remove it
  daemonless.oci.container:
    name: job
    state: absent
"""

RETURN = r"""
exit_codes:
  description:
    - Exit code of each container by the name that was given. V(-1) for conditions other than an end, and for a
      container that is not there. In check mode null where the condition is not met.
  returned: always
  type: dict
  sample: {"job": 3}
exit_code:
  description: The last of RV(exit_codes).
  returned: always
  type: int
  sample: 3
"""

from ..module_utils.bootstrap import run


def main():
    run("container_wait")


if __name__ == "__main__":
    main()
