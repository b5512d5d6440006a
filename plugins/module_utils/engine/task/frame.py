# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of every task: parameters in, one reconcile, one result or one error out.

A noun describes itself by a `Noun`: its option table (which is the argument spec), its rules, and its `reconcile`.
Everything else is here, once: AnsibleModule, the installed runtime, the session, check mode, the shape of the result,
errors. Plain classes instead of dataclasses: this file is on the path of tasks that have nothing to do.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule

from ..base.errors import BadInput, EngineError, HostLacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from ..plan.change import Plan
    from ..session.session import Session

    Options = Mapping[str, Mapping[str, object]]
    Json = dict[str, object]

    class Delivery(Protocol):
        """How the engine reached this host; installed.py has the implementation."""

        base: str
        digest: str
        home: str | None
        listing: dict[str, tuple[int, int]]
        prefix: str
        source: str

        def fits(self, home: str) -> bool: ...


EXECUTABLE: Mapping[str, object] = {"type": "str"}


class Noun:
    """What one module is made of.

    `key` names the object in the result; `options` is the argument spec, written once, as the only table of options;
    `rules` are AnsibleModule's own (mutually_exclusive, required_if, ...). `reads` is for modules that only look:
    they never install the runtime and report no actions. `nested` is for options that hold whole lists of options,
    whose secrets only the noun can tell from the rest (`Request.secrets`): they are not written to the host's log.
    """

    __slots__ = ("key", "nested", "options", "reads", "reconcile", "rules")

    def __init__(
        self,
        key: str,
        options: Options,
        reconcile: Callable[[Request], Result],
        *,
        rules: Mapping[str, object] | None = None,
        reads: bool = False,
        nested: bool = False,
    ) -> None:
        self.key = key
        self.nested = nested
        self.options = options
        self.reconcile = reconcile
        self.rules = rules or {}
        self.reads = reads


