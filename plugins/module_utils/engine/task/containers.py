# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `containers`: a list of what `container` takes, reconciled in one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..base.errors import BadInput
from . import quadlet
from .container import actions_of, task_of
from .container_options import OPTIONS as EACH
from .container_options import RULES
from .frame import Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.many import Ended
    from ..container.reconcile import Task
    from .frame import Delivery, Options

OPTIONS: Options = {
    "containers": {"type": "list", "elements": "dict", "required": True},
    "parallel": {"type": "int", "default": 4},
    "purge": {"type": "str"},
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("containers", OPTIONS, reconcile, nested=True))


def reconcile(request: Request) -> Result:
    from ..container import many

    label = request.text("purge")
    parts = _parts(request, label)
    units = [quadlet.written(part, "container") for part in parts if part.text("state") == quadlet.STATE]
    leaving = [quadlet.Leaving(part, "container") for part in parts if part.text("state") == "absent"]
    tasks = [_task(part) for part in parts if part.text("state") != quadlet.STATE]
    parallel = request.params.get("parallel")
    if not isinstance(parallel, int) or parallel < 1:
        raise BadInput("read the option parallel", "it is less than one")
    session = request.session()
    ended = many.reconcile_all(session, tasks, many.Ways(label, parallel, request.check))
    outcomes = {end.name: end.outcome for end in ended if end.outcome is not None}
    changed = {name: outcome for name, outcome in outcomes.items() if outcome.changed}
    for outcome in outcomes.values():
        request.warnings += [text for text in outcome.warnings if text not in request.warnings]
    reported = [report_of(end) for end in ended]
    result = Result(
        [outcome.container for outcome in outcomes.values() if outcome.container],
        changed=bool(changed),
        actions=[action for report in reported for action in _texts(report, "actions")],
        before={name: outcome.before for name, outcome in changed.items()},
        after={name: outcome.after for name, outcome in changed.items()},
        extra={
            "podman_actions": [action for report in reported for action in _texts(report, "podman_actions")],
            "results": reported,
        },
        failure=failure_of(ended),
    )
    for unit in units:
        result.changed = result.changed or unit.changed
        result.actions += unit.actions
    for each in () if result.failure else leaving:
        result = each.gone(result)
    for part in parts:
        request.warnings += [text for text in part.warnings if text not in request.warnings]
    return result


def tasks_of(request: Request, label: str) -> list[Task]:
    """The entries of the list as what is wanted. Raises BadInput."""
    return [_task(part) for part in _parts(request, label)]


def _parts(request: Request, label: str) -> list[Request]:
    """The entries of the list, each read as the module `container` reads its options. Raises BadInput."""
    listed = request.params.get("containers")
    validator = ArgumentSpecValidator(dict(EACH), **RULES)
    return [
        _part(request, validator, item, number, label)
        for number, item in enumerate(listed if isinstance(listed, list) else [], 1)
        if isinstance(item, dict)
    ]


def _part(
    request: Request, validator: ArgumentSpecValidator, item: dict[str, object], number: int, label: str
) -> Request:
    name = item.get("name")
    where = f"read container {name}" if isinstance(name, str) and name else f"read entry {number} of containers"
    validated = validator.validate(item)
    request.secrets |= validated._no_log_values
    if validated.error_messages:
        raise BadInput(where, "; ".join(validated.error_messages))
    params: dict[str, object] = validated.validated_parameters
    if params.get("generate_systemd"):
        raise BadInput(where, "generate_systemd is an option of the module container alone", "Use that for this one")
    if label and params["state"] != "absent":
        params["label"] = _labelled(params.get("label"), label, where)
    return request.part(params)


def _task(part: Request) -> Task:
    try:
        return task_of(part)
    except BadInput as error:
        raise BadInput(f"read container {part.text('name')}: {error.deed}", error.cause, error.hint) from error


def _labelled(labels: object, label: str, where: str) -> dict[str, object]:
    """Every container of the list carries the label by which the others are found."""
    key, _equals, value = label.partition("=")
    found = dict(labels) if isinstance(labels, dict) else {}
    if str(found.setdefault(key, value)) != value:
        raise BadInput(where, f"it labels itself {key}={found[key]}, and purge={label} would remove it the next time")
    return found


def report_of(end: Ended) -> dict[str, object]:
    report: dict[str, object] = {"name": end.name, "changed": False, "failed": bool(end.error), "actions": []}
    outcome = end.outcome
    if outcome is not None:
        done, commands = actions_of(outcome.actions)
        report.update(changed=outcome.changed, actions=done, podman_actions=commands)
        if outcome.rc is not None:
            report.update(rc=outcome.rc, stdout=outcome.stdout, stderr=outcome.stderr, failed=bool(outcome.rc))
    if end.error:
        report.update(msg=end.error, error=end.kind)
    return report


def failure_of(ended: tuple[Ended, ...]) -> str:
    """One message for all that failed; "" when none did."""
    causes = [f"{end.name}: {end.error}" for end in ended if end.error]
    codes = [(end.name, end.outcome.rc) for end in ended if end.outcome is not None and end.outcome.rc]
    causes += [f"{name}: ended with exit code {code}" for name, code in codes]
    if not causes:
        return ""
    return f"{len(causes)} of {len(ended)} containers failed. " + ". ".join(causes)


def _texts(report: dict[str, object], key: str) -> list[str]:
    found = report.get(key)
    return found if isinstance(found, list) else []
