# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless container checkpoint and restore"""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from .access_flags import HELP, listed, path, read, text, truth
from .context import Usage
from .goflags import LIST, SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from ..base.jsonval import Json
    from ..container.model import Container
    from ..container.restore import Wish as Thaw
    from ..runtime.checkpoint import Keep
    from .arguments import Parser
    from .context import Context
    from .goflags import Line

#: Of whatever freezes or thaws.
COMMON = (
    HELP,
    Flag("--criu", help="another CRIU than the one of this host"),
    Flag("--ext-unix-sk", SWITCH, "cut connections by Unix sockets to the outside"),
    Flag("--file-locks", SWITCH, "keep locks on files"),
    Flag("--ignore-rootfs", SWITCH, "leave out what the container changed in its root file system"),
    Flag("--ignore-volumes", SWITCH, "leave out the content of volumes"),
    Flag("--tcp-established", SWITCH, "keep open TCP connections"),
)
COMPRESS = Flag("--compress -c", help="zstd (as without it), gzip or none")
_BOTH = (
    *COMMON,
    Flag("--all -a", SWITCH, "all containers that run, or that are frozen"),
    Flag("--keep -k", SWITCH, "keep what else would be removed"),
    Flag("--latest -l", SWITCH, "the container that was made last"),
    Flag("--print-stats", SWITCH, "show how long it took, and CRIU's numbers"),
)
_CHECKPOINT = (
    *_BOTH,
    COMPRESS,
    Flag("--create-image", help="an image to be made that holds the checkpoint"),
    Flag("--export -e", help="an archive to be written"),
    Flag("--leave-running -R", SWITCH, "let the container go on"),
    Flag("--pre-checkpoint -P", SWITCH, "only write the memory, and let the container go on"),
    Flag("--with-previous", SWITCH, "build on what --pre-checkpoint has written"),
)
_RESTORE = (
    *_BOTH,
    Flag("--ignore-static-ip", SWITCH, "other IP addresses will do"),
    Flag("--ignore-static-mac", SWITCH, "other hardware addresses will do"),
    Flag("--import -i", help="an archive to be restored"),
    Flag("--import-previous", help="the archive of an earlier round that it builds on"),
    Flag("--name -n", help="another name for the container out of the archive"),
    Flag("--pod", help="the pod that a container out of a pod goes into"),
    Flag("--publish -p", LIST, "ports to publish instead of those that it had"),
    Flag("--trust", SWITCH, "an archive may ask for more than a container usually gets"),
)


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(_RESTORE if name.endswith("restore") else _CHECKPOINT, "[CONTAINER...]")


def run(context: Context, options: Namespace) -> int:
    restores = options.command_name.endswith("restore")
    line = read(context, options, _RESTORE if restores else _CHECKPOINT)
    if line is None:
        return 0
    from ..container.reconcile import put_right

    put_right(context.session)
    begun = time.monotonic()
    entries = _restore(context, line) if restores else _checkpoint(context, line)
    if truth(line, "print-stats"):
        word = "restore" if restores else "checkpoint"
        took = int((time.monotonic() - begun) * 1e6)
        shown = [{"Id": cid, "criu_statistics": numbers} for cid, numbers in entries]
        context.out(json.dumps({f"podman_{word}_duration": took, "container_statistics": shown}, indent=4) + "\n")
    else:
        context.out("".join(f"{cid}\n" for cid, _numbers in entries))
    return 0


def _chosen(context: Context, line: Line, *, frozen: bool) -> list[Container]:
    from ..container import frozen as files
    from ..container.lookup import all_containers

    if truth(line, "all"):
        if line.words:
            raise Usage("--all and names of containers do not go together")
        everything = all_containers(context.session)
        if frozen:
            return [one for one in everything if not one.running and files.kept(one) is not None]
        return [one for one in everything if one.running]
    names = context.chosen(line.words, latest=truth(line, "latest"))
    if not names:
        raise Usage("you must provide at least one name or id")
    return [context.container(name) for name in names]


def keeps(line: Line) -> Keep:
    """What of a container's ties to the outside is to last."""
    from ..runtime.checkpoint import Keep

    return Keep(truth(line, "tcp-established"), truth(line, "file-locks"), truth(line, "ext-unix-sk"))


