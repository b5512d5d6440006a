# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as its libpod rows tell it, seen through accessors that tolerate what other versions wrote."""

from __future__ import annotations

import os

from ..base import jsonval
from ..base.jsonval import Json

CONFIGURED, CREATED, RUNNING, STOPPED, PAUSED, EXITED, REMOVING, STOPPING = 1, 2, 3, 4, 5, 6, 7, 8
STATUS_WORDS = {
    0: "unknown",
    CONFIGURED: "created",
    CREATED: "initialized",
    RUNNING: "running",
    STOPPED: "stopped",
    PAUSED: "paused",
    EXITED: "exited",
    REMOVING: "removing",
    STOPPING: "stopping",
}
LIVE = frozenset((CREATED, RUNNING, PAUSED, STOPPING))


class Container:
    """One container: `config` is what was decided at creation, `state` what happened since (libpod's two JSON columns)."""

    def __init__(self, cid: str, name: str, config: Json, state: Json) -> None:
        self.id = cid
        self.name = name
        self.config = config
        self.state = state

    def __repr__(self) -> str:
        return f"Container({self.name} {self.id[:12]} {self.status})"

    @property
    def code(self) -> int:
        """libpod's number for the state that was last written down."""
        return jsonval.number(self.state, "state")

    @property
    def status(self) -> str:
        """podman's word for the state; a container whose monitor is gone has exited, whatever the row still says."""
        if self.code in (CREATED, RUNNING, PAUSED, STOPPING) and not self.monitored():
            return "exited" if self.code != CREATED else "created"
        return STATUS_WORDS.get(self.code, "unknown")

    @property
    def running(self) -> bool:
        return self.code in (RUNNING, PAUSED, STOPPING) and self.monitored()

    @property
    def paused(self) -> bool:
        return self.code == PAUSED and self.monitored()

    def monitored(self) -> bool:
        """Whether conmon watches it: its process exists and carries our id, which a reused pid would not."""
        pid = jsonval.number(self.state, "conmonPid")
        return pid > 0 and process_mentions(pid, self.id)

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
    def auto_remove(self) -> bool:
        return self.annotations.get("io.podman.annotations.autoremove") == "TRUE"

    @property
    def restart_policy(self) -> str:
        return jsonval.text(self.config, "restart_policy") or "no"

    @property
    def restart_count(self) -> int:
        return jsonval.number(self.state, "restartCount")


def process_mentions(pid: int, word: str) -> bool:
    """Whether process `pid` exists and has `word` among its arguments; a zombie has none."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsencode(word) in file.read(65536).split(b"\0")
    except OSError:
        return False
