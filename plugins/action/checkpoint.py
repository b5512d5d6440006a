# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoint archives of the controller: fetched when they are whole, brought when they are needed."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.engine.base.digest import digest_of_file
from ..module_utils.engine.base.errors import BadInput, Corrupt, EngineError, NotFound
from ..module_utils.engine.container.checkpoint_unpack import Origin, look
from ..plugin_utils.hosts import End
from .task import ActionModule as Sent


class ActionModule(Sent):
    def _send(self, task_vars, detached):
        args = self._task.args
        fetches = boolean(args.get("fetch", False), strict=False) and args.get("dest")
        brings = not boolean(args.get("remote_src", True), strict=False) and args.get("src")
        if not fetches and not brings:
            return super()._send(task_vars, detached)
        if detached:
            raise AnsibleActionFail("An archive of the controller cannot travel in the background: leave async out")
        end = End(self, task_vars, args, "")
        try:
            result = self._fetch(end) if fetches else self._bring(end)
        except EngineError as error:
            result = {"failed": True, "msg": str(error), "error": type(error).__name__}
        return end.report(result)

    # -- from the host

    def _fetch(self, end):
        dest = end.args["dest"] = os.path.abspath(self._loader.path_dwim(self._task.args["dest"]))
        folder, name = os.path.split(dest)
        if not os.path.isdir(folder) or os.path.isdir(dest):
            raise AnsibleActionFail(f"{dest} of the controller cannot be an archive: {folder} has to be a directory")
        words = {"do": "export", "there": os.path.exists(dest), "held": _held(dest)}
        if not self._task.check_mode:
            words["directory"] = end.folder
        answer = end.stage(**words)
        said = answer["checkpoint"]
        if self._task.check_mode or "digest" not in said:
            return answer
        draft = os.path.join(folder, f".{name}.daemonless-fetch")
        try:
            self._connection.fetch_file(self._connection._shell.join_path(end.folder, "archive"), draft)
            if str(digest_of_file(draft)) != said["digest"]:
                raise Corrupt(f"fetch {dest}", "it changed on the way", "Run the task again: the checkpoint is kept")
            os.chmod(draft, 0o600)
            os.replace(draft, dest)
        finally:
            if os.path.lexists(draft):
                os.unlink(draft)
        if any(boolean(self._task.args.get(name, False), strict=False) for name in ("keep", "pre_checkpoint")):
            return answer  # nothing goes, so nothing more is to be done there
        done = end.stage(do="tidy")
        done["checkpoint"].update({key: said[key] for key in ("dest", "digest", "archive_size")})
        return {**answer, "checkpoint": done["checkpoint"], "container": done["container"]}

    # -- to the host

    def _bring(self, end):
        src, previous = (self._file(self._task.args.get(name)) for name in ("src", "src_previous"))
        answer = end.stage(do="plan", said=look(None, Origin(src))._asdict())
        answer["bytes_sent"] = 0
        if self._task.check_mode or not answer["changed"]:
            return answer
        words = {"do": "import", "digest": str(digest_of_file(src)), "path": end.put(src, "archive")}
        if previous:
            words["previous"] = end.put(previous, "previous")
        done = end.stage(**words)
        sent = os.path.getsize(src) + (os.path.getsize(previous) if previous else 0)
        return {**done, "bytes_sent": sent if done["changed"] else 0}

    def _file(self, path):
        return os.path.realpath(self._find_needle("files", path)) if path else ""


def _held(dest):
    """Whose checkpoint the controller has there already; {} when it is none."""
    try:
        said = look(None, Origin(dest))
    except (NotFound, Corrupt, BadInput):
        return {}
    return {"id": said.config.get("id"), "name": said.config.get("name"), "time": said.notes.get("time")}
