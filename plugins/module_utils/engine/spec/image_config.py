# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The config document of an image (OCI image-spec config.md; Docker's container.image.v1+json with the same fields)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import BadInput, Corrupt
from ..base.tuples import NamedTuple
from . import strict_json
from .platform import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .strict_json import Json

#: History and labels of real images stay far below; the other engines cut at the same place.
MAX_BYTES = 4 * 1024 * 1024
_DEED = "read the image config"
_KEYS = frozenset(("architecture", "os", "variant", "rootfs", "config", "history", "created", "author"))


class History(NamedTuple):
    """One line of an image's history; times as written, RFC 3339."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageConfig(NamedTuple):
    """What an image says about itself.

    ``entrypoint`` and ``cmd`` are None when unset, which is not the same as empty.  ``env`` holds ``NAME=value`` lines
    only: a bare NAME would take the value from whoever runs the container (CVE-2026-57231).  ``healthcheck`` is the
    raw object of Docker, times in nanoseconds.  ``exposed_ports`` are written ``80/tcp``.
    """

    architecture: str
    os: str
    variant: str = ""
    created: str = ""
    author: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    user: str = ""
    workdir: str = ""
    volumes: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    stop_signal: str = ""
    healthcheck: Mapping[str, object] | None = None
    shell: tuple[str, ...] | None = None
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[History, ...] = ()

    @property
    def platform(self) -> Platform:
        return Platform(self.os or "linux", self.architecture, self.variant)

    @property
    def environment(self) -> dict[str, str]:
        """``env`` as a mapping; of a name set twice the last one counts, as it does in a process."""
        return dict(entry.split("=", 1) for entry in self.env)


def parse(data: bytes) -> ImageConfig:
    """Raises Corrupt for a document that is no image config; unknown keys are left alone."""
    raw = strict_json.loads_object(data, _DEED, MAX_BYTES)
    strict_json.same_case(raw, _KEYS, _DEED)
    run = strict_json.obj(raw, "config", _DEED)
    return ImageConfig(
        architecture=strict_json.text(raw, "architecture", _DEED, ""),
        os=strict_json.text(raw, "os", _DEED, ""),
        variant=strict_json.text(raw, "variant", _DEED, ""),
        created=strict_json.text(raw, "created", _DEED, ""),
        author=strict_json.text(raw, "author", _DEED, ""),
        env=tuple(entry for entry in strict_json.texts(run, "Env", _DEED) or () if entry.find("=") > 0),
        entrypoint=_command(run, "Entrypoint"),
        cmd=_command(run, "Cmd"),
        user=strict_json.text(run, "User", _DEED, ""),
        workdir=strict_json.text(run, "WorkingDir", _DEED, ""),
        volumes=tuple(strict_json.obj(run, "Volumes", _DEED)),
        exposed_ports=tuple(strict_json.obj(run, "ExposedPorts", _DEED)),
        labels=strict_json.mapping(run, "Labels", _DEED),
        stop_signal=strict_json.text(run, "StopSignal", _DEED, ""),
        healthcheck=strict_json.obj(run, "Healthcheck", _DEED) or None,
        shell=strict_json.texts(run, "Shell", _DEED),
        diff_ids=_diff_ids(raw),
        history=tuple(_history(entry) for entry in strict_json.objects(raw, "history", _DEED)),
    )


def _command(run: Json, key: str) -> tuple[str, ...] | None:
    """Old images carry a bare string where a list belongs: one word, never split."""
    value = run.get(key)
    return (value,) if isinstance(value, str) else strict_json.texts(run, key, _DEED)


def _diff_ids(raw: Json) -> tuple[Digest, ...]:
    rootfs = strict_json.obj(raw, "rootfs", _DEED)
    if strict_json.text(rootfs, "type", _DEED, "layers") != "layers":
        raise Corrupt(_DEED, f"rootfs type {str(rootfs['type'])[:40]!r} is not 'layers'")
    try:
        return tuple(Digest.parse(text) for text in strict_json.texts(rootfs, "diff_ids", _DEED) or ())
    except BadInput as err:
        raise Corrupt(_DEED, f"a layer's diff_id {err.cause}")


def _history(raw: Json) -> History:
    empty = raw.get("empty_layer")
    return History(
        created=strict_json.text(raw, "created", _DEED, ""),
        created_by=strict_json.text(raw, "created_by", _DEED, ""),
        author=strict_json.text(raw, "author", _DEED, ""),
        comment=strict_json.text(raw, "comment", _DEED, ""),
        empty_layer=empty is True,
    )
