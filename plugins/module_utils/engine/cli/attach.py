# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless attach"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .attached import Wish, stay
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.add_argument("--detach-keys", help="keys to leave it running, ctrl-p,ctrl-q by default")
    parser.latest()
    parser.flag("--no-stdin", help="do not attach standard input")
    parser.switch("--sig-proxy", help="pass our signals on to it")


def run(context: Context, options: Namespace) -> int:
    if len(options.names) > 1 or (options.latest and options.names) or not (options.names or options.latest):
        raise Usage("attach requires the name or id of one running container or the latest one")
    container = context.container(context.chosen(options.names, latest=options.latest)[0])
    if not container.running or container.paused:
        raise Usage("you can only attach to running containers")
    streams = ("stdout", "stderr") if options.no_stdin else ("stdin", "stdout", "stderr")
    return stay(context, container, Wish(streams, options.detach_keys, options.sig_proxy is not False, fresh=False))
