# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI hooks that this host's directories hold for a container: those of the runtime put into its bundle, the others
run here, as podman does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import Corrupt, EngineError, ToolFailed
from ..base.files import dump_json, parse_json, read_json
from ..spec import hooks

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_LIMIT = 1024 * 1024
_SPEC_VERSION = "1.2.0"
_OURS = "io.daemonless."


def apply(session: Session, container: Container, spec: Json, folders: tuple[str, ...]) -> tuple[Json, Json | None]:
    """The spec with the hooks of this start, changed by those of the stage precreate; and, for the state row, the ones
    that are not the runtime's.

    Raises BadInput for a broken file, ToolFailed, TimedOut, Corrupt for a program that fails or prints no spec.
    """
    notes = {key: value for key, value in container.annotations.items() if not key.startswith(_OURS)}
    command = (jsonval.texts(jsonval.table(spec, "process"), "args") or [""])[0]
    binds = bool(jsonval.texts(container.config, "userVolumes"))
    found = [hook for hook in _read(folders) if hooks.matches(hook, command, notes, binds=binds)]
    own = hooks.put(spec, found)
    for number, hook in enumerate(own.get(hooks.PRECREATE, [])):
        spec = _filtered(session, container, spec, hook, number)
    return spec, {stage: list(each) for stage, each in own.items()} or None


def _read(folders: tuple[str, ...]) -> list[hooks.Hook]:
    """In order of their names; of two with one name, that of the later directory. One without its program is passed
    over."""
    paths: dict[str, str] = {}
    for folder in folders:
        for name in os.listdir(folder):
            if name.endswith(".json"):
                paths[name] = os.path.join(folder, name)
    found = [hooks.read(read_json(paths[name], _LIMIT), paths[name]) for name in sorted(paths)]
    return [hook for hook in found if os.path.exists(jsonval.text(hook.hook, "path"))]


def _filtered(session: Session, container: Container, spec: Json, hook: Json, number: int) -> Json:
    deed = f"start container {container.name}: run the precreate hook {jsonval.text(hook, 'path')}"
    printed = _run(session, container, hook, dump_json(spec), deed)
    changed = parse_json(printed, f"what the precreate hook {jsonval.text(hook, 'path')} printed")
    if not isinstance(changed, dict):
        raise Corrupt(deed, "it printed no runtime spec")
    return changed


def after_end(session: Session, container: Container) -> None:
    """Run the programs that wait for its end, whoever started it. Their failures are warnings: it is over."""
    waiting = jsonval.tables(jsonval.table(container.state, "extensionStageHooks"), hooks.POSTSTOP)
    state: Json = {
        "ociVersion": _SPEC_VERSION,
        "id": container.id,
        "status": "stopped",
        "bundle": container.static_dir,
        "annotations": container.annotations,
    }
    for hook in waiting:
        deed = f"run the poststop hook {jsonval.text(hook, 'path')} of container {container.name}"
        try:
            _run(session, container, hook, dump_json(state), deed)
        except EngineError as error:
            session.warn(str(error))


def _run(session: Session, container: Container, hook: Json, given: bytes, deed: str) -> bytes:
    """Its environment is what its file says, and nothing of ours."""
    path, words = jsonval.text(hook, "path"), jsonval.texts(hook, "args")
    env = dict(entry.partition("=")[::2] for entry in jsonval.texts(hook, "env"))
    seconds = jsonval.number(hook, "timeout")
    done = session.runner.run(
        [path, *words[1:]], input=given, env=env, cwd=container.static_dir, timeout=seconds or None
    )
    if done.rc:
        raise ToolFailed(deed, os.path.basename(path), done.rc, done.stderr.decode("utf-8", "replace"))
    return done.stdout
