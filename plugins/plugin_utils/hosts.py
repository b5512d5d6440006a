# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as a deed between two of them sees them: a connection, and a module that runs in stages at its end."""

from __future__ import annotations

import os
from base64 import b64decode

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import become_loader, connection_loader

from ..module_utils.engine.base.errors import EngineError
from ..module_utils.engine.image.parcels import Parcel
from .carrier import in_words

#: What the variables of a host may be called that decide how it is reached.
_OF_CONNECTION = ("ansible_", "inventory_hostname", "environment")


def variables_of(host, task_vars):
    """The host's own variables as far as they concern its connection. Raises AnsibleActionFail for an unknown host."""
    if host not in task_vars["hostvars"]:
        raise AnsibleActionFail(f"from_host: there is no host {host} in the inventory")
    known = task_vars["hostvars"][host]
    found = {}
    for name in (name for name in known if name.startswith(_OF_CONNECTION)):
        try:
            found[name] = known[name]
        except Exception:  # a variable that cannot be templated now is none that the connection needs
            continue
    found["inventory_hostname"] = host
    return found


def connect(action, host, variables, become, become_user):
    """A connection to the host as a task of its own would have, and the action's twin that speaks through it."""
    context = action._play_context.copy()
    task = action._task.copy()
    task.delegate_to = None
    if become is None:
        become = boolean(variables["ansible_become"]) if variables.get("ansible_become") is not None else task.become
    if become_user:
        variables["ansible_become_user"] = become_user
    task.become = context.become = bool(become)
    context.remote_addr = variables.get("ansible_host", host)
    kind = variables.get("ansible_connection") or "ssh"
    kind = context.connection = "ssh" if kind == "smart" else str(kind)
    connection = connection_loader.get(
        kind, context, new_stdin=None, task_uuid=task._uuid, ansible_playbook_pid=str(os.getppid())
    )
    if connection is None:
        raise AnsibleActionFail(f"reach {host}: the connection plugin {kind} was not found")
    keys = task.dump_attrs()
    keys["timeout"] = context.timeout
    keys.pop("retries", None)
    if context.password:
        keys["password"] = context.password
    becoming = _becoming(task, variables, context) if become else None
    if hasattr(connection, "set_become_plugin"):
        connection.set_become_plugin(becoming)
    connection.set_options(task_keys=keys, var_options=variables)
    connection._shell.set_options(task_keys=keys, var_options=variables)
    if becoming is not None:
        becoming.set_options(task_keys={**keys, **_password(context)}, var_options=variables)
        context.become_user = becoming.get_option("become_user")
        context.prompt = becoming.prompt
    loader, templar = action._loader, action._templar
    return type(action)(task, connection, context, loader, templar, shared_loader_obj=action._shared_loader_obj)


def _becoming(task, variables, context):
    method = str(variables.get("ansible_become_method") or task.become_method or "sudo")
    becoming = become_loader.get(method)
    if becoming is None:
        raise AnsibleActionFail(f"the become method {method} was not found")
    context.become_method = method
    return becoming


def _password(context):
    return {"become_pass": context.become_pass} if context.become_pass else {}


