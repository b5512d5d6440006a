# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crun and runc say when they fail, brought to one clear cause.

A runtime reports through its stderr or its log file, as JSON lines, as logfmt (`level=error msg="..."`) or bare. The
table below maps the sentences of both to the error family; an unknown sentence is passed on whole in a ToolFailed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput, Conflict, Denied, EngineError, HostLacks, NotFound, TimedOut, ToolFailed

if TYPE_CHECKING:
    from .program import Runtime

_LOGFMT = patterns.compile(r'level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)')
_STAMP = patterns.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z?:? ")
_WORST = ("error", "fatal", "panic")


class CommandNotFound(NotFound):
    """The container has no such program: exit code 127 of a command line."""


class NotRunning(EngineError):
    """The deed needs a running container."""


class CommandNotExecutable(Denied):
    """The program is there and cannot be run: exit code 126 of a command line."""


def messages(text: str) -> tuple[str, ...]:
    """The errors in a runtime's stderr or log file, in order, each once; warnings only when there is nothing else."""
    errors: list[str] = []
    others: list[str] = []
    for raw in text.splitlines():
        level, message = _line(raw.strip())
        target = errors if level in _WORST else others
        if message and message not in target:
            target.append(message)
    # runc prints its error twice: as a log line and bare
    return tuple(errors) or tuple(others)


def _line(raw: str) -> tuple[str, str]:
    if raw.startswith("{"):
        try:
            entry = json.loads(raw)
        except ValueError:
            return "error", raw
        if isinstance(entry, dict):
            return str(entry.get("level", "error")), str(entry.get("msg", "")).strip()
    found = _LOGFMT.search(raw)
    if found:
        message = found.group(2)
        if message.startswith('"'):
            try:
                message = str(json.loads(message))
            except ValueError:
                message = message.strip('"')
        return found.group(1), message
    return "plain", _STAMP.sub("", raw)


#: sentence -> (error, cause with the groups of the sentence, hint); the first that matches counts
_CAUSES: tuple[tuple[str, type[EngineError], str, str], ...] = (
    (
        r"executable file [`\"']?(?P<a>[^`\"']*?)[`\"']? not found|exec: \"(?P<b>[^\"]*)\": executable file not found"
        r"|exec: \"(?P<c>[^\"]*)\": stat [^:]*: no such file|cannot find `(?P<d>[^`]*)` in \$PATH",
        CommandNotFound,
        "the container has no program {0}",
        "Check the command and the entrypoint",
    ),
    (
        r"path `(?P<a>[^`]*)` (?:exists but it is not (?:an )?executable|is not a regular file)"
        r"|exec: \"(?P<b>[^\"]*)\": (?:permission denied|is a directory)"
        r"|open executable(?: `(?P<c>[^`:]*)`)?: (?:Permission denied|Operation not permitted)"
        r"|exec `(?P<d>[^`]*)`: Permission denied",
        CommandNotExecutable,
        "the program {0} may not be executed",
        "Check its mode, and that its file system is not mounted noexec",
    ),
    (
        r"exec(?:ve)?[: `]+(?P<a>[^`:\"]*)[`\"]*: [Ee]xec format error|exec \"?(?P<b>[^\":]*)\"?: exec format error"
        r"|[Ee]xec format error",
        CommandNotExecutable,
        "the program {0} is not made for this processor, or is a script without #!",
        "Check the platform of the image",
    ),
    (
        r"cgroups in hybrid mode not supported",
        HostLacks,
        "it does not work with the hybrid cgroups of this host",
        "Install runc, or boot with systemd.unified_cgroup_hierarchy=1",
    ),
    (
        r"setrlimit `?(?:RLIMIT_)?(?P<a>\w+)`?: Operation not permitted"
        r"|rlimit type (?P<b>\d+): operation not permitted",
        HostLacks,
        "the ulimit {0} is above the hard limit of this host",
        "Ask for less, or raise the limit of the calling user",
    ),
    (
        r"the requested cgroup controller `(?P<a>[^`]*)` is not available"
        r"|controller \"?(?P<b>\w+)\"? (?:is )?not available",
        HostLacks,
        "the cgroup controller {0} is not available here",
        "",
    ),
    (
        r"error mounting \"(?P<a>[^\"]*)\" to rootfs.*no such file or directory"
        r"|(?:cannot (?:stat|open)|error stat'ing file) `(?P<b>/[^`]*)`: No such file"
        r"|mount `(?P<c>/[^`]*)` to .*: No such file",
        NotFound,
        "the mount source {0} does not exist",
        "",
    ),
    (
        r"chdir to cwd \(\"(?P<a>[^\"]*)\"\)|(?:mkdir and )?chdir(?: to)? `(?P<b>[^`]*)`",
        NotFound,
        "the working directory {0} cannot be entered",
        "",
    ),
    (r"container init was OOM-killed", HostLacks, "the memory limit is too low even to start the program", ""),
    (
        r"container(?: with (?:given )?id)? ?(?:`[^`]*` )?(?:already )?exists|container with given ID already exists",
        Conflict,
        "the runtime already has a container of this id",
        "",
    ),
    (
        r"container(?: `[^`]*`)? does not exist"
        r"|error opening file `[^`]*/status`: No such file"
        r"|cannot open directory ['`][^'`]*/[0-9a-f]{64}['`]: No such file",
        NotFound,
        "the runtime does not know the container",
        "",
    ),
    (
        r"container `[^`]*` is not running|in a stopped container|container not running",
        NotRunning,
        "it is not running",
        "",
    ),
    (
        r"create keyring.*Disk quota exceeded|create session key: disk quota exceeded",
        HostLacks,
        "the user has as many keyrings as the kernel allows, one for each container",
        "Raise kernel.keys.maxkeys by sysctl, or set keyring = false in containers.conf",
    ),
    (r"No space left on device|no space left on device", HostLacks, "no space is left on the device", ""),
    (
        r"unknown capability|unknown seccomp|invalid (?:action|operator|syscall)|seccomp.*(?:unknown|invalid)",
        BadInput,
        "{message}",
        "",
    ),
)


def failure(deed: str, runtime: Runtime, rc: int, text: str) -> EngineError:
    """The error for a runtime that ended with `rc` having said `text` (stderr or log file)."""
    found = messages(text)
    said = "; ".join(found)
    for pattern, error, cause, hint in _CAUSES:
        match = re.search(pattern, said)
        if match:
            names = [group for group in match.groups() if group]
            detail = cause.format(names[0] if names else "", message=f"{runtime.name}: {said}")
            return error(deed, " ".join(detail.split()), hint)
    return ToolFailed(deed, runtime.name, rc, said[:4000])


def hung(deed: str, runtime: Runtime, seconds: float) -> TimedOut:
    return TimedOut(deed, f"{runtime.name} gave no answer within {seconds:g} s; it was killed")
