# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a volume the mirror of one on another host: asks both ends, and carries what differs."""

from __future__ import annotations

import os

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..module_utils.engine.task.volume_transfer import OPTIONS
from ..plugin_utils.hosts import end_at, lead, temporary_folder
from .task import ActionModule as Sent


class ActionModule(Sent):
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        begun = ActionBase.run(self, tmp, task_vars)
        return lead(self, begun, task_vars, OPTIONS, {}, self._transfer)

    def _transfer(self, args, target, task_vars):
        host = args["from_host"]
        source = end_at(self, host, task_vars, args, args)
        try:
            return self._mirror(source, target)
        except AnsibleConnectionFailure as error:
            raise AnsibleActionFail(f"move volume {args['name']} from {host}: {error}") from error
        finally:
            source.leave()

    def _mirror(self, source, target):
        volume = source.ask(do="offer")["volume"]
        there = target.ask(do="ask", volume=volume, directory=target.folder)
        with temporary_folder() as folder:
            local = os.path.join(folder, "part")
            index = {}
            if there["exists"]:
                target.fetch(there["index"], local)
                index["index"] = source.put(local, "index")
            found = source.ask(do="pack", directory=source.folder, **index)
            archive = found.pop("archive", None)
            words = {**found, "volume": volume, "exists": there["exists"]}
            foreseen = target.stage(do="foresee", **words)
            if self._task.check_mode or not foreseen["changed"]:
                return {**foreseen, "bytes_sent": 0}
            if archive is not None:
                source.fetch(archive, local)
                words["archive"] = target.put(local, "archive")
            done = target.stage(do="take", **words)
        return {**done, "bytes_sent": archive["size"] if archive else 0}