class End:
    """One host: runs stages of the module there, carries files there and back. close() leaves nothing behind."""

    def __init__(self, action, variables, args, name):
        self.action = action
        self._variables = variables
        self.args = dict(args)
        self._name = name
        self.warnings = []
        self.facts = {}

    def stage(self, **words):
        """One run of the module; its whole result. Raises AnsibleActionFail with its message when it fails."""
        answer = self.action.run_stage({**self.args, "stage": words}, self._variables)
        self.warnings += [text for text in answer.pop("warnings", ()) if text not in self.warnings]
        self._learn(answer.pop("ansible_facts", {}))
        if answer.get("failed"):
            raise AnsibleActionFail(f"{self._name}{answer.get('msg', 'the module failed')}", result=answer)
        return answer

    def ask(self, **words):
        return self.stage(**words).get("stage", {})

    def _learn(self, facts):
        """What was found out about the host's Python need not be found out again."""
        if facts:
            self.facts.update(facts)
            self._variables = {
                **self._variables,
                "ansible_facts": {**self._variables.get("ansible_facts", {}), **facts},
            }

    @property
    def folder(self):
        """A directory at the host that its log-in user may write to."""
        shell = self.action._connection._shell
        if shell.tmpdir is None:
            self.action._make_tmp_path()
        return shell.tmpdir

    def put(self, local, name):
        """Carry a file there; its path at the host, readable by the task's user."""
        path = self.action._connection._shell.join_path(self.folder, name)
        self.action._transfer_file(local, path)
        self.action._fixup_perms2([self.folder, path], execute=False)
        return path

    def fetch(self, words, local):
        """Bring here what a stage has left (engine/task/outgoing.py), by the words of its answer."""
        if words["file"]:
            shell = self.action._connection._shell
            self.action._connection.fetch_file(shell.join_path(self.folder, words["file"]), local)
            return
        held = words["held"]
        with open(local, "wb") as file:
            while file.tell() < words["size"]:
                data = b64decode(self.ask(do="read", held=held, offset=file.tell()).get("data", ""))
                if not data:
                    raise AnsibleActionFail(f"{self._name}{held} ended after {file.tell()} bytes")
                file.write(data)
        self.ask(do="drop", held=held)

    def report(self, result):
        """Put into the action's result what the stages said beside their answers."""
        if self.warnings:
            result["warnings"] = self.warnings
        if self.facts:
            result["ansible_facts"] = self.facts
        return result

    def close(self):
        self.action._remove_tmp_path(self.action._connection._shell.tmpdir)

    def leave(self):
        """close(), and the connection as well, which connect() has made."""
        self.close()
        self.action._connection.close()


def end_at(action, host, task_vars, args, words):
    """The end at another host than the task's, which args reach as they say; its stages get `words` beside their own.
    Whoever asks leaves it."""
    variables = variables_of(host, task_vars)
    twin = connect(action, host, variables, args.get("source_become"), args.get("source_become_user"))
    return End(twin, variables, words, f"{host}: ")


def lead(action, begun, task_vars, options, rules, transfer):
    """What actions between two hosts have in common; the result of the task. The module runs in stages at the task's
    host, the target, and at another. `begun` is the result so far; `transfer` gets the options that were given and the
    end at the target, and returns what goes into the result."""
    options = {name: option for name, option in options.items() if name != "stage"}
    _valid, args = action.validate_argument_spec(argument_spec=options, **rules)
    # What was said by an alias is there twice, and the module would warn of that.
    args = {name: args[name] for name in options if args.get(name) is not None}
    target = End(action, task_vars, args, "")
    try:
        begun.update(transfer(args, target, task_vars))
    except EngineError as error:
        begun.update(failed=True, msg=str(error), error=type(error).__name__)
    finally:
        target.close()
    return target.report(begun)


class HostOrigin:
    """An image in the store of another host."""

    def __init__(self, end, host, name):
        self._end = end
        self._host = host
        self._name = name
        self._left = []

    def offer(self):
        return {**self._tried(lambda: self._end.ask(do="offer", name=self._name))}

    def give(self, diff_id, path):
        return self._tried(lambda: self._give(diff_id, path))

    def _give(self, diff_id, path):
        words = self._end.ask(do="give", diff_id=diff_id, directory=self._end.folder)
        parcel = Parcel.checked(diff_id, str(words.get("digest")), int(words.get("size", -1)))
        if words.get("file"):
            remote = self._end.action._connection._shell.join_path(self._end.folder, "layer")
            self._end.action._connection.fetch_file(remote, path)
            return parcel
        self._left.append(diff_id)
        with open(path, "wb") as file:
            while file.tell() < parcel.size:
                words = self._end.ask(do="read", offset=file.tell(), **in_words(parcel))
                data = b64decode(words.get("data", ""))
                if not data:
                    raise AnsibleActionFail(f"{self._host}: layer {diff_id} ended after {file.tell()} bytes")
                file.write(data)
        return parcel

    def _tried(self, deed):
        try:
            return deed()
        except AnsibleConnectionFailure as error:
            raise AnsibleActionFail(f"reach {self._host}: {error}") from error

    def close(self):
        if self._left:
            self._tried(lambda: self._end.ask(do="drop", diff_ids=self._left))
        self._tried(self._end.leave)


def temporary_folder():
    import tempfile

    return tempfile.TemporaryDirectory(prefix="daemonless-transfer-", dir=constants.DEFAULT_LOCAL_TMP)
