# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container`: parameters to a wish, the wish to reconcile, the outcome to a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import quadlet
from .container_options import OPTIONS, PULLING, RULES
from .frame import Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.reconcile import Outcome, Task
    from ..image.options import PullOptions
    from ..spec.platform import Platform
    from .frame import Delivery

#: A step, and how containers.podman reports it once done.
_DONE = {
    "create": "created",
    "kill": "killed",
    "pause": "paused",
    "pull": "pulled",
    "recreate": "recreated",
    "remove": "deleted",
    "restart": "restarted",
    "start": "started",
    "stop": "stopped",
    "unpause": "unpaused",
    "update": "updated",
}
#: The podman commands that would do the same; none of them is run.
_COMMANDS = {
    "create": "podman create --name {name}",
    "recreate": "podman create --replace --name {name}",
    "remove": "podman rm -f {name}",
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("container", OPTIONS, reconcile, rules=RULES))


def reconcile(request: Request) -> Result:
    return quadlet.beside(request, "container", _with_unit)


def _with_unit(request: Request) -> Result:
    if not request.params.get("generate_systemd"):
        return _manage(request)
    from . import units

    return units.beside(request, _manage)


def _manage(request: Request) -> Result:
    from ..container import reconcile as room

    desired, flags, pull = task_of(request)[:3]
    session = request.session()
    if desired.pod is not None and desired.pod.startswith("new:") and flags.state != "absent":
        outcome = _with_pod(request, room.Task(desired, flags, pull))
    else:
        outcome = room.reconcile(session, desired, flags, pull=pull, check=request.check)
    request.warnings.extend(outcome.warnings)
    actions, commands = actions_of(outcome.actions)
    extra: dict[str, object] = {"podman_actions": commands}
    failure = ""
    if outcome.rc is not None:
        extra.update(rc=outcome.rc, stdout=outcome.stdout, stderr=outcome.stderr)
        failure = f"container {desired.name} ended with exit code {outcome.rc}" if outcome.rc else ""
    return Result(
        outcome.container,
        changed=outcome.changed,
        actions=actions,
        before=outcome.before,
        after=outcome.after,
        extra=extra,
        failure=failure,
    )


def _with_pod(request: Request, task: Task) -> Outcome:
    """`pod: new:NAME`: the pod too, where it is missing."""
    from ..container import reconcile as room
    from ..pod import joining

    session = request.session()
    desired, planned, plan = joining.ensure(session, task.desired, check=request.check)
    if planned is None:
        outcome = room.reconcile(session, desired, task.flags, pull=task.pull, check=request.check)
    else:  # in check mode the pod is only thought of
        task = task._replace(desired=desired, pod=planned)
        outcome = room.settled(session, task, room.look(session, task), check=True)
    if not plan.changed:
        return outcome
    made = tuple(f"{step.name} pod {step.detail}" for step in plan.steps)
    rendered = plan.render()
    return outcome._replace(
        changed=True,
        actions=(*made, *outcome.actions),
        before={**outcome.before, "pod": rendered["before"]},
        after={**outcome.after, "pod": rendered["after"]},
    )


def task_of(request: Request) -> Task:
    """What the parameters ask for. Raises BadInput."""
    from ..container import option_files, params
    from ..container.desired import CREATED, STARTED
    from ..container.reconcile import Task

    wanted = {name: value for name, value in request.params.items() if value is not None and name not in PULLING}
    flags = params.parse_flags(wanted)
    request.warnings.extend(params.without_effect(wanted))
    desired = params.parse(wanted, option_files.read(params.files_needed(wanted)))
    if desired.init_ctr is not None and flags.state == STARTED:
        from ..base.values import replace

        flags = replace(flags, state=CREATED)  # its pod starts it
    return Task(desired, flags, pull_options(request))


def actions_of(steps: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Steps of a plan ("create web") as what was done ("created web"), and as podman's commands."""
    pairs = [step.partition(" ")[::2] for step in steps]
    commands = [_COMMANDS.get(verb, "podman {verb} {name}").format(verb=verb, name=name) for verb, name in pairs]
    return [f"{_DONE.get(verb, verb)} {name}" for verb, name in pairs], commands


def pull_options(request: Request) -> PullOptions | None:
    """How to pull the image, where the task says anything about it; None for the defaults. Raises BadInput."""
    given = {name for name in PULLING if request.params.get(name) is not None}
    if not given:
        return None
    from ..base.errors import BadInput
    from ..base.units import parse_duration
    from ..image.options import PullOptions

    user, colon, password = request.text("creds").partition(":")
    if request.text("creds") and not (user and colon):
        raise BadInput("read creds", "it reads USER:PASSWORD")
    delay, retry = request.text("retry_delay"), request.params.get("retry")
    return PullOptions(
        platform=_platform(request),
        username=user,
        password=password,
        auth_file=request.text("authfile"),
        validate_certs=request.flag("tls_verify") if "tls_verify" in given else None,
        ca_cert_dir=request.text("cert_dir"),
        retries=retry if isinstance(retry, int) else 3,
        retry_delay=parse_duration(delay, "retry_delay") / 1e9 if delay else None,
    )


def _platform(request: Request) -> Platform | None:
    """None for this host's."""
    from ..image.view import host
    from ..spec import platform

    if request.text("platform"):
        return platform.parse(request.text("platform"))
    system, machine, variant = (request.text(name) for name in ("os", "arch", "variant"))
    if not (system or machine or variant):
        return None
    return platform.choose(host(), os=system, architecture=machine, variant=variant)
