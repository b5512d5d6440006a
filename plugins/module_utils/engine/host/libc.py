# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that the standard library lacks. Each raises OSError with the kernel's errno.

Numbers of system calls added since 2018 are the same on every architecture (Linux, asm-generic/unistd.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)

_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_PIDFD_OPEN = 434
_SYS_OPENAT2 = 437
_SYS_MOUNT_SETATTR = 442

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 0x4
MOUNT_ATTR_IDMAP = 0x00100000

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_AT_STATX_DONT_SYNC = 0x4000
_STATX_SIZE = 256
_STATX_ATTRIBUTES = (8, 56)  # where struct statx has stx_attributes, and which of them the kernel knows
_STATX_ATTR_MOUNT_ROOT = 0x2000  # since Linux 5.8

_M_TRIM_THRESHOLD = -1  # malloc.h
_M_MMAP_THRESHOLD = -3

_OPEN_HOW = struct.Struct("QQQ")
_MOUNT_ATTR = struct.Struct("QQQQ")


def _fail(path: str | bytes | None = None) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)


def _path(value: str | bytes) -> bytes:
    return os.fsencode(value)


def _syscall(number: int, *arguments: object, path: str | bytes | None = None) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise _fail(path)
    return result


def mount(source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    packed = _path(data) if data else None
    kind = _path(fstype) if fstype else None
    if _libc.mount(_path(source), _path(target), kind, ctypes.c_ulong(flags), packed) != 0:
        raise _fail(target)


def umount(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    if _libc.umount2(_path(target), ctypes.c_int(flags)) != 0:
        raise _fail(target)


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    if _libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)) != 0:
        raise _fail()


def unshare(flags: int) -> None:
    """unshare(2)."""
    if _libc.unshare(ctypes.c_int(flags)) != 0:
        raise _fail()


def prctl(option: int, argument: int) -> int:
    """prctl(2) with one argument."""
    result = int(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), 0, 0, 0))
    if result < 0:
        raise _fail()
    return result


def openat2(dirfd: int, path: str | bytes, flags: int, mode: int = 0, resolve: int = 0) -> int:
    """openat2(2): a new descriptor. ENOSYS on kernels before 5.6."""
    how = ctypes.create_string_buffer(_OPEN_HOW.pack(flags | os.O_CLOEXEC, mode, resolve), _OPEN_HOW.size)
    return _syscall(_SYS_OPENAT2, ctypes.c_int(dirfd), _path(path), how, ctypes.c_size_t(_OPEN_HOW.size), path=path)


def open_tree(dirfd: int, path: str, flags: int) -> int:
    """open_tree(2): a descriptor of a mount, detached with OPEN_TREE_CLONE."""
    return _syscall(_SYS_OPEN_TREE, ctypes.c_int(dirfd), _path(path), ctypes.c_uint(flags), path=path)


def move_mount(from_fd: int, to_path: str) -> None:
    """move_mount(2) of the detached mount `from_fd` onto `to_path`."""
    _syscall(
        _SYS_MOVE_MOUNT,
        ctypes.c_int(from_fd),
        b"",
        ctypes.c_int(AT_FDCWD),
        _path(to_path),
        ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH),
        path=to_path,
    )


def mount_setattr_idmap(tree_fd: int, userns_fd: int) -> None:
    """mount_setattr(2): translate the ids of a detached mount through a user namespace."""
    attr = ctypes.create_string_buffer(_MOUNT_ATTR.pack(MOUNT_ATTR_IDMAP, 0, 0, userns_fd), _MOUNT_ATTR.size)
    _syscall(
        _SYS_MOUNT_SETATTR,
        ctypes.c_int(tree_fd),
        b"",
        ctypes.c_uint(AT_EMPTY_PATH | AT_RECURSIVE),
        attr,
        ctypes.c_size_t(_MOUNT_ATTR.size),
    )


def is_mount_root(path: str) -> bool | None:
    """statx(2): whether a mount stands at `path`, symbolic links followed. None when the kernel does not tell."""
    call = getattr(_libc, "statx", None)
    if call is None:
        return None
    found = ctypes.create_string_buffer(_STATX_SIZE)
    if call(ctypes.c_int(AT_FDCWD), _path(path), ctypes.c_int(_AT_STATX_DONT_SYNC), ctypes.c_uint(0), found) != 0:
        return False if ctypes.get_errno() in (errno.ENOENT, errno.ENOTDIR) else None
    attributes, known = (struct.unpack_from("=Q", found, offset)[0] for offset in _STATX_ATTRIBUTES)
    return bool(attributes & _STATX_ATTR_MOUNT_ROOT) if known & _STATX_ATTR_MOUNT_ROOT else None


def pidfd_open(pid: int) -> int:
    """pidfd_open(2)."""
    return _syscall(_SYS_PIDFD_OPEN, ctypes.c_int(pid), ctypes.c_uint(0))


def syncfs(fd: int) -> None:
    """syncfs(2) of the file system that `fd` is on."""
    if _libc.syncfs(ctypes.c_int(fd)) != 0:
        raise _fail()


def keep_memory() -> None:
    """Let freed blocks of megabytes be used again, not given back and faulted in anew each time. glibc only."""
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 64 << 20)
