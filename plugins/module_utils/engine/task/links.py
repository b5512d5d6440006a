# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the installed command is found. Every task asks whether it still is; only install.py changes it."""

from __future__ import annotations

import os

COMMAND = "daemonless"
COMPLETION = "daemonless.bash"
CURRENT = "current"


def command_link(base: str) -> str:
    """/usr/local/lib/daemonless -> /usr/local/bin/daemonless; ~/.local/lib/daemonless -> ~/.local/bin/daemonless."""
    return os.path.join(os.path.dirname(os.path.dirname(base)), "bin", COMMAND)


def completion_link(base: str) -> str:
    """Where bash looks for how to complete a command that is in the `bin` beside."""
    return os.path.join(os.path.dirname(os.path.dirname(base)), "share/bash-completion/completions", COMMAND)


def link_is_missing(base: str) -> bool:
    """Whether the command vanished from PATH since the installation; two lstat calls, asked by every task."""
    return not (os.path.lexists(command_link(base)) and os.path.lexists(os.path.join(base, CURRENT)))
