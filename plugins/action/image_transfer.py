# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves an image between hosts: asks both ends, carries what is missing, has it stored."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.engine.base.errors import EngineError
from ..module_utils.engine.image.travel import name_for
from ..module_utils.engine.task.image_transfer import OPTIONS, RULES
from ..plugin_utils.carrier import Carrier
from ..plugin_utils.file_origin import FileOrigin, place_of
from ..plugin_utils.hosts import End, HostOrigin, connect, temporary_folder, variables_of
from .task import ActionModule as Sent


class ActionModule(Sent):
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        result = ActionBase.run(self, tmp, task_vars)
        options = {name: option for name, option in OPTIONS.items() if name != "stage"}
        _valid, args = self.validate_argument_spec(argument_spec=options, **RULES)
        target = End(self, task_vars, {key: value for key, value in args.items() if value is not None}, "")
        try:
            result.update(self._transfer(args, target, task_vars))
        except EngineError as error:
            result.update(failed=True, msg=str(error), error=type(error).__name__)
        finally:
            target.close()
        return target.report(result)

    def _transfer(self, args, target, task_vars):
        origin = self._origin(args, target, task_vars)
        try:
            image = origin.offer()
            layers = image.pop("layers")
            if args["name"] and (args["path"] or args["source_name"]):
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
        if args["path"]:
            place = place_of(args["path"], lambda path: self._find_needle("files", path))
            return FileOrigin(place, args["platform"], lambda: target.ask(do="platform")["platform"])
        host, name = args["from_host"], args["source_name"] or args["name"]
        if not name:
            raise AnsibleActionFail("from_host needs the name of an image: set name or source_name")
        variables = variables_of(host, task_vars)
        twin = connect(self, host, variables, args["source_become"], args["source_become_user"])
        return HostOrigin(End(twin, variables, {"from_host": host}, f"{host}: "), host, name)
