# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces that stay while nobody is in them: files on which one is bound, where `ip netns` and podman look.

setns(2) and unshare(2) of a network namespace concern the calling thread alone, so a visit needs no child process, just
a thread that ends with it: a plain user, root in a user namespace only, could not set it back to the host's.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, TypeVar

from ..base.errors import HostLacks, NotFound
from ..base.steps import reached
from ..base.threads import in_thread
from ..host import libc, mounts

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_HERE = "/proc/thread-self/ns/net"
_PREFIX = "netns-"


def new_path(netns_dir: str) -> str:
    """A fresh name in podman's manner, netns-<uuid>."""
    raw = os.urandom(16).hex()
    return os.path.join(netns_dir, f"{_PREFIX}{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}")


def create(path: str) -> str:
    """Make a network namespace and bind it at `path`, which must not exist; returns the path.

    Raises HostLacks when the kernel refuses namespaces.
    """
    prepare_directory(os.path.dirname(path))
    return create_unshared(path)


def create_unshared(path: str) -> str:
    """As create, in a directory that is left as it is."""
    deed = f"create network namespace {path}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_CLOEXEC, 0o444))
    reached("netns-file-made")

    def bind() -> None:
        libc.unshare(libc.CLONE_NEWNET)
        libc.mount(_HERE, path, "", libc.MS_BIND)

    try:
        in_thread(bind)
    except BaseException as error:
        remove(path)
        if isinstance(error, OSError):
            raise HostLacks(deed, f"the kernel refuses: {error.strerror}") from error
        raise
    reached("netns-bound")
    return path


def remove(path: str) -> bool:
    """Unbind and delete; False when it was gone already. A namespace with processes in it lives on without a name."""
    mounts.unmount_all(path)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        # Another mount namespace that got a private copy of the mount may still pin the file for older kernels.
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def is_bound(path: str) -> bool:
    """Whether a namespace (and not just a left-over file) is there."""
    try:
        return os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
    except OSError:
        return False


def visit(path: str, deed: Callable[[], Result]) -> Result:
    """The result of `deed`, run in the namespace. Raises NotFound without one at `path`, and what `deed` raises."""

    def inside() -> Result:
        enter(path)
        return deed()

    return in_thread(inside)


def enter(path: str) -> None:
    """Move this thread into the namespace, for good: a plain user may not come back. Raises NotFound."""
    try:
        place = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc.setns(place, libc.CLONE_NEWNET)
        finally:
            os.close(place)
    except OSError as error:
        raise NotFound(f"enter network namespace {path}", error.strerror or "not a namespace") from error


def prepare_directory(path: str) -> None:
    """The directory as podman and ip-netns(8) want it: a shared mount, so that new bindings reach everybody."""
    os.makedirs(path, 0o755, exist_ok=True)
    try:
        libc.mount("", path, "", libc.MS_SHARED | libc.MS_REC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: not a mount point yet
            raise
        libc.mount(path, path, "", libc.MS_BIND | libc.MS_REC)
        libc.mount("", path, "", libc.MS_SHARED | libc.MS_REC)


def bound_in(netns_dir: str) -> list[str]:
    """Every podman-style namespace file in the directory, bound or left over."""
    try:
        names = os.listdir(netns_dir)
    except FileNotFoundError:
        return []
    return [os.path.join(netns_dir, name) for name in sorted(names) if name.startswith(_PREFIX)]
