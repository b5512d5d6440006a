#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_healthcheck
short_description: Check the health of containers now
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Runs the health check of a container, as C(podman healthcheck run) does, and returns what it found. The result
    counts as those of the checks that run by themselves do, so a container may become unhealthy by it.
  - Fails when the check fails. C(changed) is false, unless the container was stopped, killed or restarted for it.
  - In check mode nothing is run; what the last check found is returned.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Name or id of the container. It has to run, and to have a health check.
    type: str
    required: true
  ignore_result:
    description:
      - Succeed whatever the check finds.
    type: bool
    default: false
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.container_wait
"""

EXAMPLES = r"""
- name: A container with a health check
  daemonless.oci.container:
    name: web
    image: quay.io/libpod/alpine:latest
    command: sleep 1000
    healthcheck: test -e /etc/passwd
    healthcheck_interval: 30s
    stop_timeout: 0

- name: Is it healthy?
  daemonless.oci.container_healthcheck:
    name: web
  register: web

- name: Remove it
  daemonless.oci.container:
    name: web
    state: absent
"""

RETURN = r"""
health:
  description: What C(podman inspect) shows as health of the container, the last checks included.
  returned: always
  type: dict
  sample: {"Status": "healthy", "FailingStreak": 0, "Log": []}
status:
  description: How healthy the container is, V(starting), V(healthy), V(unhealthy) or V(stopped).
  returned: always
  type: str
  sample: healthy
result:
  description: What this check found. V(starting) is a failure of the startup check. Empty in check mode.
  returned: always
  type: str
  sample: healthy
output:
  description: What the check printed. Empty in check mode.
  returned: always
  type: str
action:
  description: What was done to a container that has become unhealthy, V(kill), V(restart), V(stop), or nothing.
  returned: when a check was run
  type: str
  sample: ""
"""

from ..module_utils.bootstrap import run


def main():
    run("container_healthcheck")


if __name__ == "__main__":
    main()
