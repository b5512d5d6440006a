# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How healthy a container is, as podman writes it down: {"Status", "FailingStreak", "Log"} in healthcheck.log.

The file lies beside the container's run directory, or as ID-healthcheck.log where `health_log_destination` says.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, EngineError
from ..base.files import atomic_write, dump_json, read_json

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from .model import Container

STARTING, HEALTHY, UNHEALTHY, RESET, STOPPED = "starting", "healthy", "unhealthy", "reset", "stopped"
#: Words of `health_log_destination` that are no directories.
_WORDS = ("", "local", "events_logger")


def check_of(container: Container) -> Json:
    """What is checked; {} when nothing is."""
    return _check(container, "healthcheck")


def startup_of(container: Container) -> Json:
    """What is checked first, until it has passed; {} when nothing is."""
    return _check(container, "startupHealthCheck")


def in_startup(container: Container) -> bool:
    """Whether there is a check to be passed first, and it has not been."""
    return bool(startup_of(container)) and not jsonval.flag(container.state, "startupHCPassed")


def _check(container: Container, key: str) -> Json:
    found = jsonval.table(container.config, key)
    test = jsonval.texts(found, "Test")
    return found if test and test[0] not in ("", "NONE") else {}


def require(container: Container, deed: str) -> Json:
    """Raises BadInput for a container without a health check."""
    found = check_of(container)
    if not found:
        raise BadInput(deed, "the container has no health check", "Set healthcheck for it, or use an image with one")
    return found


def path(container: Container) -> str:
    destination = jsonval.text(container.config, "healthLogDestination")
    if destination in _WORDS:
        return os.path.join(os.path.dirname(container.run_dir), "healthcheck.log")
    return os.path.join(destination, f"{container.id}-healthcheck.log")


def _empty() -> Json:
    return {"Status": "", "FailingStreak": 0, "Log": None}


def read(container: Container) -> Json:
    """The document; an empty one where nothing was written yet, or what is there cannot be read."""
    empty = _empty()
    if not container.run_dir:
        return empty
    try:
        found = read_json(path(container))
    except (OSError, EngineError):
        return empty
    if not isinstance(found, dict):
        return empty
    return {
        "Status": jsonval.text(found, "Status"),
        "FailingStreak": jsonval.number(found, "FailingStreak"),
        "Log": jsonval.tables(found, "Log") or None,
    }


def write(container: Container, document: Json) -> None:
    atomic_write(path(container), dump_json(document), mode=0o700, durable=False)


def set_status(container: Container, status: str, *, fresh: bool = False) -> None:
    """With `fresh` what was logged of an earlier run goes."""
    before = _empty() if fresh else read(container)
    write(container, {**before, "Status": status})


def forget(container: Container) -> None:
    """A removed container leaves no log in a directory of the user's choice; its own directory goes as a whole."""
    if container.run_dir and jsonval.text(container.config, "healthLogDestination") not in _WORDS:
        try:
            os.unlink(path(container))
        except OSError:
            pass


def status(container: Container) -> str:
    """podman's word; "" without a health check."""
    return jsonval.text(read(container), "Status") if check_of(container) else ""


def told(container: Container) -> str:
    """The last check in words, for the end of a message."""
    document = read(container)
    log = jsonval.tables(document, "Log")
    found = f", and {jsonval.text(document, 'Status') or 'has not been checked'}"
    if not log:
        return f"{found}; no check has run yet"
    last = log[-1]
    output = jsonval.text(last, "Output").strip()
    said = f", it said: {output}" if output else " without a word"
    return f"{found}; the last check ended with {jsonval.number(last, 'ExitCode')}{said}"