def compression_of(line: Line) -> str:
    """Raises Usage."""
    compression = text(line, "compress") or "zstd"
    if compression not in ("zstd", "gzip", "none"):
        raise Usage(f"selected compression algorithm ({compression!r}) not supported: it is zstd, gzip or none")
    return compression


def _checkpoint(context: Context, line: Line) -> list[tuple[str, Json]]:
    from ..container import checkpoint, checkpoint_pack, frozen
    from ..container.lookup import find
    from ..container.remove import remove

    archive, image = path(line, "export"), text(line, "create-image")
    for name in ("ignore-rootfs", "ignore-volumes"):
        if truth(line, name) and not archive and not image:
            raise Usage(f"--{name} can only be used with --export or --create-image")
    compression = compression_of(line)
    wish = checkpoint.Wish(
        keeps(line),
        leave_running=truth(line, "leave-running"),
        early=truth(line, "pre-checkpoint"),
        after_early=truth(line, "with-previous"),
        criu=path(line, "criu"),
        exported=bool(archive or image),
    )
    if wish.early and wish.after_early:
        raise Usage("--with-previous can not be used with --pre-checkpoint")
    packing = checkpoint_pack.Wish(
        not truth(line, "ignore-rootfs"), not truth(line, "ignore-volumes"), compression, early=wish.early
    )
    chosen = _chosen(context, line, frozen=False)
    if (archive or image) and len(chosen) != 1:
        raise Usage("--export and --create-image take exactly one container")
    done: list[tuple[str, Json]] = []
    session = context.session
    for container in chosen:
        done.append((container.id, checkpoint.checkpoint(session, container, wish)))
        fresh = find(session, container.id)
        with checkpoint_pack.as_before(session, fresh, wish.criu) if not wish.early else nullcontext():
            if archive:
                checkpoint_pack.write(session, fresh, archive, packing)
            if image:
                checkpoint_pack.image(session, fresh, image, packing)
        if archive and not truth(line, "keep") and not wish.early:
            frozen.forget(fresh)
            if fresh.auto_remove and not fresh.running:
                remove(session, fresh, volumes=True)
    return done


def _restore(context: Context, line: Line) -> list[tuple[str, Json]]:
    from ..container import restore

    thaw = restore.Wish(
        keeps(line),
        stay=truth(line, "keep"),
        ignore_ip=truth(line, "ignore-static-ip"),
        ignore_mac=truth(line, "ignore-static-mac"),
        criu=path(line, "criu"),
    )
    if path(line, "import"):
        if line.words or truth(line, "all"):
            raise Usage("--import takes no containers")
        return [_import(context, line, "", thaw)]
    images = [word for word in line.words if _is_image(context, word)]
    if images:
        if len(line.words) != 1:
            raise Usage("one image is restored at a time")
        return [_import(context, line, images[0], thaw)]
    for name in ("name", "pod", "publish"):
        if text(line, name) if name != "publish" else listed(line, name):
            raise Usage(f"--{name} can only be used with --import, or with an image")
    chosen = _chosen(context, line, frozen=True)
    return [(one.id, restore.restore(context.session, one, thaw)) for one in chosen]


def _is_image(context: Context, word: str) -> bool:
    from ..container import checkpoint_image
    from ..container.lookup import lookup

    if lookup(context.session, word) is not None:
        return False
    try:
        checkpoint_image.origin(context.session, word)
    except EngineError:
        return False
    return True


def _import(context: Context, line: Line, image: str, thaw: Thaw) -> tuple[str, Json]:
    from ..container import checkpoint_image, checkpoint_import
    from ..container.checkpoint_unpack import Origin

    session = context.session
    origin = checkpoint_image.origin(session, image) if image else Origin(path(line, "import"))
    before = path(line, "import-previous")
    published = listed(line, "publish")
    wish = checkpoint_import.Wish(
        origin,
        name=text(line, "name"),
        publish=tuple(published) if published else None,
        rootfs=not truth(line, "ignore-rootfs"),
        volumes=not truth(line, "ignore-volumes"),
        trust=truth(line, "trust"),
        before=Origin(before) if before else None,
        ignore_ip=truth(line, "ignore-static-ip"),
        pod=text(line, "pod"),
    )
    found = checkpoint_import.plan(session, wish)
    container, numbers = checkpoint_import.run(session, wish, found, thaw)
    return container.id, numbers
