#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_logs
short_description: Read what containers have printed, and wait until they print something
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Reads the log of a container that has the log driver V(k8s-file), V(json-file) or V(journald), whether it runs or
    not.
  - Waits until a line fits a regular expression.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description:
      - Name or id of the container.
    type: str
    required: true
  since:
    description:
      - Only what was printed at this time or later, a time such as V(2026-01-31T12:00:00Z), a Unix time, or an age such
        as V(10m).
    type: str
  until:
    description:
      - Only what was printed at this time or earlier, written as O(since).
    type: str
  tail:
    description:
      - Only this many lines, the last ones. V(-1) is all of them.
    type: int
    default: 1000
  timestamps:
    description:
      - Begin each line with its time.
    type: bool
    default: false
  wait_for:
    description:
      - A regular expression. The task waits until a line fits it anywhere, lines of before included; O(since) leaves
        those of an earlier start out.
      - Fails when the container ends without such a line, and after O(wait_timeout). The message shows the last lines.
      - In check mode the log is read and not waited for.
    type: str
  wait_timeout:
    description:
      - Seconds to wait for O(wait_for).
    type: float
    default: 60
seealso:
  - module: daemonless.oci.container
  - module: daemonless.oci.container_wait
"""

EXAMPLES = r"""
- name: Be sure of the container
  daemonless.oci.container:
    name: web
    image: quay.io/libpod/alpine:latest
    command: sh -c "echo starting; sleep 1; echo ready on port 80; sleep 1000"
    log_driver: k8s-file
    stop_timeout: 0

- name: Wait until it says that it is ready
  daemonless.oci.container_logs:
    name: web
    wait_for: ready on port \d+
    wait_timeout: 30
  register: started

- name: The last ten lines of the last hour
  daemonless.oci.container_logs:
    name: web
    since: 1h
    tail: 10
    timestamps: true

- name: Remove it
  daemonless.oci.container:
    name: web
    state: absent
"""

RETURN = r"""
lines:
  description: The lines, oldest first, of both streams as they came.
  returned: always
  type: list
  elements: str
  sample: ["starting", "ready on port 80"]
stdout:
  description: The lines of its output as one text.
  returned: always
  type: str
stderr:
  description: The lines of its errors as one text.
  returned: always
  type: str
match:
  description: What fitted O(wait_for), empty without it.
  returned: always
  type: str
  sample: ready on port 80
"""

from ..module_utils.bootstrap import run


def main():
    run("container_logs")


if __name__ == "__main__":
    main()
