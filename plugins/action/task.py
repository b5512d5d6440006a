# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a task to the host without the engine, which is there already; and with it, when it is not.

A module of this collection carries the whole engine: megabytes over the wire and its unpacking, for each task and
host. From the second task on a host, `task` does the same with the copy that the first one left. The other files here
are links to this one, one for each module.
"""

from __future__ import annotations

import os
import tempfile

from ansible import constants
from ansible.plugins.action import ActionBase

from ..module_utils.installed import ABSENT, ORDER, digest_of, listing_of_directory

THIN = "daemonless.oci.task"


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        detached = self._task.async_val and not self._connection.has_native_async
        try:
            result.update(self._send(task_vars, detached))
        finally:
            if not detached:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _send(self, task_vars, detached):
        if detached:  # nobody would be there to send the engine after it
            return self._execute_module(task_vars=task_vars, wrap_async=True)
        return self.run_stage(self._task.args, task_vars)

    def run_stage(self, args, variables):
        """One run of the module at this action's end; without the engine, unless that is not there yet."""
        order = {"noun": self._task.action.rpartition(".")[2], "digest": engine_digest()}
        answer = self._execute_module(module_name=THIN, module_args={**args, ORDER: order}, task_vars=variables)
        if answer.get(ABSENT):
            answer = self._execute_module(module_args=dict(args), task_vars=variables)
        return answer


def engine_digest():
    """Name the engine of this collection as its copies on hosts are named; looked at once in a run of Ansible."""
    engine = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "module_utils", "engine")
    status = os.stat(engine)
    cache = os.path.join(constants.DEFAULT_LOCAL_TMP, f"daemonless-engine-{status.st_dev}-{status.st_ino}")
    try:
        with open(cache, encoding="ascii") as opened:
            return opened.read()
    except FileNotFoundError:
        pass
    digest = digest_of(listing_of_directory(engine))
    fd, new = tempfile.mkstemp(dir=constants.DEFAULT_LOCAL_TMP)
    with os.fdopen(fd, "w", encoding="ascii") as opened:
        opened.write(digest)
    os.rename(new, cache)
    return digest
