# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  executable:
    description:
      - Accepted so that tasks written for C(containers.podman) keep working.
      - When given, it must name a program that exists on the host. It is not used otherwise, since no program stands
        between these modules and the container runtime.
    type: str
"""
