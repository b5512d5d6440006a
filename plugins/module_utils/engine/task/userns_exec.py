# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `userns_exec`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import commands
from .frame import Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    **commands.OPTIONS,
    "chdir": {"type": "path"},
    "container": {"type": "str"},
    "creates": {"type": "path"},
    "removes": {"type": "path"},
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("container", OPTIONS, execute, rules=commands.RULES))


def execute(request: Request) -> Result:
    from ..container import lookup, unshare

    wish = unshare.Wish(
        argv=commands.argv(request),
        env=commands.env(request),
        directory=request.text("chdir"),
        stdin=commands.stdin(request),
        seconds=commands.seconds(request),
    )
    session = request.session()
    name = request.text("container")
    container = lookup.find(session, name, "enter the user namespace of container") if name else None
    shown = {"rc": 0, "stdout": "", "stderr": ""}
    reason = _needless(request)
    if reason:
        return Result(name, changed=False, extra={**shown, "msg": reason})
    unshare.check(session, container)
    actions = [f"ran {wish.argv[0]}"]
    if request.check:
        return Result(name, changed=True, actions=actions, extra=shown)
    done = unshare.run(session, wish, container)
    rc = 128 - done.rc if done.rc < 0 else done.rc
    shown.update(rc=rc, stdout=commands.text(done.stdout), stderr=commands.text(done.stderr))
    failure = f"{wish.argv[0]} ended with exit code {rc}" if rc else ""
    if failure and shown["stderr"]:
        failure += f": {str(shown['stderr'])[-2000:]}"
    return Result(name, changed=True, actions=actions, extra=shown, failure=failure)


def _needless(request: Request) -> str:
    """Looked up where the program would run: inside the namespaces, so that a mounted layer can be meant."""
    import os

    creates, removes = request.text("creates"), request.text("removes")
    if creates and os.path.lexists(creates):
        return f"skipped, since {creates} exists"
    if removes and not os.path.lexists(removes):
        return f"skipped, since {removes} does not exist"
    return ""
