#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task
short_description: Runs a task of this collection from the runtime on the host
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - The other modules of this collection use this one. It is not for playbooks.
  - The action plugins send it, a few kilobytes, instead of the module that a task names, which carries the whole
    runtime. It runs the task from the copy of the runtime on the host. Where that copy is not there, it says so, and
    the action plugin sends the module itself, which leaves the copy behind.
extends_documentation_fragment:
  - daemonless.oci.attributes
options: {}
"""

EXAMPLES = r"""
- name: Every task of the collection goes this way by itself
  daemonless.oci.host_info:
"""

RETURN = r"""
runtime_absent:
  description: The copy of the runtime that was asked for is not on this host.
  returned: when that is so
  type: bool
  sample: true
"""

from ..module_utils.installed import run_ordered


def main():
    run_ordered()


if __name__ == "__main__":
    main()
