# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_exec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import commands
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.execute import ExecRequest
    from ..container.model import Container
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    **commands.OPTIONS,
    "detach": {"type": "bool", "default": False},
    "privileged": {"type": "bool", "default": False},
    "tty": {"type": "bool", "default": False},
    "user": {"type": "str"},
    "workdir": {"type": "str", "aliases": ["chdir"]},
    "creates": {"type": "str"},
    "removes": {"type": "str"},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("exec_id", OPTIONS, execute, rules=commands.RULES))


def execute(request: Request) -> Result:
    from ..container import lookup

    wish = _wish(request)
    container = lookup.find(request.session(), request.text("name"), "run a program in container")
    reason = _needless(request, container)
    shown = {"podman_command": _podman_command(request, wish), "rc": 0, "stdout": "", "stderr": ""}
    if reason:
        return Result("", changed=False, extra={**shown, "msg": reason})
    actions = [f"ran {wish.argv[0]} in {container.name}"]
    if request.check:
        return Result("", changed=True, actions=actions, extra=shown)
    from ..container import execute as room

    if request.flag("detach"):
        session_id = room.detach(request.session(), container, wish)
        return Result(session_id, changed=True, actions=actions, extra=shown)
    done = room.execute(request.session(), container, wish)
    output, errors = commands.text(done.stdout), commands.text(done.stderr)
    failure = f"{wish.argv[0]} in container {container.name} ended with exit code {done.rc}" if done.rc else ""
    if failure and errors:
        failure += f": {errors[-2000:]}"
    shown.update(rc=done.rc, stdout=output, stderr=errors)
    return Result("", changed=True, actions=actions, extra=shown, failure=failure)


def _wish(request: Request) -> ExecRequest:
    from ..container.execute import ExecRequest

    wish = ExecRequest(
        argv=commands.argv(request),
        env=commands.env(request),
        user=request.text("user"),
        workdir=request.text("workdir"),
        tty=request.flag("tty"),
        stdin=commands.stdin(request),
        privileged=request.flag("privileged"),
        seconds=commands.seconds(request),
    )
    if request.flag("detach"):
        for name in ("stdin", "timeout"):
            if request.params.get(name) is not None:
                raise BadInput(f"read {name}", "with detach nobody stays to give it input or to end it")
    return wish


def _needless(request: Request, container: Container) -> str:
    """Why nothing is to be done, in the words of ansible.builtin.command; "" when there is."""
    from ..container.execute import holds

    creates, removes = request.text("creates"), request.text("removes")
    if creates and holds(container, creates):
        return f"skipped, since {creates} exists in container {container.name}"
    if removes and not holds(container, removes):
        return f"skipped, since {removes} does not exist in container {container.name}"
    return ""


def _podman_command(request: Request, wish: ExecRequest) -> list[str]:
    """What would do the same, for playbooks that look at it; the values of variables are nobody's business."""
    words = ["podman", "exec"]
    for name in ("detach", "privileged", "tty"):
        if request.flag(name):
            words.append(f"--{name}")
    for name, _value in wish.env:
        words += ["--env", name]
    for option in ("user", "workdir"):
        if request.text(option):
            words += [f"--{option}", request.text(option)]
    return [*words, request.text("name"), *wish.argv]
