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
    from typing import Any

    from . import (  # noqa: F401
        attach,
        backup,
        care,
        checkpoint,
        cleanup,
        commit,
        complete,
        cp,
        create,
        events,
        execute,
        healthcheck,
        image_views,
        images,
        imports,
        info,
        inspect,
        lifecycle,
        login,
        logs,
        manifests,
        mounts,
        names,
        network_create,
        network_verbs,
        networks,
        pod_create,
        pod_verbs,
        pod_watch,
        pods,
        port,
        ps,
        pull,
        push,
        remove,
        rename,
        rmi,
        save,
        search,
        secrets,
        small,
        stats,
        top,
        trees,
        update,
        usage,
        version,
        volume_deeds,
        volumes,
    )
    from .arguments import Parser

FAILED = 125

_COMMANDS: dict[str, tuple[str, str]] = {
    "attach": ("attach", "Attach to a container that runs"),
    "commit": ("commit", "Make an image from a container"),
    "completion": ("complete", "Print what completes the command in a shell"),
    "cp": ("cp", "Copy files into containers, and out of them"),
    "create": ("create", "Make a container, and do not start it"),
    "diff": ("trees", "Show what a container changed in its file system"),
    "events": ("events", "Show what happened, and what happens"),
    "exec": ("execute", "Run a program in a running container"),
    "export": ("trees", "Write the file system of a container as a tar"),
    "history": ("image_views", "Show how an image came to be"),
    "images": ("images", "List images"),
    "import": ("imports", "Make an image from the tar of a root file system"),
    "info": ("info", "Describe this host: store, runtimes, networks, what is missing"),
    "init": ("small", "Make all that containers need, and do not let their programs begin"),
    "inspect": ("inspect", "Show all there is to know about containers, images, networks, volumes or pods"),
    "kill": ("lifecycle", "Send a signal to containers"),
    "load": ("save", "Bring the images of an archive into the store"),
    "login": ("login", "Keep credentials for a registry"),
    "logout": ("login", "Forget the credentials for a registry"),
    "logs": ("logs", "Show what a container has written"),
    "mount": ("mounts", "Mount the files of containers, and show where"),
    "pause": ("lifecycle", "Freeze the processes of containers"),
    "port": ("port", "Show published ports"),
    "ps": ("ps", "List containers"),
    "pull": ("pull", "Fetch images from registries"),
    "push": ("push", "Copy an image to a registry, or elsewhere"),
    "rename": ("rename", "Give a container another name"),
    "restart": ("lifecycle", "Stop and start containers"),
    "rm": ("remove", "Remove containers"),
    "rmi": ("rmi", "Remove images"),
    "run": ("create", "Make a container, start it, and stay until it ends"),
    "save": ("save", "Write images into an archive or directory"),
    "search": ("search", "Search a registry for images, or for the tags of one"),
    "start": ("lifecycle", "Start containers"),
    "stats": ("stats", "Show what containers use: processors, memory, network, disk"),
    "stop": ("lifecycle", "Stop containers"),
    "tag": ("names", "Give an image further names"),
    "top": ("top", "Show the processes of a container"),
    "untag": ("names", "Take names of an image away"),
    "unpause": ("lifecycle", "Thaw the processes of containers"),
    "unmount": ("mounts", "Unmount the files of containers"),
    "update": ("update", "Change limits and restart policy of a container while it runs"),
    "version": ("version", "Show the version"),
    "wait": ("lifecycle", "Wait until containers end, and show their exit codes"),
}
_ALIASES = {"umount": "unmount"}
_IMAGE = ("history", "import", "load", "pull", "push", "save", "search", "tag", "untag")  # of `image` too
_OTHERS = (*_IMAGE, "completion", "events", "images", "info", "login", "logout", "rmi", "version")
_VOLUME_DEEDS = "create exists export import inspect mount prune reload rm unmount".split()
_POD_VERBS = "create exists inspect kill logs pause prune ps restart rm start stats stop top unpause".split()
_GROUPS: dict[str, dict[str, str]] = {
    "container": {
        **{name: name for name in _COMMANDS if name not in _OTHERS},
        "list": "ps",
        "ls": "ps",
        "ps": "ps",
        "umount": "unmount",
        **{name: f"container {name}" for name in ("backup", "checkpoint", "exists", "prune", "restore")},
    },
    "image": {
        "list": "images",
        "ls": "images",
        "inspect": "inspect",
        "rm": "rmi",
        **{name: name for name in _IMAGE},
        **{name: f"image {name}" for name in ("diff", "exists", "prune", "tree")},
    },
    "manifest": {word: f"manifest {word}" for word in "add annotate create exists inspect push remove rm".split()},
    "healthcheck": {"run": "healthcheck run"},
    "network": {
        "list": "networks",
        "ls": "networks",
        "inspect": "inspect",
        "remove": "network rm",
        **{
            word: f"network {word}"
            for word in "connect create disconnect exists prune reload rm update".split()
        },
    },
    "volume": {
        "list": "volumes",
        "ls": "volumes",
        "remove": "volume rm",
        "umount": "volume unmount",
        **{word: f"volume {word}" for word in _VOLUME_DEEDS},
    },
    "pod": {
        **{word: f"pod {word}" for word in _POD_VERBS},
        "list": "pod ps",
        "ls": "pod ps",
    },
    "secret": {
        "list": "secret-ls",
        **{word: f"secret-{word}" for word in ("create", "exists", "inspect", "ls", "rm")},
    },
    "system": {"events": "events", "info": "info", "check": "system check", "df": "system df", "prune": "system prune"},
}
_HIDDEN = {
    "secret-create": ("secrets", "Store a secret"),
    "secret-exists": ("secrets", "Tell by the exit code whether a secret exists"),
    "secret-inspect": ("secrets", "Show secrets"),
    "secret-ls": ("secrets", "List secrets"),
    "secret-rm": ("secrets", "Remove secrets"),
    "cleanup": ("cleanup", "Called by conmon when a container has ended"),
    "container backup": ("backup", "Keep one more checkpoint of a container that goes on, and remove old ones"),
    "container checkpoint": ("checkpoint", "Freeze containers into files, with the memory of their processes"),
    "container exists": ("small", "Tell by the exit code whether there is a container"),
    "container prune": ("care", "Remove containers that do not run"),
    "container restore": ("checkpoint", "Have frozen containers go on"),
    "healthcheck run": ("healthcheck", "Check the health of a container now"),
    "image diff": ("image_views", "Show what an image has that another has not, or the layer below"),
    "image exists": ("image_views", "Tell by the exit code whether there is an image"),
    "image prune": ("care", "Remove images that nobody uses"),
    "image tree": ("image_views", "Draw the layers of an image"),
    "manifest add": ("manifests", "Add images to a manifest list"),
    "manifest annotate": ("manifests", "Describe a manifest list, or an image in it"),
    "manifest create": ("manifests", "Make a manifest list"),
    "manifest exists": ("manifests", "Tell by the exit code whether there is a manifest list"),
    "manifest inspect": ("manifests", "Show a manifest list, of this host or of a registry"),
    "manifest push": ("manifests", "Send a manifest list and its images to a registry"),
    "manifest remove": ("manifests", "Take an image out of a manifest list"),
    "manifest rm": ("manifests", "Remove manifest lists"),
    "network connect": ("network_verbs", "Attach a container to a network"),
    "network create": ("network_create", "Make a network"),
    "network disconnect": ("network_verbs", "Detach a container from a network"),
    "network exists": ("network_verbs", "Tell by the exit code whether there is a network"),
    "network prune": ("network_verbs", "Remove networks that no container uses"),
    "network reload": ("network_verbs", "Set the networks of containers up anew, after a firewall was flushed"),
    "network rm": ("network_verbs", "Remove networks"),
    "network update": ("network_verbs", "Change the name servers of a network"),
    "networks": ("networks", "List networks"),
    "pod create": ("pod_create", "Make a pod"),
    "pod exists": ("pod_verbs", "Tell by the exit code whether there is a pod"),
    "pod inspect": ("pods", "Show all there is to know about pods"),
    "pod kill": ("pod_verbs", "Send a signal to the containers of pods"),
    "pod logs": ("pod_watch", "Show what the containers of a pod have written"),
    "pod pause": ("pod_verbs", "Freeze the containers of pods"),
    "pod prune": ("pod_verbs", "Remove pods that have ended"),
    "pod ps": ("pods", "List pods"),
    "pod restart": ("pod_verbs", "Stop and start pods"),
    "pod rm": ("pod_verbs", "Remove pods and their containers"),
    "pod start": ("pod_verbs", "Start pods"),
    "pod stats": ("pod_watch", "Show what the containers of pods use"),
    "pod stop": ("pod_verbs", "Stop pods"),
    "pod top": ("pod_watch", "Show the processes of a pod"),
    "pod unpause": ("pod_verbs", "Thaw the containers of pods"),
    "system check": ("care", "Find and repair damage in the storage"),
    "system df": ("usage", "Show what images, containers and volumes take on the disk"),
    "system prune": ("care", "Remove what nobody uses"),
    "volumes": ("volumes", "List volumes"),
    "volume create": ("volume_deeds", "Make a volume"),
    "volume exists": ("volume_deeds", "Tell by the exit code whether there is a volume"),
    "volume export": ("volume_deeds", "Write what is in a volume as a tar"),
    "volume import": ("volume_deeds", "Put what is in a tar into a volume"),
    "volume inspect": ("volume_deeds", "Show all there is to know about volumes"),
    "volume mount": ("volume_deeds", "Mount a volume, and show where"),
    "volume prune": ("volume_deeds", "Remove volumes that no container uses"),
    "volume reload": ("volume_deeds", "Look for volumes of plugins, which there are none of"),
    "volume rm": ("volume_deeds", "Remove volumes"),
    "volume unmount": ("volume_deeds", "Unmount a volume"),
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
    word, rest, kind = _ALIASES.get(argv[0], argv[0]), argv[1:], ""
    if word == "port-forward":
        from ..netavark.forward_main import main as forward

        return forward(rest)
    if word == "__complete":
        from .complete import Tree, candidates

        context.out("".join(f"{one}\n" for one in candidates(context, rest, Tree(_COMMANDS, _GROUPS, _parser))))
        return 0
    if word in _GROUPS:
        if rest[:1] in (["--help"], ["-h"]):
            context.out(f"usage: daemonless {word} COMMAND\n\nCommands: {', '.join(sorted(_GROUPS[word]))}\n")
            return 0
        kind, word, rest = _in_group(word, rest)
    elif word not in _COMMANDS:
        raise Usage(f"unrecognized command `daemonless {word}`\nTry 'daemonless --help' for more information")
    parser = _parser(word, kind)
    options = parser.read(rest)
    options.kind = kind
    options.command_name = word
    return int(_module(word).run(context, options))


def _module(word: str) -> Any:
    from importlib import import_module

    return import_module(f".{(_COMMANDS.get(word) or _HIDDEN[word])[0]}", __package__)


def _parser(word: str, kind: str = "") -> Parser:
    from .arguments import Parser

    summary = (_COMMANDS.get(word) or _HIDDEN[word])[1]
    parser = Parser(f"daemonless {'' if ' ' in word else kind} {word}".replace("  ", " "), summary)
    _module(word).arguments(parser, word)
    return parser


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
    lines += [f"  {name:<12}{summary}" for name, (_name, summary) in sorted(_COMMANDS.items())]
    lines += ["", "Groups:"]
    lines += [f"  {group:<12}{', '.join(sorted(verbs))}" for group, verbs in sorted(_GROUPS.items())]
    return "\n".join(lines) + "\n\n`daemonless COMMAND --help` shows the options of a command.\n"
