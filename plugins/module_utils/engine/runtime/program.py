# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One OCI runtime on this host, and calling it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import TimedOut
from ..base.tuples import NamedTuple
from ..host.process import child_environment
from . import errors

if TYPE_CHECKING:
    from ..host.process import Completed, Runner

DEADLINE = 60.0
_SERVICE_VARIABLES = ("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class Runtime(NamedTuple):
    """`path` is absolute; `args` go before every verb, also when conmon calls it (as `--root=DIR`)."""

    name: str
    path: str
    args: tuple[str, ...] = ()


class Call(NamedTuple):
    """One verb with its arguments; `deed` words the error; `deadline` in seconds; `env` on top of the usual one."""

    deed: str
    argv: tuple[str, ...]
    input: bytes | None = None
    deadline: float = DEADLINE
    env: tuple[tuple[str, str], ...] = ()


def call(runner: Runner, runtime: Runtime, wanted: Call) -> Completed:
    """Run a verb to its end. Raises the mapped EngineError when it fails, TimedOut when it hangs (it is killed)."""
    done = attempt(runner, runtime, wanted)
    if done.rc != 0:
        raise errors.failure(wanted.deed, runtime, done.rc, done.stderr.decode("utf-8", "replace"))
    return done


def environment() -> dict[str, str]:
    """For calling a runtime: without the variables by which it would speak to the service manager of its caller."""
    env = child_environment()
    for name in _SERVICE_VARIABLES:
        env.pop(name, None)
    return env


def attempt(runner: Runner, runtime: Runtime, wanted: Call) -> Completed:
    """As `call`, but a failing exit code is the caller's to judge."""
    try:
        argv = (runtime.path, *runtime.args, *wanted.argv)
        return runner.run(argv, input=wanted.input, env={**environment(), **dict(wanted.env)}, timeout=wanted.deadline)
    except TimedOut:
        raise errors.hung(wanted.deed, runtime, wanted.deadline) from None
