# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`generate_systemd` of the module `container`: a unit of systemd for the container, as a file or in the result."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..quadlet.service import Wish
    from .frame import Request, Result

_MODE = 0o644


def beside(request: Request, manage: Callable[[Request], Result]) -> Result:
    """The module's own work, and the unit of the container: written after it was made, gone before it goes."""
    given = request.params.get("generate_systemd")
    if not given:
        return manage(request)
    from ..quadlet import service

    wish = service.parse(given if isinstance(given, dict) else {})
    if wish is None:
        return manage(request)
    name = f"{service.name_of(wish, request.text('name'))}.service"
    path = os.path.join(os.path.abspath(os.path.expanduser(wish.path)), name) if wish.path else ""
    if request.text("state") == "absent":
        result = manage(request)
        return _settled(request, result, path, None) if path else result
    text = _text(request, wish)  # what cannot be written stops the task before anything is done
    result = manage(request)
    result.extra["podman_systemd"] = {name[: -len(".service")]: text}
    return _settled(request, result, path, text) if path and not result.failure else result


def _text(request: Request, wish: Wish) -> str:
    from ..container import params
    from ..quadlet import command, service

    parsed = params.parse(
        {key: request.params.get(key) for key in ("name", "command", "stop_timeout", "generate_systemd")}
    )
    made: list[str] = []
    if wish.new:
        made = command.run(request.params, parsed.name, parsed.command or ())
    session = request.session()
    stop = session.conf.stop_timeout if parsed.stop_timeout is None else parsed.stop_timeout
    command_path = os.path.join(request.delivery.base, "current", "daemonless")
    facts = service.Facts(parsed.name, command_path, stop, session.paths.run_root, tuple(made))
    return service.render(wish, facts)


def _settled(request: Request, result: Result, path: str, text: str | None) -> Result:
    from ..quadlet import files, unit

    found = files.look(path)
    same = found.text == text or (
        text is not None and found.text is not None and unit.meant(found.text) == unit.meant(text)
    )
    if same:
        return result
    if not request.check:
        if text is None:
            files.remove(path)
        else:
            files.write(path, text, found.mode if found.text is not None else _MODE)
    result.changed = True
    result.actions.append(f"{'removed' if text is None else 'written'} {path}")
    before = result.before if isinstance(result.before, dict) else {}
    after = result.after if isinstance(result.after, dict) else {}
    key = f"systemd_{os.path.basename(path)}"
    result.before, result.after = {**before, key: found.text or ""}, {**after, key: text or ""}
    return result
