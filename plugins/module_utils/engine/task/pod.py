# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `pod`: parameters to a wish, the wish to reconcile, the outcome to a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import quadlet
from .frame import EXECUTABLE, Noun, Request, Result, run
from .pod_options import OPTIONS as ALL
from .pod_options import RULES

if TYPE_CHECKING:
    from ..container.many import Ended
    from ..container.reconcile import Task
    from ..plan.change import Plan
    from .frame import Delivery, Options

OPTIONS: Options = {**ALL, **quadlet.OPTIONS, "executable": EXECUTABLE}
#: A step, and how containers.podman reports it once done.
_DONE = {
    "create": "created",
    "kill": "killed",
    "pause": "paused",
    "remove": "deleted",
    "restart": "restarted",
    "start": "started",
    "stop": "stopped",
    "unpause": "unpaused",
    "update": "updated",
    "create infra container of": "created infra container of",
    "replace infra container of": "replaced infra container of",
}
_NOT_THE_PODS = frozenset(("containers", "parallel", "debug", *quadlet.OPTIONS))
_COMMANDS = {"create": "podman pod create --name {name}", "remove": "podman pod rm -f {name}"}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("pod", OPTIONS, reconcile, rules=RULES, nested=True))


def reconcile(request: Request) -> Result:
    return quadlet.beside(request, "pod", _manage)


def _manage(request: Request) -> Result:
    from ..container import option_files
    from ..pod import params
    from ..pod.together import reconcile_together

    given = {name: value for name, value in request.params.items() if name not in _NOT_THE_PODS}
    flags = params.parse_flags(given)
    wish = params.parse(given, option_files.read(params.files_needed(given)))
    tasks = _tasks(request)
    parallel = request.params.get("parallel")
    outcome = reconcile_together(
        request.session(),
        wish,
        flags,
        tasks,
        check=request.check,
        parallel=parallel if isinstance(parallel, int) else 4,
    )
    return _result(request, outcome.plans, outcome.containers, outcome.pod)


def _tasks(request: Request) -> list[Task]:
    from .containers import tasks_of

    return tasks_of(request, "")


def _result(
    request: Request, plans: tuple[Plan, ...], ended: tuple[Ended, ...], document: dict[str, object]
) -> Result:
    from .containers import failure_of, report_of

    actions, commands = _actions(plans)
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for plan in plans:
        if plan.changed:
            rendered = plan.render()
            before = {**(rendered["before"] if isinstance(rendered["before"], dict) else {}), **before}
            after.update(rendered["after"] if isinstance(rendered["after"], dict) else {})
    changed = {one.name: one.outcome for one in ended if one.outcome is not None and one.outcome.changed}
    if changed:
        before["containers"] = {name: outcome.before for name, outcome in changed.items()}
        after["containers"] = {name: outcome.after for name, outcome in changed.items()}
    for one in ended:
        if one.outcome is not None:
            request.warnings += [text for text in one.outcome.warnings if text not in request.warnings]
    extra: dict[str, object] = {"podman_actions": commands}
    if ended:
        extra["containers"] = [report_of(one) for one in ended]
    return Result(
        document,
        changed=any(plan.changed for plan in plans) or bool(changed),
        actions=actions,
        before=before,
        after=after,
        extra=extra,
        failure=failure_of(ended),
    )


def _actions(plans: tuple[Plan, ...]) -> tuple[list[str], list[str]]:
    steps = [step for plan in plans for step in plan.steps]
    done = [f"{_DONE.get(step.name, step.name)} {step.detail}" for step in steps]
    commands = [
        _COMMANDS.get(step.name, "podman pod {verb} {name}").format(verb=step.name, name=step.detail) for step in steps
    ]
    return done, commands
