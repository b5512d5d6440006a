# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ps` shows to those who ask: namespaces, sizes, and containers of the storage that libpod knows nothing of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import words
from .gotext import Struct
from .rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from ..container.model import Container
    from ..container.sizes import Sizes
    from ..image.catalogue import Catalogue
    from ..store.records import ContainerRecord

NAMESPACE_COLUMNS = (
    ("CONTAINER ID", "ID"),
    ("NAMES", "Names"),
    ("PID", "Pid"),
    ("CGROUPNS", "Cgroup"),
    ("IPC", "IPC"),
    ("MNT", "MNT"),
    ("NET", "NET"),
    ("PIDNS", "PIDNS"),
    ("USERNS", "User"),
    ("UTS", "UTS"),
)
#: Podman's names of them in templates and in JSON, and the kernel's, in podman's order.
_NAMESPACES = (
    ("MNT", "Mnt", "mnt"),
    ("Cgroup", "Cgroup", "cgroup"),
    ("IPC", "Ipc", "ipc"),
    ("NET", "Net", "net"),
    ("PIDNS", "Pidns", "pid"),
    ("UTS", "Uts", "uts"),
    ("User", "User", "user"),
)


def namespaces(pid: int) -> Struct:
    """The numbers of a process' namespaces; "" for those that nobody may look at, and where there is no process."""
    found = Struct((name, _number(pid, kernels)) for name, _key, kernels in _NAMESPACES)
    found.source = lambda: namespaces_object(found)
    return found


def _number(pid: int, kind: str) -> str:
    if not pid:
        return ""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}").partition("[")[2].rstrip("]")
    except OSError:
        return ""


def namespaces_object(found: Struct) -> Json:
    return {key: found[name] for name, key, _kernels in _NAMESPACES if found.get(name)}


def size_text(found: Sizes) -> str:
    """`11.1kB (virtual 2.05MB)`"""
    own, whole = (words.size(count).replace(" ", "") for count in found)
    return f"{own} (virtual {whole})"


def strangers(
    catalogue: Catalogue, known: Mapping[str, Container], wanted: dict[str, list[str]]
) -> list[ContainerRecord]:
    """Containers of the storage that are none of libpod's, which are `known` by id. A filter that asks for what only
    libpod knows keeps none of them."""
    from ..container.strangers import records

    found = records(catalogue.store, known)
    for key, values in wanted.items():
        found = [record for record in found if any(_fits(catalogue, record, key, value) for value in values)]
    return found


def _fits(catalogue: Catalogue, record: ContainerRecord, key: str, value: str) -> bool:
    from .filters import is_ancestor, name_fits

    if key == "id":
        return record.id.startswith(value.lower())
    if key == "name":
        return any(name_fits(name, value) for name in record.names)
    if key == "ancestor":
        return is_ancestor(image_name(catalogue, record), record.image, value)
    if key == "status":
        return value == "storage"
    return False


def image_name(catalogue: Catalogue, record: ContainerRecord) -> str:
    image = catalogue.image(record.image)
    if image is not None:
        history = image.names_history or image.names
        return history[0] if history else ""
    return "scratch" if not record.image and _of_a_build(catalogue, record) else ""


def _of_a_build(catalogue: Catalogue, record: ContainerRecord) -> bool:
    from ..container.strangers import is_of_build

    return is_of_build(catalogue.store, record)


def stranger_row(catalogue: Catalogue, record: ContainerRecord, now: int, *, full: bool) -> Row:
    name = record.names[0] if record.names else "unknown"
    maker = "buildah" if _of_a_build(catalogue, record) else "storage"
    image = image_name(catalogue, record)
    row = Row(
        ID=record.id if full else record.id[:12],
        Image=image,
        ImageID=record.image if full else record.image[:12],
        Command=maker,
        CreatedHuman=words.ago(record.created, now),
        Created=words.go_time(record.created),
        CreatedAt=words.go_time(record.created),
        RunningFor=words.ago(record.created, now),
        Status="Storage",
        State="storage",
        Ports="",
        Names=name,
        Mounts=[],
        Networks="",
        Labels={},
        Pid=0,
        Pod="",
        PodName="",
        ExitCode=0,
        Exited=False,
        Restarts=0,
        AutoRemove=False,
        IsInfra=False,
        StartedAt=0,
        ExitedAt=0,
        Size="",
        Namespaces=namespaces(0),
        **namespaces(0),
    )
    row.source = lambda: _stranger_object(record, (name, maker, image), now)
    return row


def _stranger_object(record: ContainerRecord, texts: tuple[str, str, str], now: int) -> Json:
    from ..base.clock import parse

    name, maker, image = texts
    return {
        "AutoRemove": False,
        "Command": [maker],
        "CreatedAt": words.ago(record.created, now),
        "CIDFile": "",
        "Exited": False,
        "ExitedAt": 0,
        "ExitCode": 0,
        "ExposedPorts": None,
        "Id": record.id,
        "Image": image,
        "ImageID": record.image,
        "IsInfra": False,
        "Labels": None,
        "Mounts": None,
        "Names": [name],
        "Namespaces": {},
        "Networks": None,
        "Pid": 0,
        "Pod": "",
        "PodName": "",
        "Ports": None,
        "Restarts": 0,
        "Size": None,
        "StartedAt": 0,
        "State": "storage",
        "Status": "Storage",
        "Created": parse(record.created) // 1_000_000_000,
    }
