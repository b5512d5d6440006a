# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sparing crun the work of compiling the same seccomp profile for every container.

crun before 1.9 spends about 12 ms of processor time on it; later ones keep their own cache and need nothing. crun
takes a ready filter from the annotation `run.oci.seccomp_bpf_data` (base64). The filter given is always one that this
very crun, with this libseccomp, compiled from this profile before: taken from its state directory and kept, in a
directory of ours that does not survive a reboot, under a name made of all three.
"""

from __future__ import annotations

import base64
import glob
import hashlib
import json
import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.files import atomic_write, read_bytes

if TYPE_CHECKING:
    from .program import Runtime

ANNOTATION = "run.oci.seccomp_bpf_data"
_LIMIT = 8 * 65536  # the kernel takes 4096 instructions of 8 bytes; with room to spare
_LIBRARIES = ("/usr/lib/*/libseccomp.so.2", "/usr/lib64/libseccomp.so.2", "/usr/lib/libseccomp.so.2")
_INSTRUCTION = 8


class FilterCache:
    """The filters of one crun; does nothing for other runtimes and for a crun that has a cache of its own."""

    def __init__(self, cache_dir: str, runtime: Runtime, run_dir: str) -> None:
        """`run_dir` is /run, or a plain user's runtime directory, unless the runtime's arguments name a root."""
        self._folder = os.path.join(cache_dir, "seccomp")
        self._runtime = runtime
        root = [word.partition("=")[2] for word in runtime.args if word.startswith("--root=")]
        self._state = root[-1] if root else os.path.join(run_dir, "crun")

    def annotation(self, profile: dict[str, object]) -> dict[str, str]:
        """What to add to the bundle's annotations for this `linux.seccomp`; empty when nothing is known yet."""
        if not self._applies(profile):
            return {}
        try:
            data = read_bytes(self._path(profile), _LIMIT)
        except (OSError, EngineError):
            return {}
        return {ANNOTATION: base64.b64encode(data).decode("ascii")} if _whole(data) else {}

    def keep(self, profile: dict[str, object], cid: str) -> None:
        """After a create without the annotation: keep what crun compiled for `cid`."""
        if not self._applies(profile):
            return
        try:
            path = self._path(profile)
            if os.path.exists(path):
                return
            data = read_bytes(os.path.join(self._state, cid, "seccomp.bpf"), _LIMIT)
            if _whole(data):
                os.makedirs(self._folder, mode=0o700, exist_ok=True)
                atomic_write(path, data, durable=False)
        except (OSError, EngineError):
            return  # a saving, never a reason to fail

    def _applies(self, profile: dict[str, object]) -> bool:
        if self._runtime.name != "crun" or not profile or profile.get("listenerPath"):
            return False
        return not os.path.isdir(os.path.join(self._state, ".cache", "seccomp"))

    def _path(self, profile: dict[str, object]) -> str:
        made_of: list[object] = [profile, os.uname().machine]
        for pattern in (self._runtime.path, *_LIBRARIES):
            for path in sorted(glob.glob(pattern)):
                found = os.stat(path)
                made_of.append([path, found.st_ino, found.st_size, found.st_mtime_ns])
        name = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        return os.path.join(self._folder, name)


def _whole(data: bytes) -> bool:
    return bool(data) and len(data) % _INSTRUCTION == 0
