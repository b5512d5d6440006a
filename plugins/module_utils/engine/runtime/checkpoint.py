# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a runtime freeze a container into images: its processes end, unless they are to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from .program import Call, Runtime, attempt, call

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..host.process import Runner

_DEADLINE = 3600.0  # gigabytes of memory go to a disk


class Keep(NamedTuple):
    """What is kept over a checkpoint that is not kept by itself; the restore must be told the same."""

    tcp_established: bool = False
    file_locks: bool = False
    ext_unix_sk: bool = False

    def flags(self) -> tuple[str, ...]:
        named = (
            ("--tcp-established", self.tcp_established),
            ("--file-locks", self.file_locks),
            ("--ext-unix-sk", self.ext_unix_sk),
        )
        return tuple(flag for flag, wanted in named if wanted)

    def to_json(self) -> Json:
        return {
            "tcp_established": self.tcp_established,
            "file_locks": self.file_locks,
            "ext_unix_sk": self.ext_unix_sk,
        }


class Dump(NamedTuple):
    """`images` and `work` are directories; `parent` is where an earlier round is, relative to `images`; `search` is
    the PATH on which the runtime finds CRIU."""

    images: str
    work: str
    search: str
    keep: Keep = Keep()
    leave_running: bool = False
    pre_dump: bool = False
    parent: str = ""


def checkpoint(runner: Runner, runtime: Runtime, cid: str, name: str, wish: Dump) -> None:
    """Raises EngineError with the runtime's cause; the container runs on then."""
    argv = ["checkpoint", "--image-path", wish.images, "--work-path", wish.work, *wish.keep.flags()]
    if wish.leave_running:
        argv.append("--leave-running")
    if wish.pre_dump:
        argv.append("--pre-dump")
    if wish.parent:
        argv += ["--parent-path", wish.parent]
    env = (("PATH", wish.search),)
    call(runner, runtime, Call(f"checkpoint container {name}", (*argv, cid), deadline=_DEADLINE, env=env))


def able(runner: Runner, runtime: Runtime) -> bool:
    """Whether this runtime was built to make checkpoints."""
    return attempt(runner, runtime, Call("ask for checkpoints", ("checkpoint", "--help"))).rc == 0
