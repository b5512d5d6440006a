# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices by their CDI names, looked up in this host's files each time the container starts, as podman does."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, EngineError, NotFound
from ..spec import cdi, strict_json
from ..spec.devices import DeviceNode
from .planner import CREATE, RECREATE_STEP, RESTART, START

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..plan.change import Plan
    from .desired import ContainerDesired
    from .model import Container

#: What a later directory says of a device wins over what an earlier one does.
DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
_STARTS = (CREATE, RECREATE_STEP, RESTART, START)
_LIMIT = 4 * 1024 * 1024


def inject(container: Container, spec: Json, *, rootless: bool) -> None:
    """The edits of its devices, into the spec of this start.

    Raises NotFound for a device that no file describes, or two of the same directory do; BadInput for a broken one.
    """
    names = jsonval.texts(container.config, "cdiDevices")
    if names:
        edits = edits_of(names, f"start container {container.name}", DIRECTORIES)
        cdi.inject(spec, edits, _node, binds=rootless)


def foresee(plan: Plan, wish: ContainerDesired, config: Json, *, rootless: bool) -> None:
    """Whether a plan that makes or starts a container can find its devices: `config` is that of the one there is.

    Raises what `inject` would raise then.
    """
    if not any(step.name in _STARTS for step in plan.steps):
        return
    names = jsonval.texts(config, "cdiDevices")
    if wish.device is not None:
        names = [device.source for device in wish.device if device.cdi]
    if names:
        cdi.inject({}, edits_of(names, f"start container {wish.name}", DIRECTORIES), _node, binds=rootless)


def edits_of(names: list[str], deed: str, directories: tuple[str, ...]) -> list[cdi.Edits]:
    """Each file's own edits go before those of the first of its devices."""
    kinds, troubles = _kinds(directories)
    found: list[cdi.Edits] = []
    used: list[cdi.Kind] = []
    for name in names:
        kind, _equals, device = name.partition("=")
        holders = [one for one in kinds.get(kind, ()) if device in one[1].devices]
        best = [one for rank, one in holders if rank == max(rank for rank, _one in holders)]
        if len(best) != 1:
            why = "several files of one directory describe it" if best else "no file describes it"
            said = "".join(f"; {trouble}" for trouble in troubles)
            raise NotFound(f"{deed}: find CDI device {name}", f"{why} in {' or '.join(directories)}{said}")
        if not any(known is best[0] for known in used):
            used.append(best[0])
            found.append(best[0].edits)
        found.append(best[0].devices[device])
    return found


def _kinds(directories: tuple[str, ...]) -> tuple[dict[str, list[tuple[int, cdi.Kind]]], list[str]]:
    """What all files say, by kind, with the rank of their directory; and what is wrong with those that are broken."""
    found: dict[str, list[tuple[int, cdi.Kind]]] = {}
    troubles = []
    for rank, directory in enumerate(directories):
        for path in _files(directory):
            try:
                kind = cdi.read(_document(path), path)
            except (EngineError, OSError) as error:
                troubles.append(str(error))
                continue
            found.setdefault(kind.kind, []).append((rank, kind))
    return found, troubles


def _files(directory: str) -> list[str]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [os.path.join(directory, name) for name in names if name.endswith((".json", ".yaml", ".yml"))]


def _document(path: str) -> object:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # who waits at a pipe waits for ever
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadInput(f"read {path}", "it is not a regular file")
        data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise BadInput(f"read {path}", f"it is longer than {_LIMIT} bytes")
    if path.endswith(".json"):
        return strict_json.loads_object(data, f"read {path}", _LIMIT)
    from ..base import plain_yaml

    try:
        return plain_yaml.loads(data.decode("utf-8"), f"read {path}")
    except UnicodeDecodeError as error:
        raise BadInput(f"read {path}", "it is not UTF-8 text") from error
    except BadInput as error:
        raise BadInput(error.deed, error.cause, "Write the file as JSON") from error


def _node(path: str) -> DeviceNode:
    try:
        info = os.stat(path)
    except OSError as error:
        raise NotFound(f"find device {path}", error.strerror or str(error)) from error
    kinds = ((stat.S_ISBLK, "b"), (stat.S_ISCHR, "c"), (stat.S_ISFIFO, "p"))
    kind = next((letter for test, letter in kinds if test(info.st_mode)), "")
    if not kind:
        raise NotFound(f"find device {path}", "it is not a device node")
    mode = stat.S_IMODE(info.st_mode)
    return DeviceNode(kind, os.major(info.st_rdev), os.minor(info.st_rdev), mode, info.st_uid, info.st_gid)
