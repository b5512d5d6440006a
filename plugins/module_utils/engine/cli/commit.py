# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless commit"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .access_flags import HELP, QUIET, read, text, truth
from .context import Usage
from .goflags import LIST, SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

FLAGS = (
    HELP,
    QUIET,
    Flag("--author -a", help="who made the image"),
    Flag("--change -c", LIST, "an instruction for its configuration, as CMD or ENV"),
    Flag("--config", help="a file with a configuration to lay over that of the image, in Docker's format"),
    Flag("--format -f", help="oci (as without it) or docker"),
    Flag("--iidfile", help="a file for the id of the image"),
    Flag("--include-volumes", SWITCH, "all volumes of the container become volumes of the image"),
    Flag("--message -m", help="a comment for the history, in the format docker"),
    Flag("--pause -p", SWITCH, "pause the container meanwhile"),
    Flag("--squash -s", SWITCH, "one layer that holds everything"),
)


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(FLAGS, "CONTAINER [IMAGE]")


def run(context: Context, options: Namespace) -> int:
    from ..container.commit import FORMATS, Wish, commit

    line = read(context, options, FLAGS)
    if line is None:
        return 0
    if not 1 <= len(line.words) <= 2:
        raise Usage(f"accepts between 1 and 2 arg(s), received {len(line.words)}")
    form, message = text(line, "format") or "oci", text(line, "message")
    if form not in FORMATS:
        raise Usage(f"unrecognized image format {form!r}")
    if message and form != "docker":
        raise Usage("messages are only compatible with the docker image format (-f docker)")
    given = line.given.get("change")
    wish = Wish(
        name=line.words[1] if len(line.words) > 1 else "",
        author=text(line, "author"),
        message=message,
        changes=tuple(given) if isinstance(given, list) else (),
        config=_config(text(line, "config")),
        format=form,
        include_volumes=truth(line, "include-volumes"),
        squash=truth(line, "squash"),
        pause=truth(line, "pause"),
    )
    identity = commit(context.session, context.container(line.words[0]), wish)
    path = text(line, "iidfile")
    if path:
        with open(path, "w", encoding="ascii") as file:
            file.write(identity)
    context.out(f"{identity}\n")
    return 0


def _config(path: str) -> dict[str, object]:
    """Raises Usage for a file that cannot be read, BadInput for one that holds something else."""
    if not path:
        return {}
    from ..image.config_merge import LIMIT, parse

    try:
        with open(path, "rb") as file:
            return parse(file.read(LIMIT + 1), f"read --config {path}")
    except OSError as error:
        raise Usage(f"--config: open {path}: {error.strerror}") from error
