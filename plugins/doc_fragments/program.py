# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What every module takes that runs a program.
    DOCUMENTATION = r"""
options:
  argv:
    description:
      - The program and its arguments, as they are. No shell is involved.
      - One of O(argv) and O(command) is needed.
    type: list
    elements: str
  command:
    description:
      - The program and its arguments as one text, split as a shell would split it. Nothing is expanded; for pipes and
        variables run a shell, such as V(sh -c "echo $HOME").
    type: str
  env:
    description:
      - Variables on top of those that the program has anyway.
    type: dict
  stdin:
    description:
      - Text that the program reads from its standard input. Without this option it reads nothing.
    type: str
  stdin_add_newline:
    description:
      - Whether O(stdin) gets a newline at its end.
    type: bool
    default: true
  timeout:
    description:
      - Seconds after which the program is killed and the task fails. Without it the task waits as long as it takes.
    type: float
"""
