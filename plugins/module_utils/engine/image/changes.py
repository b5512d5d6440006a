# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instructions for the config of an imported image, as `podman import --change` takes them: CMD, ENV, LABEL ..."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, object]


def apply(changes: tuple[str, ...], base: Json | None = None) -> Json:
    """The image's ``config`` object, of ``base`` if given, which changes.  Raises BadInput for an instruction that is
    unknown or malformed."""
    config: Json = {} if base is None else base
    for change in changes:
        word, value = _split(change)
        handler = _HANDLERS.get(word)
        if handler is None:
            raise BadInput(f"read change {change!r}", f"{word!r} is not one of {', '.join(sorted(_HANDLERS))}")
        if not value:
            raise BadInput(f"read change {change!r}", f"{word} needs a value")
        handler(config, value)
    return config


def _split(change: str) -> tuple[str, str]:
    """``CMD x`` and ``CMD=x`` are both in use."""
    text = change.strip()
    cut = min((at for at in (text.find(" "), text.find("=")) if at > 0), default=len(text))
    return text[:cut].upper(), text[cut + 1 :].strip()


def _command(key: str) -> Callable[[Json, str], None]:
    def handle(config: Json, value: str) -> None:
        if not value.startswith("["):
            config[key] = ["/bin/sh", "-c", value]
            return
        try:
            words = json.loads(value)
        except ValueError:
            raise BadInput(f"read change {key.upper()} {value}", "it is not a JSON list")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise BadInput(f"read change {key.upper()} {value}", "it is not a list of texts")
        config[key] = words

    return handle


def _text(key: str) -> Callable[[Json, str], None]:
    def handle(config: Json, value: str) -> None:
        config[key] = value

    return handle


def _pairs(value: str, word: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(value)
    except ValueError as err:
        raise BadInput(f"read change {word} {value}", str(err))
    if "=" not in words[0]:
        name, _blank, rest = value.partition(" ")
        return [(name, rest.strip())]
    return [(name, rest) for name, _equal, rest in (entry.partition("=") for entry in words)]


def _env(config: Json, value: str) -> None:
    lines = config.setdefault("Env", [])
    for name, content in _pairs(value, "ENV"):
        if isinstance(lines, list):
            lines[:] = [line for line in lines if line.partition("=")[0] != name]
            lines.append(f"{name}={content}")


def _label(config: Json, value: str) -> None:
    labels = config.setdefault("Labels", {})
    if isinstance(labels, dict):
        labels.update(_pairs(value, "LABEL"))


def _expose(config: Json, value: str) -> None:
    ports = config.setdefault("ExposedPorts", {})
    for port in value.split():
        number, _slash, protocol = port.partition("/")
        if not all(part.isdigit() for part in number.split("-")) or protocol not in ("", "tcp", "udp", "sctp"):
            raise BadInput(f"read change EXPOSE {value}", f"{port!r} is not a port")
        if isinstance(ports, dict):
            ports[f"{number}/{protocol or 'tcp'}"] = {}


def _volume(config: Json, value: str) -> None:
    volumes = config.setdefault("Volumes", {})
    try:
        paths = json.loads(value) if value.startswith("[") else value.split()
    except ValueError:
        raise BadInput(f"read change VOLUME {value}", "it is not a JSON list")
    for path in paths:
        if isinstance(volumes, dict):
            volumes[str(path)] = {}


_HANDLERS: dict[str, Callable[[Json, str], None]] = {
    "CMD": _command("Cmd"),
    "ENTRYPOINT": _command("Entrypoint"),
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "STOPSIGNAL": _text("StopSignal"),
    "USER": _text("User"),
    "VOLUME": _volume,
    "WORKDIR": _text("WorkingDir"),
}
