# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events as podman writes them, so that `podman events` shows what we did.

Backends: a file of JSON lines below tmp_dir, or the journal. An event that cannot be written is no reason to fail a
deed that is done; `append` then returns the reason as text.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.clock import now
from ..base.files import dump_json
from ..base.locks import FileLock
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rows import Json

FILE = "file"
JOURNALD = "journald"
NONE = "none"


class Health(NamedTuple):
    """What the event health_status tells besides; `log` is JSON, for containers that want it there."""

    status: str
    failing_streak: int = 0
    log: str = ""


class Event(NamedTuple):
    """One event. `type`: container, image, network, pod, system, volume, secret. `status`: podman's words, such as
    create, init, start, died, cleanup, kill, stop, remove, rename, update, mount, pull, tag, untag, refresh.
    """

    type: str
    status: str
    id: str = ""
    name: str = ""
    image: str = ""
    network: str = ""
    pod_id: str = ""
    exit_code: int | None = None
    attributes: Mapping[str, str] = {}
    time: str = ""
    health: Health | None = None


class EventLog(NamedTuple):
    """Where events go."""

    backend: str
    path: str
    max_size: int = 1_000_000

    def append(self, event: Event) -> str:
        """Write one event; the reason when that is impossible, else ""."""
        if not event.time:
            event = event._replace(time=now())
        try:
            if self.backend == JOURNALD:
                from .journal import send

                send(_fields(event))
            elif self.backend == FILE:
                _append_line(self, dump_json(_line(event)) + b"\n")
        except OSError as error:
            return f"the event {event.type} {event.status} could not be written: {error}"
        return ""


def _line(event: Event) -> Json:
    """The JSON of the file backend; keys in podman's order, empty ones left out."""
    line: Json = {}
    if event.exit_code is not None:
        line["ContainerExitCode"] = event.exit_code
    for key, value in (("ID", event.id), ("Image", event.image), ("Name", event.name), ("network", event.network)):
        if value:
            line[key] = value
    line.update(Status=event.status, Time=event.time, Type=event.type)
    if event.pod_id:
        line["PodID"] = event.pod_id
    if event.health is not None:
        told = (
            ("status", event.health.status),
            ("log", event.health.log),
            ("failing_streak", event.health.failing_streak),
        )
        line.update({f"health_{key}": value for key, value in told if value})
    line["Attributes"] = dict(event.attributes) or ({} if event.type == "container" else None)
    return line


def _append_line(log: EventLog, line: bytes) -> None:
    os.makedirs(os.path.dirname(log.path), mode=0o700, exist_ok=True)
    with FileLock(f"{log.path}.lock"):
        try:
            size = os.stat(log.path).st_size
        except FileNotFoundError:
            size = 0
        if log.max_size > 0 and size + len(line) > log.max_size:
            _drop_older_half(log.path, size)
        fd = os.open(log.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o700)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)


def _drop_older_half(path: str, size: int) -> None:
    """podman's rotation: the newer half stays, between two marks that its reader knows."""
    with open(path, "rb") as old:
        old.seek(size // 2)
        old.readline()
        kept = old.read()
    mark = Event("system", "log-rotation", name=path, time=now())
    marks = [dump_json(_line(mark._replace(attributes={"io.podman.event.rotate": word}))) for word in ("begin", "end")]
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o700)
    try:
        view = memoryview(marks[0] + b"\n" + kept + marks[1] + b"\n")
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
    os.rename(temporary, path)


def _fields(event: Event) -> dict[str, str]:
    """The journal's fields, as podman's reader expects them."""
    fields = {
        "SYSLOG_IDENTIFIER": "podman",
        "PRIORITY": "6",
        "MESSAGE": f"{event.type} {event.status} {event.id or event.name or event.network}".rstrip(),
        "PODMAN_EVENT": event.status,
        "PODMAN_TYPE": event.type,
        "PODMAN_TIME": event.time,
    }
    if event.type in ("container", "pod"):
        fields.update(PODMAN_IMAGE=event.image, PODMAN_NAME=event.name, PODMAN_ID=event.id)
        if event.exit_code is not None:
            fields["PODMAN_EXIT_CODE"] = str(event.exit_code)
        if event.pod_id:
            fields["PODMAN_POD_ID"] = event.pod_id
    elif event.type == "network":
        fields.update(PODMAN_ID=event.id, PODMAN_NETWORK_NAME=event.network)
    elif event.type == "volume":
        fields["PODMAN_NAME"] = event.name
    elif event.type != "system":
        fields.update(PODMAN_NAME=event.name, PODMAN_ID=event.id)
    if event.health is not None:
        fields["PODMAN_HEALTH_STATUS"] = event.health.status
        fields["PODMAN_HEALTH_FAILING_STREAK"] = str(event.health.failing_streak)
        if event.health.log:
            fields["PODMAN_HEALTH_LOG"] = event.health.log
    if event.attributes and event.type in ("container", "pod", "network"):
        fields["PODMAN_LABELS"] = dump_json(dict(event.attributes)).decode()
    return fields
