# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves an image between hosts: asks both ends, carries what is missing, has it stored."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.engine.image.travel import name_for
from ..module_utils.engine.task.image_transfer import OPTIONS, RULES
from ..plugin_utils.carrier import Carrier
from ..plugin_utils.file_origin import FileOrigin, place_of
from ..plugin_utils.hosts import HostOrigin, end_at, lead, temporary_folder
from .task import ActionModule as Sent


class ActionModule(Sent):
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        begun = ActionBase.run(self, tmp, task_vars)
        return lead(self, begun, task_vars, OPTIONS, RULES, self._transfer)

    def _transfer(self, args, target, task_vars):
        origin = self._origin(args, target, task_vars)
        try:
            image = origin.offer()
            layers = image.pop("layers")
            if args.get("name") and (args.get("path") or args.get("source_name")):
                image["names"] = [name_for(args["name"], image["names"])]
            answer = target.stage(do="ask", image=image, layers=layers)
            asked = answer.pop("stage")
            if self._task.check_mode or not answer["changed"]:
                return {**answer, "bytes_sent": 0}
            with temporary_folder() as folder:
                carrier = Carrier(origin, target, folder)
                sent = carrier.carry(asked["missing"], asked["held"])
            done = target.stage(do="commit", image=image, layers=layers, sent=sent)
            # What was asked before the sending is the difference; somebody else may have brought a part meanwhile.
            return {**answer, "image": done["image"], "bytes_sent": carrier.count}
        finally:
            origin.close()

    def _origin(self, args, target, task_vars):
        if args.get("path"):
            place = place_of(args["path"], lambda path: self._find_needle("files", path))
            return FileOrigin(place, args.get("platform"), lambda: target.ask(do="platform")["platform"])
        host, name = args["from_host"], args.get("source_name") or args.get("name")
        if not name:
            raise AnsibleActionFail("from_host needs the name of an image: set name or source_name")
        return HostOrigin(end_at(self, host, task_vars, args, {"from_host": host}), host, name)
