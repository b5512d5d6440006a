# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laying one image configuration over another, as `podman commit --config` does: podman-commit(1).

The configuration is the object `config` of a Docker image (Docker Image Specification v1.2), of which the object of the
OCI image specification is a part.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.jsonval import table, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Json = dict[str, object]

_OCI_TEXTS = ("User", "WorkingDir", "StopSignal")
_OCI_SETS = ("ExposedPorts", "Volumes", "Labels")
_DOCKER_TEXTS = ("Hostname", "Domainname", "MacAddress", "Image")
_DOCKER_FLAGS = (
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "ArgsEscaped",
    "NetworkDisabled",
)
_DOCKER_LISTS = ("OnBuild", "Shell")
LIMIT = 4 * 1024 * 1024  # bytes


def parse(data: bytes, deed: str) -> Json:
    """Raises BadInput for what is no such object, with the key that is wrong."""
    if len(data) > LIMIT:
        raise BadInput(deed, f"it is longer than {LIMIT} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(deed, f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadInput(deed, "it is no object")
    for key, value in found.items():
        fits = _SHAPES.get(key)
        if fits is not None and value is not None and not fits(value):
            raise BadInput(deed, f"{key} is not of the type that it has in a configuration")
    return found


def lay_over(config: Json, given: Mapping[str, object], *, docker: bool) -> None:
    """Change `config`: what `given` has goes before, sets and variables are joined, entrypoint and command go together.

    What only Docker's format knows is left out of others.
    """
    over = {key: value for key, value in given.items() if value}
    for key in (*_OCI_TEXTS, *((*_DOCKER_TEXTS, *_DOCKER_FLAGS, *_DOCKER_LISTS) if docker else ())):
        if key in over:
            config[key] = over[key]
    for key in _OCI_SETS:
        if key in over:
            config[key] = {**table(config, key), **table(over, key)}
    if "Env" in over:
        joined = dict(line.partition("=")[::2] for line in (*texts(config, "Env"), *texts(over, "Env")))
        config["Env"] = [f"{name}={value}" for name, value in joined.items()]
    if "Entrypoint" in over or "Cmd" in over:
        for key in ("Entrypoint", "Cmd"):
            config.pop(key, None)
            if key in over:
                config[key] = over[key]
    if docker and "Healthcheck" in over:
        config["Healthcheck"] = over["Healthcheck"]


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _set(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, dict) for one in value.values())


def _map(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _text(value: object) -> bool:
    return isinstance(value, str)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _health(value: object) -> bool:
    """Times in nanoseconds."""
    return isinstance(value, dict) and all(
        _texts(one) if key == "Test" else isinstance(one, int) and not isinstance(one, bool)
        for key, one in value.items()
    )


_SHAPES: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys((*_OCI_TEXTS, *_DOCKER_TEXTS), _text),
    **dict.fromkeys(_DOCKER_FLAGS, _flag),
    **dict.fromkeys((*_DOCKER_LISTS, "Env", "Entrypoint", "Cmd"), _texts),
    **dict.fromkeys(("ExposedPorts", "Volumes"), _set),
    "Labels": _map,
    "Healthcheck": _health,
}
