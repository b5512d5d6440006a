# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of podman's state database as values, and what a reboot makes of them.

A row's two JSON texts are parsed on first use: listing fifty names must not parse fifty runtime specs.
"""

from __future__ import annotations

from ..base.clock import ZERO
from ..base.errors import Damaged
from ..base.files import parse_json

Json = dict[str, object]

# ContainerState.state (podman's numbers)
UNKNOWN, CONFIGURED, CREATED, RUNNING, STOPPED, PAUSED, EXITED, REMOVING, STOPPING = range(9)
#: What podman's commands call them, by number.
STATUS_WORDS = ("unknown", "created", "initialized", "running", "stopped", "paused", "exited", "removing", "stopping")
_AFTER_BOOT = {
    UNKNOWN: CONFIGURED,
    CONFIGURED: CONFIGURED,
    CREATED: CONFIGURED,
    RUNNING: EXITED,
    STOPPED: EXITED,
    PAUSED: EXITED,
    EXITED: EXITED,
    REMOVING: REMOVING,
    STOPPING: EXITED,
}
_VANISHED = (
    "pid",
    "conmonPid",
    "mountPoint",
    "mounted",
    "netns",
    "networkStatus",
    "newExecSessions",
    "execSessions",
    "bindMounts",
    "restartPolicyMatch",
    "restartCount",
    "checkpointed",
    "restored",
    "checkpointPath",
    "checkpointLog",
    "restoreLog",
    "startupHCPassed",
    "startupHCSuccessCount",
    "startupHCFailureCount",
    "hcUnitName",
)


def status_word(number: object, default: str = "unknown") -> str:
    """What podman's commands call a state; `default` for a number that is none."""
    return STATUS_WORDS[number] if isinstance(number, int) and 0 <= number < len(STATUS_WORDS) else default


def parse_row(column: object, what: str) -> Json:
    """The JSON of a column, which podman binds as text or as a blob. Raises Damaged when it is not an object."""
    value = parse_json(column, what) if isinstance(column, (str, bytes)) else None
    if not isinstance(value, dict):
        raise Damaged(f"read {what}", "the database column is not a JSON object")
    return value


class ContainerRow:
    """One container: `config` is written once (and at rename or update), `state` changes with its life."""

    __slots__ = ("_config", "_config_text", "_rebooted", "_state", "_state_text", "id", "name", "pod_id")

    def __init__(
        self, key: tuple[str, str, str | None], config_text: object, state_text: object, rebooted: bool = False
    ) -> None:
        self.id, self.name, self.pod_id = key
        self._config_text = config_text
        self._state_text = state_text
        self._rebooted = rebooted
        self._config: Json | None = None
        self._state: Json | None = None

    @property
    def config(self) -> Json:
        if self._config is None:
            self._config = parse_row(self._config_text, f"configuration of container {self.name}")
        return self._config

    def spare(self, earlier: ContainerRow) -> None:
        """Take over what was parsed of an earlier reading of the same row, where the text has stayed the same."""
        if self._config is None and self._config_text == earlier._config_text:
            self._config = earlier._config

    @property
    def state(self) -> Json:
        """After a reboot that nobody has recorded yet: what the record will be."""
        if self._state is None:
            state = parse_row(self._state_text, f"state of container {self.name}")
            self._state = self._as_of_now(state) if self._rebooted else state
        return self._state

    def _as_of_now(self, state: Json) -> Json:
        from .survivors import still_runs

        return state if still_runs(self.id, state) else after_boot(state)

    @property
    def status(self) -> int:
        """The state number (RUNNING, EXITED, ...) as recorded; the process may have died since."""
        value = self.state.get("state", UNKNOWN)
        return value if isinstance(value, int) else UNKNOWN

    @property
    def lock_id(self) -> int:
        value = self.config.get("lockID", 0)
        return value if isinstance(value, int) else 0


class VolumeRow:
    """One named volume."""

    __slots__ = ("_config_text", "_state_text", "name")

    def __init__(self, name: str, config_text: object, state_text: object) -> None:
        self.name = name
        self._config_text = config_text
        self._state_text = state_text

    @property
    def config(self) -> Json:
        return parse_row(self._config_text, f"configuration of volume {self.name}")

    @property
    def state(self) -> Json:
        return parse_row(self._state_text, f"state of volume {self.name}")


class PodRow:
    """One pod."""

    __slots__ = ("_config_text", "_state_text", "id", "name")

    def __init__(self, id: str, name: str, config_text: object, state_text: object) -> None:
        self.id = id
        self.name = name
        self._config_text = config_text
        self._state_text = state_text

    @property
    def config(self) -> Json:
        return parse_row(self._config_text, f"configuration of pod {self.name}")

    @property
    def state(self) -> Json:
        return parse_row(self._state_text, f"state of pod {self.name}")


def after_boot(state: Json) -> Json:
    """A container's state after its host was restarted: nothing runs, nothing is mounted (podman's refresh)."""
    fresh = {key: value for key, value in state.items() if key not in _VANISHED}
    number = state.get("state", UNKNOWN)
    fresh["state"] = _AFTER_BOOT.get(number, CONFIGURED) if isinstance(number, int) else CONFIGURED
    for key in ("checkpointedTime", "restoredTime"):
        if key in fresh:
            fresh[key] = ZERO
    return fresh


def volume_after_boot(state: Json) -> Json:
    fresh = {key: value for key, value in state.items() if key not in ("mountPoint", "copiedUp")}
    fresh["mountCount"] = 0
    return fresh
