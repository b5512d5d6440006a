# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `daemonless`: podman's sub-commands and flags, for people on the host and for conmon.

Only the file of the one command that was asked for is imported. Exit codes are podman's: 125 when the command itself
failed, 126 and 127 when a program in a container could not be started, else what that program returned.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from .context import Context, Usage

if TYPE_CHECKING:  # also what makes Ansible ship the commands, which are imported by name
    from collections.abc import Sequence

    from . import (  # noqa: F401
        care,
        cleanup,
        execute,
        image_views,
        images,
        imports,
        info,
        inspect,
        lifecycle,
        logs,
        names,
        networks,
        port,
        ps,
        remove,
        rename,
        rmi,
        secrets,
        top,
        usage,
        version,
        volumes,
    )

FAILED = 125

_COMMANDS: dict[str, tuple[str, str]] = {
    "exec": ("execute", "Run a program in a running container"),
    "history": ("image_views", "Show how an image came to be"),
    "images": ("images", "List images"),
    "import": ("imports", "Make an image from the tar of a root file system"),
    "info": ("info", "Describe this host: store, runtimes, networks, what is missing"),
    "inspect": ("inspect", "Show all there is to know about containers, images, networks or volumes"),
    "kill": ("lifecycle", "Send a signal to containers"),
    "logs": ("logs", "Show what a container has written"),
    "pause": ("lifecycle", "Freeze the processes of containers"),
    "port": ("port", "Show published ports"),
    "ps": ("ps", "List containers"),
    "rename": ("rename", "Give a container another name"),
    "restart": ("lifecycle", "Stop and start containers"),
    "rm": ("remove", "Remove containers"),
    "rmi": ("rmi", "Remove images"),
    "start": ("lifecycle", "Start containers"),
    "stop": ("lifecycle", "Stop containers"),
    "tag": ("names", "Give an image further names"),
    "top": ("top", "Show the processes of a container"),
    "untag": ("names", "Take names of an image away"),
    "unpause": ("lifecycle", "Thaw the processes of containers"),
    "version": ("version", "Show the version"),
    "wait": ("lifecycle", "Wait until containers end, and show their exit codes"),
}
_OTHERS = ("history", "images", "import", "info", "rmi", "tag", "untag", "version")  # of no use below `container`
_GROUPS: dict[str, dict[str, str]] = {
    "container": {
        **{name: name for name in _COMMANDS if name not in _OTHERS},
        "list": "ps",
        "ls": "ps",
    },
    "image": {
        "list": "images",
        "ls": "images",
        "inspect": "inspect",
        "rm": "rmi",
        **{name: name for name in ("history", "import", "tag", "untag")},
        **{name: f"image {name}" for name in ("diff", "exists", "prune", "tree")},
    },
    "network": {"list": "networks", "ls": "networks", "inspect": "inspect"},
    "volume": {"list": "volumes", "ls": "volumes", "inspect": "inspect"},
    "secret": {
        "list": "secret-ls",
        **{word: f"secret-{word}" for word in ("create", "exists", "inspect", "ls", "rm")},
    },
    "system": {"info": "info", "check": "system check", "df": "system df", "prune": "system prune"},
}
_HIDDEN = {
    "secret-create": ("secrets", "Store a secret"),
    "secret-exists": ("secrets", "Tell by the exit code whether a secret exists"),
    "secret-inspect": ("secrets", "Show secrets"),
    "secret-ls": ("secrets", "List secrets"),
    "secret-rm": ("secrets", "Remove secrets"),
    "cleanup": ("cleanup", "Called by conmon when a container has ended"),
    "image diff": ("image_views", "Show what an image has that another has not, or the layer below"),
    "image exists": ("image_views", "Tell by the exit code whether there is an image"),
    "image prune": ("care", "Remove images that nobody uses"),
    "image tree": ("image_views", "Draw the layers of an image"),
    "networks": ("networks", "List networks"),
    "system check": ("care", "Find and repair damage in the storage"),
    "system df": ("usage", "Show what images, containers and volumes take on the disk"),
    "system prune": ("care", "Remove what nobody uses"),
    "volumes": ("volumes", "List volumes"),
}


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    context = Context()
    try:
        code = _dispatch(context, list(argv))
        context.close()
        sys.stdout.flush()
        return code
    except Usage as error:
        context.error(str(error))
        return error.code
    except EngineError as error:
        context.error(str(error))
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away: nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        context.error(str(error))
        return FAILED
    finally:
        context.close()


def _dispatch(context: Context, argv: list[str]) -> int:
    argv = _drop_global_flags(argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        context.out(_help())
        return 0
    if argv[0] in ("-v", "--version"):
        argv = ["version", "--short"]
    word, rest, kind = argv[0], argv[1:], ""
    if word == "port-forward":
        from ..netavark.forward_main import main as forward

        return forward(rest)
    if word in _GROUPS:
        kind, word, rest = _in_group(word, rest)
    elif word not in _COMMANDS:
        raise Usage(f"unrecognized command `daemonless {word}`\nTry 'daemonless --help' for more information")
    module, summary = _COMMANDS.get(word) or _HIDDEN[word]
    from importlib import import_module

    from .arguments import Parser

    command = import_module(f".{module}", __package__)
    parser = Parser(f"daemonless {'' if ' ' in word else kind} {word}".replace("  ", " "), summary)
    command.arguments(parser, word)
    options = parser.parse_args(rest)
    options.kind = kind
    options.command_name = word
    code = command.run(context, options)
    return int(code)


def _drop_global_flags(argv: list[str]) -> list[str]:
    """Accept podman's flags before the command that change nothing here."""
    while argv:
        if argv[0].startswith("--log-level="):
            argv = argv[1:]
        elif argv[0] == "--log-level":
            argv = argv[2:]
        else:
            break
    return argv


def _in_group(group: str, rest: list[str]) -> tuple[str, str, list[str]]:
    if rest and group == "container" and rest[0] == "cleanup":
        return group, "cleanup", rest[1:]
    if not rest or rest[0] not in _GROUPS[group]:
        known = ", ".join(sorted(_GROUPS[group]))
        raise Usage(f"`daemonless {group}` needs one of: {known}")
    return group, _GROUPS[group][rest[0]], rest[1:]


def _help() -> str:
    lines = ["Usage: daemonless COMMAND [options]", "", "Containers of this host, without a daemon. Commands:"]
    lines += [f"  {name:<10}{summary}" for name, (_module, summary) in sorted(_COMMANDS.items())]
    grouped = [f"{group} ls" for group in ("container", "image", "network", "volume")]
    lines += ["", f"Also: {', '.join(grouped)}, and inspect in place of ls."]
    lines += [f"{name:<16}{summary}" for name, (_module, summary) in sorted(_HIDDEN.items()) if " " in name]
    return "\n".join(lines) + "\n\n`daemonless COMMAND --help` shows the options of a command.\n"
