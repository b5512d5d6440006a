# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as its libpod rows tell it, seen through accessors that tolerate what other versions wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..libpod.rows import CREATED, PAUSED, RUNNING, STOPPING, status_word
from ..runtime.liveness import Init, is_alive

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..libpod.rows import ContainerRow

_ALIVE = frozenset((RUNNING, PAUSED, STOPPING))
_STARTED = _ALIVE | {CREATED}


def volume_names(config: Json) -> list[str]:
    """The named volumes of a row's config, one for each mount: a volume that is mounted twice is there twice."""
    return [jsonval.text(one, "volumeName") for one in jsonval.tables(config, "namedVolumes")]


class Container:
    """One container: `config` was decided at creation, `state` is what happened since (two JSON columns of libpod)."""

    def __init__(self, row: ContainerRow) -> None:
        self._row = row
        self.id = row.id
        self.name = row.name

    def known_as(self, name: str) -> Container:
        """The same container under a name that it does not have yet."""
        twin = Container(self._row)
        twin.name = name
        return twin

    def after(self, earlier: Container) -> Container:
        """The same; what of an earlier look at it has not changed is not parsed again."""
        self._row.spare(earlier._row)
        return self

    def __repr__(self) -> str:
        return f"Container({self.name} {self.id[:12]} {self.status})"

    @property
    def config(self) -> Json:
        return self._row.config

    @property
    def state(self) -> Json:
        return self._row.state

    @property
    def code(self) -> int:
        """libpod's number for the state that was last written down."""
        return jsonval.number(self.state, "state")

    @property
    def status(self) -> str:
        """podman's word for the state; a container whose process is gone has exited, whatever the row still says."""
        if self.code in _STARTED and not self.alive():
            return "exited" if self.code in _ALIVE else "created"
        return status_word(self.code)

    @property
    def running(self) -> bool:
        return self.code in _ALIVE and self.alive()

    @property
    def paused(self) -> bool:
        return self.code == PAUSED and self.alive()

    @property
    def waits(self) -> bool:
        """Whether it is there, and its program has not begun."""
        return self.code == CREATED and self.alive()

    @property
    def ended_unseen(self) -> bool:
        """Recorded as started, but its process is gone: nobody has cleaned up yet."""
        return self.code in _STARTED and not self.alive()

    @property
    def init(self) -> Init:
        return Init(self.pid, self.conmon_pid, self.id)

    def alive(self) -> bool:
        return is_alive(self.init)

    @property
    def pid(self) -> int:
        return jsonval.number(self.state, "pid")

    @property
    def conmon_pid(self) -> int:
        return jsonval.number(self.state, "conmonPid")

    @property
    def exit_code(self) -> int:
        return jsonval.number(self.state, "exitCode")

    @property
    def started_at(self) -> str:
        return jsonval.text(self.state, "startedTime")

    @property
    def finished_at(self) -> str:
        return jsonval.text(self.state, "finishedTime")

    @property
    def created(self) -> str:
        return jsonval.text(self.config, "createdTime")

    @property
    def lock_id(self) -> int:
        return jsonval.number(self.config, "lockID")

    @property
    def image_id(self) -> str:
        return jsonval.text(self.config, "rootfsImageID")

    @property
    def image_name(self) -> str:
        return jsonval.text(self.config, "rootfsImageName")

    @property
    def labels(self) -> dict[str, str]:
        return jsonval.text_map(self.config, "labels")

    @property
    def annotations(self) -> dict[str, str]:
        return jsonval.text_map(self.spec, "annotations")

    @property
    def spec(self) -> Json:
        return jsonval.table(self.config, "spec")

    @property
    def command(self) -> list[str]:
        """The arguments the first process gets: entrypoint and command, as in the runtime spec."""
        return jsonval.texts(jsonval.table(self.spec, "process"), "args")

    @property
    def ports(self) -> list[Json]:
        return jsonval.tables(self.config, "newPortMappings")

    @property
    def pod_id(self) -> str:
        return jsonval.text(self.config, "pod")

    @property
    def infra(self) -> bool:
        return jsonval.flag(self.config, "pause")

    @property
    def static_dir(self) -> str:
        return jsonval.text(self.config, "staticDir")

    @property
    def run_dir(self) -> str:
        return jsonval.text(self.state, "runDir")

    @property
    def log_path(self) -> str:
        return jsonval.text(self.config, "logPath")

    @property
    def log_driver(self) -> str:
        return jsonval.text(self.config, "logDriver", "k8s-file")

    @property
    def terminal(self) -> bool:
        return jsonval.flag(jsonval.table(self.spec, "process"), "terminal")

    @property
    def auto_remove_image(self) -> bool:
        return self.annotations.get("io.podman.annotations.autoremove-image") == "TRUE"

    @property
    def auto_remove(self) -> bool:
        return self.annotations.get("io.podman.annotations.autoremove") == "TRUE"

    @property
    def restart_policy(self) -> str:
        return jsonval.text(self.config, "restart_policy") or "no"

    @property
    def restart_count(self) -> int:
        return jsonval.number(self.state, "restartCount")