class Request:
    """One task as its noun sees it: validated parameters, the mode, and the door to the host."""

    __slots__ = ("_delivery", "_session", "check", "diff", "home", "params", "secrets", "warnings")

    def __init__(self, params: Json, *, check: bool, diff: bool, delivery: Delivery) -> None:
        self.params = params
        self.check = check
        self.diff = diff
        self.home = delivery.home
        self.warnings: list[str] = []
        self.secrets: set[str] = set()  # values that no result and no log may show
        self._delivery = delivery
        self._session: Session | None = None

    def part(self, params: Json) -> Request:
        """The same task with other parameters: one entry of a list of them. It opens no session of its own."""
        return Request(params, check=self.check, diff=self.diff, delivery=self._delivery)

    @property
    def delivery(self) -> Delivery:
        return self._delivery

    @property
    def command(self) -> str | None:
        """Absolute path of the installed `daemonless`, for conmon's exit command; None when nothing is installed."""
        return f"{self.home}/daemonless" if self.home else None

    def session(self) -> Session:
        """The session of this task, opened at the first call: namespaces are entered then, so nothing may come before
        it that holds a lock or a thread."""
        if self._session is None:
            from ..session.session import Session

            self._session = Session.open(command=self.command)
        return self._session

    def close(self) -> None:
        if self._session is not None:
            self.warnings += [text for text in self._session.warnings if text not in self.warnings]
            self._session.close()
            self._session = None

    def text(self, name: str) -> str:
        """The value of a string option; "" when it was not given."""
        value = self.params.get(name)
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        return bool(self.params.get(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """The value of a list option; () when it was not given."""
        value = self.params.get(name)
        return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


class Result:
    """What a task reports.

    `value` is the object under the noun's key. Either a `plan` says what changed and the difference, or `changed`,
    `before` and `after` do. `actions` are one line per step, in order. `extra` are further keys of the result.
    """

    __slots__ = ("actions", "after", "before", "changed", "extra", "failure", "value")

    def __init__(
        self,
        value: object,
        *,
        plan: Plan | None = None,
        changed: bool | None = None,
        actions: Sequence[str] = (),
        before: object = None,
        after: object = None,
        extra: Mapping[str, object] | None = None,
        failure: str = "",
    ) -> None:
        self.value = value
        self.changed = changed if changed is not None else plan is not None and plan.changed
        self.actions = list(actions)
        self.before, self.after = before, after
        if plan is not None and plan.changed:
            rendered = plan.render()
            self.before, self.after = rendered["before"], rendered["after"]
            self.actions = self.actions or [f"{step.name} {step.detail}".strip() for step in plan.steps]
        self.extra = dict(extra or {})
        self.failure = failure

    def report(self, noun: Noun) -> Json:
        report: Json = {"changed": self.changed, noun.key: self.value}
        if not noun.reads:
            report["actions"] = self.actions
            report["podman_actions"] = self.actions
        report.update(self.extra)
        if self.before is not None or self.after is not None:
            report["diff"] = {"before": _page(self.before), "after": _page(self.after)}
        return report


class _Unlogged(AnsibleModule):  # type: ignore[misc]
    """A module whose parameters are not sent to the host's system log."""

    def _log_invocation(self) -> None:
        self.log(f"ansible-{self._name}: its options are not logged")


def run(delivery: Delivery, noun: Noun) -> None:
    """Do the task and end the process with its result."""
    kind = _Unlogged if noun.nested else AnsibleModule
    module = kind(argument_spec=dict(noun.options), supports_check_mode=True, **noun.rules)
    request = Request(module.params, check=module.check_mode, diff=module._diff, delivery=delivery)
    failure: Json | None = None
    try:
        try:
            _prepare(module, request, noun)
            result = noun.reconcile(request)
        finally:
            request.close()
    except EngineError as error:
        failure = explain(error)
    except OSError as error:
        failure = {"msg": f"{noun.key}: {error}", "exception": _trace()}
    except Exception as error:  # the edge: whatever happens, Ansible gets one message and the place to look at
        failure = {
            "msg": f"{noun.key}: {type(error).__name__}: {error}. This is a bug in daemonless.oci, please report it",
            "exception": _trace(),
        }
    # At its end Python looks through all that lives for garbage, twice; of what a task leaves nothing would come of it.
    gc.freeze()
    module.no_log_values |= request.secrets
    for text in request.warnings:
        module.warn(text)
    if failure is not None:
        module.fail_json(**failure)
    report = result.report(noun)
    if result.failure:
        module.fail_json(msg=result.failure, **report)
    module.exit_json(**report)


def _prepare(module: AnsibleModule, request: Request, noun: Noun) -> None:
    program = request.text("executable")
    if program:
        check_executable(program)
    if request.check:
        import sys

        sys.dont_write_bytecode = True
    elif not noun.reads:
        install(request)


def install(request: Request) -> None:
    """Leave the runtime on the host unless it is there. Where that is impossible, deeds that need none still work."""
    delivery = request.delivery
    from .links import link_is_missing

    if request.home is not None and not link_is_missing(delivery.base):
        return
    from .install import install as put

    try:
        request.home = put(delivery)
    except HostLacks as error:
        request.warnings.append(f"{error}. This task ran without it")


def check_executable(program: str) -> None:
    """`executable` of containers.podman: must name a program that exists, and is otherwise not used."""
    import os

    from ..host.programs import find

    path = program if program.startswith("/") else find(program, ())
    if not path or not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise BadInput("check the option executable", f"{program} is not a program on this host")


def explain(error: EngineError) -> Json:
    """fail_json's arguments for an error of ours: one message, and its kind for playbooks that look at it."""
    return {"msg": str(error), "error": type(error).__name__}


def _page(value: object) -> object:
    """Ansible shows texts and dictionaries; a text must end with a newline to be shown without a remark."""
    if isinstance(value, str):
        return value if not value or value.endswith("\n") else value + "\n"
    return value if value is not None else ""


def _trace() -> str:
    import traceback

    return traceback.format_exc()
