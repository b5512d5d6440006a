# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless pull"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .access_flags import ACCESS, HELP, PLATFORM, QUIET, absolute, access, read, refuse, text, truth
from .context import Usage
from .goflags import SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from ..image.options import PullOptions
    from .arguments import Parser
    from .context import Context
    from .goflags import Line

FLAGS = (
    *ACCESS,
    *PLATFORM,
    QUIET,
    HELP,
    Flag("--all-tags -a", SWITCH, "every tag of the repository"),
    Flag("--decryption-key", help="refused: encrypted layers are not read"),
    Flag("--disable-content-trust", SWITCH, "for scripts of docker's users: nothing to switch off"),
    Flag("--policy", help="always (as without it), missing, newer or never"),
)


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(FLAGS, "IMAGE [IMAGE...]")


def run(context: Context, options: Namespace) -> int:
    line = read(context, options, FLAGS)
    if line is None:
        return 0
    if not line.words:
        raise Usage("requires at least 1 arg(s), only received 0")
    refuse(line, {"decryption-key": "encrypted layers are not read"})
    wanted = access(line)

    def one(name: str) -> None:
        for identity in _pulled(context, line, name, wanted):
            context.out(f"{identity}\n")

    return context.each([absolute(word) for word in line.words], one)


def _pulled(context: Context, line: Line, name: str, wanted: PullOptions) -> list[str]:
    from ..image import pull
    from ..registry import places

    if truth(line, "all-tags"):
        from ..image import every_tag
        from ..image.desired import ImageDesired

        names = [each.name for each in every_tag.desires(context.session, ImageDesired(name, options=wanted))]
    else:
        names = [name]
    found = []
    for each in names:
        if not truth(line, "quiet"):
            sys.stderr.write(f"Trying to pull {each}...\n")
        if places.parse(each) is not None:
            found.append(pull.pull(context.session, each, wanted).id)
            continue
        done = pull.resolve_for(context.session, each, text(line, "policy") or "always", wanted)
        if done.image is not None:
            found.append(done.image.id)
    return found
