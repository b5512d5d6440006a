# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`state: quadlet` of several modules: the options of the task as a unit file for podman's generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from .frame import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..quadlet.unit import Unit
    from .frame import Options, Request

STATE = "quadlet"
OPTIONS: Options = {
    "quadlet_dir": {"type": "path"},
    "quadlet_filename": {"type": "str"},
    "quadlet_file_mode": {"type": "raw"},
    "quadlet_options": {"type": "list", "elements": "str"},
}


def written(request: Request, kind: str) -> Result:
    """The file is as the task says; nothing else is done. Raises BadInput, EngineError."""
    from ..quadlet import files, unit

    made = _unit(request, kind)
    text = unit.render(made, request.texts("quadlet_options"))
    found = files.look(_path(request, kind))
    mode = _mode(request.params.get("quadlet_file_mode"))
    wanted_mode = found.mode if mode is None else mode
    request.warnings.extend(made.warnings)
    if not files.generator():
        request.warnings.append(
            f"{found.path} is for podman's generator, which this host does not have: no service comes of it until "
            "podman is installed"
        )
    same = found.text is not None and unit.meant(found.text) == unit.meant(text)
    changed = not same or wanted_mode != found.mode
    if changed and not request.check:
        files.write(found.path, found.text if same and found.text is not None else text, wanted_mode)
    return Result(
        {},
        changed=changed,
        actions=[f"written {found.path}"] if changed else [],
        before=_page(None if found.text is None else (found.text, found.mode), changed and same),
        after=_page((found.text if same and found.text is not None else text, wanted_mode), changed and same),
        extra={"podman_quadlet": text},
    )


def beside(request: Request, kind: str, manage: Callable[[Request], Result]) -> Result:
    """The module's own work, or its unit file: `quadlet` writes that alone, `absent` takes it away along with the rest.

    Where the file is gets found out first: in a plain user's namespaces it looks as if the user were root.
    """
    if request.text("state") == STATE:
        return written(request, kind)
    leaving = Leaving(request, kind) if request.text("state") == "absent" else None
    result = manage(request)
    return leaving.gone(result) if leaving is not None else result


class Leaving:
    """The unit file of what is to be absent: the one that the task names, or one that we wrote; nil for others."""

    def __init__(self, request: Request, kind: str) -> None:
        named = any(request.params.get(option) is not None for option in ("quadlet_dir", "quadlet_filename"))
        self._check = request.check
        self._path = self._text = ""
        try:
            path = _path(request, kind)
        except BadInput:
            if named:
                raise
            return  # a name that no unit file can have
        if not named and not _exists(path):
            return
        from ..quadlet import files, unit

        text = files.look(path).text
        if text is not None and (named or unit.ours(text)):
            self._path, self._text = path, text

    def gone(self, result: Result) -> Result:
        """`result`, and the file gone as well. Raises EngineError."""
        if not self._path:
            return result
        if not self._check:
            from ..quadlet import files

            files.remove(self._path)
        result.changed = True
        result.actions.append(f"removed {self._path}")
        result.before = {**_mapping(result.before), "quadlet": self._text}
        result.after = {**_mapping(result.after), "quadlet": ""}
        return result


def _exists(path: str) -> bool:
    import os

    return os.path.lexists(path)


def _unit(request: Request, kind: str) -> Unit:
    from ..quadlet import container, nouns

    made = {
        "container": container.unit,
        "image": nouns.image,
        "network": nouns.network,
        "pod": nouns.pod,
        "volume": nouns.volume,
    }
    return made[kind](request.params)


def _path(request: Request, kind: str) -> str:
    from ..quadlet import files

    name = request.text("name")
    if kind == "image":
        name = name.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return files.path_of(kind, name, request.text("quadlet_dir"), request.text("quadlet_filename"))


def _mode(value: object) -> int | None:
    """An octal number as text, or as what YAML makes of 0640. Raises BadInput."""
    if value is None:
        return None
    text = str(value).strip()
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        return value
    if text.isascii() and text.isdigit() and len(text) <= 5 and not set(text) & set("89"):
        return int(text, 8)
    raise BadInput("read quadlet_file_mode", f"{text[:20]!r} is not an octal mode such as '0640'")


def _page(what: tuple[str, int] | None, only_mode: bool) -> str:
    if what is None:
        return ""
    return f"mode: {what[1]:04o}\n" if only_mode else what[0]


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
