# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start looks up and makes in the container's own tree, whose files may be hostile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, HostLacks, NotFound
from ..host.rooted import Root, read_file
from ..spec import users
from . import own_ids, runfiles

if TYPE_CHECKING:
    from .model import Container

_SYSTEM_DIRECTORIES = ("dev", "proc", "sys")


def accounts(container: Container, rootfs: str) -> runfiles.Accounts:
    """Who the process is, by the image's own passwd and group, which are read as the hostile files they may be."""
    with Root.of(rootfs) as root:
        passwd = read_file(root, "etc/passwd", users.MAX_BYTES) or b""
        group = read_file(root, "etc/group", users.MAX_BYTES) or b""
        _refuse_redirected(container, root)
    wanted = jsonval.text(container.config, "user")
    extra = jsonval.texts(container.config, "groups")
    try:
        account = users.lookup(wanted, passwd, group, extra)
    except NotFound as error:
        raise NotFound(f"start container {container.name}", f"{error.deed}: {error.cause}") from error
    return runfiles.Accounts(account, passwd, group)


def _refuse_redirected(container: Container, root: Root) -> None:
    """An image whose /dev, /proc or /sys is a symbolic link makes runtimes write through it (CVE-2026-41579)."""
    for name in _SYSTEM_DIRECTORIES:
        try:
            target = root.readlink(name)
        except OSError:
            continue
        raise BadInput(
            f"start container {container.name}",
            f"/{name} of its image is a symbolic link to {os.fsdecode(target)}",
            "No honest image has that; the runtime would be led astray by it",
        )


def make_mtab(container: Container, rootfs: str) -> None:
    """/etc/mtab as a link to /proc/mounts, where the image has none: old programs look there. podman makes it, too.

    A tree in which that cannot be is left alone: no program of these times is lost without it.
    """
    owner = own_ids.outside(container.config, 0, 0)
    with Root.of(rootfs) as root:
        try:
            root.lstat("etc/mtab")
            return
        except FileNotFoundError:
            pass
        except OSError:
            return
        try:
            fd = root.mkdirs("etc", 0o755, owner)
            try:
                os.symlink("/proc/mounts", "mtab", dir_fd=fd)
                os.chown("mtab", *owner, dir_fd=fd, follow_symlinks=False)
            finally:
                os.close(fd)
        except OSError:
            return


def make_workdir(container: Container, rootfs: str, account: users.Account) -> None:
    """podman makes a missing working directory, owned by the container's user; one below a volume is left alone."""
    cwd = jsonval.text(jsonval.table(container.spec, "process"), "cwd", "/")
    if cwd == "/" or not jsonval.flag(container.config, "createWorkingDir"):
        return
    targets = [jsonval.text(mount, "destination") for mount in jsonval.tables(container.spec, "mounts")]
    targets += [jsonval.text(volume, "dest") for volume in jsonval.tables(container.config, "namedVolumes")]
    if any(cwd == target or cwd.startswith(target.rstrip("/") + "/") for target in targets if target != "/"):
        return
    with Root.of(rootfs) as root:
        if root.exists(cwd):
            return
        try:
            os.close(root.mkdirs(cwd, 0o755, (account.uid, account.gid)))
        except OSError as error:
            raise HostLacks(
                f"start container {container.name}", f"working directory {cwd}: {error.strerror}"
            ) from error
