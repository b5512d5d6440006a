# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRIU on this host: where it is, what it says of the kernel, and how the runtimes are made to use it.

Both runtimes look for a program called `criu` on their PATH (crun through libcriu), so another one than the host's is
handed to them as a link in a directory of its own, first on that PATH.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import EngineError, HostLacks
from ..base.threads import in_thread
from ..base.tuples import NamedTuple
from ..host import libc, links, programs
from ..host.process import child_environment

if TYPE_CHECKING:
    from ..host.process import Completed, Runner

LEAST = 31100  # 3.11: what podman asks for
_DEADLINE = 60.0
_VERSION = patterns.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_MARKS = patterns.compile(r"^(?:\(\d+\.\d+\)\s*)?(?:Error|Warn)\s+\([^)]*\):\s*")


class Criu(NamedTuple):
    """`number` is the version as 40101 for 4.1.1; `findings` what `criu check` complains about, () when it is content;
    `tracks_memory` whether rounds before the checkpoint can work (the kernel tells which pages were written)."""

    path: str
    version: str
    number: int
    findings: tuple[str, ...]
    tracks_memory: bool

    @property
    def works(self) -> bool:
        return self.number >= LEAST and not self.findings


def find(given: str = "") -> str:
    """The program: `given`, a path, or the one on this host. Raises HostLacks with what to install."""
    deed = "find CRIU"
    if not given:
        return programs.require("criu", deed)
    if os.path.isabs(given) and os.path.isfile(given) and os.access(given, os.X_OK):
        return given
    raise HostLacks(deed, f"{given} is not a program on this host", "criu_path takes the absolute path of one")


def probe(runner: Runner, path: str) -> Criu:
    """Ask the program three times. Raises HostLacks when it does not even start."""
    told, number = version(runner, path)
    return Criu(path, told, number, _findings(runner, path), tracks(runner, path))


def version(runner: Runner, path: str) -> tuple[str, int]:
    """As it says it, and as a number. Raises HostLacks."""
    said = runner.run([path, "--version"], timeout=_DEADLINE)
    match = _VERSION.search(said.stdout.decode("utf-8", "replace"))
    if match is None:
        raise HostLacks("use CRIU", f"{path} does not tell its version: {_last(said.stderr)}")
    parts = [int(part or 0) for part in match.groups()]
    return match.group(0), parts[0] * 10000 + parts[1] * 100 + parts[2]


def _findings(runner: Runner, path: str) -> tuple[str, ...]:
    done = _checked(runner, path)
    if done.rc == 0:
        return ()
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    found = [_MARKS.sub("", line).strip() for line in lines if "Error" in line]
    return tuple(found) or (f"criu check ended with exit code {done.rc}",)


def tracks(runner: Runner, path: str) -> bool:
    """Whether the kernel tells which pages were written since a look before."""
    return _checked(runner, path, "--feature", "mem_dirty_track").rc == 0


def _checked(runner: Runner, path: str, *options: str) -> Completed:
    """`criu check`, which has iptables list the firewall, and iptables asks the name server about every address in it:
    seconds for each where none answers. In a network namespace of its own there is nothing to list.
    """
    argv = [path, "check", *options]

    def alone() -> Completed:
        libc.unshare(libc.CLONE_NEWNET)
        links.up("lo")  # some of the checks talk to themselves
        return runner.run(argv, timeout=_DEADLINE)

    try:
        return in_thread(alone)
    except OSError:  # not for us to do, as a plain user
        return runner.run(argv, timeout=_DEADLINE)


def _last(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


def why_not(criu: Criu) -> str:
    """Why this CRIU cannot be used here; "" when it can."""
    if criu.number < LEAST:
        return f"CRIU {criu.version} is too old, 3.11 is the first that works"
    if criu.findings:
        return f"CRIU {criu.version} does not work with this kernel: {'; '.join(criu.findings[:3])}"
    return ""


def path_for(folder: str, criu: str) -> str:
    """A PATH on which the runtimes find this CRIU: a link in `folder`, which is made, comes first."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    link = os.path.join(folder, "criu")
    try:
        if os.readlink(link) != criu:
            os.unlink(link)
            os.symlink(criu, link)
    except FileNotFoundError:
        os.symlink(criu, link)
    return f"{folder}:{child_environment().get('PATH', '')}"


def seen_version(runner: Runner, given: str = "") -> str:
    """CRIU's, "" where there is none that can be asked. Never raises."""
    criu = seen(runner, given)[0]
    return criu.version if criu else ""


def seen(runner: Runner, given: str = "") -> tuple[Criu | None, str]:
    """CRIU and "", or what there is of it and why it cannot be used. Never raises."""
    try:
        found = probe(runner, find(given))
    except EngineError as error:
        return None, f"{error.cause}. {error.hint}".strip(". ")
    return found, why_not(found)
