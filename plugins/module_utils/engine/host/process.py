# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that starts programs.

Argument lists only, never a shell; the environment of a child is what the caller gives, or ours with the system
directories added to PATH (nft, iptables and newuidmap live there, and a plain user's PATH often lacks them).
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

from ..base.errors import HostLacks, TimedOut, ToolFailed
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Mapping, Sequence

_POLL_SECONDS = 0.01
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Completed(NamedTuple):
    """How a program ended: exit code (negative: the signal that killed it) and all that it printed."""

    rc: int
    stdout: bytes
    stderr: bytes


class Runner(Protocol):
    """Starts programs; the only seam through which the engine does."""

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | None = None,
        pass_fds: Sequence[int] = (),
        check: str | None = None,
    ) -> Completed:
        """Run to the end. `check` is the deed: with it a non-zero exit code raises ToolFailed.

        Raises HostLacks when the program cannot be started, TimedOut (the program is killed first).
        """

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
        new_session: bool = False,
    ) -> Process:
        """Start and return at once. Descriptors not given are /dev/null."""


class Process(Protocol):
    """A started program."""

    @property
    def pid(self) -> int: ...

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; raises TimedOut when it has not ended after `timeout` seconds."""

    def kill(self) -> None: ...


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment with a PATH that holds the system directories, and `extra` on top."""
    env = dict(os.environ)
    parts = [part for part in env.get("PATH", "").split(":") if part]
    env["PATH"] = ":".join(parts + [part for part in _SYSTEM_PATH if part not in parts])
    if extra:
        env.update(extra)
    return env


def running(argument: str, *names: str) -> list[int]:
    """Processes of programs (or scripts) whose file name begins with one of `names` and that were given `argument`."""
    found = []
    wanted, beginnings = os.fsencode(argument), tuple(os.fsencode(name) for name in names)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read(65536).split(b"\0")
            except OSError:
                continue
            if wanted in words and any(os.path.basename(word).startswith(beginnings) for word in words[:2]):
                found.append(int(entry))
    return found


def signal_all(pids: Iterable[int], number: int) -> None:
    """Send it to those that are still there and ours."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def until_gone(
    deed: str, seconds: float, left: Callable[[], list[int]], each_time: Callable[[list[int]], None]
) -> None:
    """Wait until `left` finds no process any more; those whom it finds are given to `each_time` before looking again.

    Raises TimedOut, in the words of the deed.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = left()
        if not found:
            return
        if time.monotonic() > deadline:
            raise TimedOut(deed, f"process {found[0]} does not end")
        each_time(found)
        time.sleep(_POLL_SECONDS)


class _Started:
    def __init__(self, child: subprocess.Popen[bytes], name: str) -> None:
        self._child = child
        self._name = name

    @property
    def pid(self) -> int:
        return self._child.pid

    def wait(self, timeout: float | None = None) -> int:
        import subprocess

        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"wait for {self._name}", f"still running after {timeout:g} s") from error

    def kill(self) -> None:
        self._child.kill()


def make_ready() -> None:
    """Load what starting a program takes, so that processes which are forked from here need not."""
    import subprocess  # noqa: F401


class LinuxRunner:
    """The Runner of real hosts. Who starts nothing does not pay for the module that starts programs."""

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | None = None,
        pass_fds: Sequence[int] = (),
        check: str | None = None,
    ) -> Completed:
        import subprocess

        name = os.path.basename(argv[0])
        try:
            done = subprocess.run(
                list(argv),
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                env=child_environment() if env is None else dict(env),
                cwd=cwd,
                timeout=timeout,
                pass_fds=tuple(pass_fds),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TimedOut(check or f"run {name}", f"{name} did not end within {timeout:g} s") from error
        except OSError as error:
            raise HostLacks(check or f"run {name}", f"{argv[0]} cannot be started: {error.strerror}") from error
        if check is not None and done.returncode != 0:
            raise ToolFailed(check, name, done.returncode, done.stderr.decode("utf-8", "replace"))
        return Completed(done.returncode, done.stdout, done.stderr)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
        new_session: bool = False,
    ) -> Process:
        import subprocess

        null = subprocess.DEVNULL
        try:
            child = subprocess.Popen(
                list(argv),
                stdin=null if stdin is None else stdin,
                stdout=null if stdout is None else stdout,
                stderr=null if stderr is None else stderr,
                env=child_environment() if env is None else dict(env),
                cwd=cwd,
                pass_fds=tuple(pass_fds),
                start_new_session=new_session,
            )
        except OSError as error:
            raise HostLacks(f"start {os.path.basename(argv[0])}", f"{argv[0]}: {error.strerror}") from error
        return _Started(child, os.path.basename(argv[0]))
