# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves a container that runs, or a pod as a whole, from one host to another: looks at both ends, and only then has it
frozen, carries what is left, and has it go on. Whatever fails after that, it goes on where it was."""

from __future__ import annotations

import os
import time

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.engine.task.checkpoint_transfer import OPTIONS, RULES
from ..plugin_utils.hosts import end_at, lead, temporary_folder
from .task import ActionModule as Sent

_OF_SOURCE = ("tcp_established", "file_locks", "ext_unix_sk", "src_previous", "compression", "compression_level")


class ActionModule(Sent):
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp=None, task_vars=None):
        begun = ActionBase.run(self, tmp, task_vars)
        return lead(self, begun, task_vars, OPTIONS, RULES, self._transfer)

    def _transfer(self, args, target, task_vars):
        known = (*_OF_SOURCE, "name" if args.get("name") else "pod", "from_host", "criu_path")
        words = {key: args[key] for key in known if key in args}
        source = end_at(self, args["from_host"], task_vars, args, words)
        try:
            return self._move(args, source, target)
        finally:
            try:
                source.leave()
            except AnsibleError:  # it went away: what lies there in a temporary directory is no reason to fail
                pass

    def _move(self, args, source, target):
        offer = source.ask(do="offer")
        answer = target.stage(do="ready", directory=target.folder, **offer)
        ready = answer.pop("stage")
        if self._task.check_mode or not answer["changed"]:
            return {**answer, "bytes_sent": 0}
        since = {one["name"]: one.get("changed_since") for one in args.get("volumes") or []}
        with temporary_folder() as folder:
            volumes = [self._told(source, target, one, since, folder) for one in ready["volumes"]]
            begun = time.monotonic()
            try:
                if ready.get("make"):  # a pod, while all of it still runs there
                    target.stage(do="make", **offer)
                    begun = time.monotonic()
                words, sent = self._carry(source, target, ready, volumes, folder)
                done = target.stage(do="take", **words)
            except Exception as error:  # whatever it is, the container stands still
                made = [one["name"] for one in ready["volumes"] if not one["exists"]]
                raise self._taken_back(source, target, {**offer, "volumes": made}, error) from error
            took = time.monotonic() - begun
        done.pop("stage", None)
        return {**done, "downtime_seconds": round(took, 3), "bytes_sent": sent}

    def _told(self, source, target, one, since, folder):
        """What the source has to know of a volume before it is packed: the index of what is at the target."""
        told = {"name": one["name"], "changed_since": since.get(one["name"]) or 0}
        if one["exists"]:
            local = os.path.join(folder, "index")
            target.fetch(one["index"], local)
            told["index"] = source.put(local, one["index"]["file"])
        return told

    def _carry(self, source, target, ready, volumes, folder):
        words = {"directory": source.folder, "volumes": volumes, "previous": ready.get("previous", [])}
        frozen = source.ask(do="freeze", **words)
        local, sent = os.path.join(folder, "part"), 0
        packed = []
        for one, about in zip(frozen["volumes"], ready["volumes"]):
            archive = one.pop("archive", None)
            words = {**one, "volume": about["volume"], "exists": about["exists"]}
            if archive:
                source.fetch(archive, local)
                words["archive"] = target.put(local, archive["file"])
                sent += archive["size"]
            packed.append(words)
        archives = []
        for one in frozen["archives"]:
            archive = one.pop("archive")
            source.fetch(archive, local)
            archives.append({**one, "path": target.put(local, archive["file"]), "digest": archive["digest"]})
            sent += archive["size"]
        return {"archives": archives, "volumes": packed}, sent

    def _taken_back(self, source, target, offer, error):
        """The target first, else it would run twice. What of it cannot be done is in the message."""
        host = source.args["from_host"]
        gone = self._tried(target, do="drop", id=offer["id"], volumes=offer["volumes"])
        failure = self._tried(source, do="thaw", running=offer["running"]) if offer["running"] else ""
        how = "could not go on: " + failure if failure else "is kept" if not offer["running"] else ""
        told = [str(error).rstrip("."), f"It is frozen on {host}, and {how}" if how else f"It runs on {host} as before"]
        if gone:
            told.append(f"Look at the host of the task: what was brought there could not be removed: {gone}")
        return AnsibleActionFail(". ".join(told))

    def _tried(self, end, **words):
        try:
            end.stage(**words)
        except Exception as error:
            return str(error)
        return ""
