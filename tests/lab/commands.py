"""The outer end of machine_agent.py: one command in a test machine, with its streams and its end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"


class CommandFailed(AssertionError):
    """A command that a test relied on ended badly; says all that is known."""

    def __init__(self, argv: Sequence[str], result: subprocess.CompletedProcess[str]) -> None:
        shown = f"--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
        super().__init__(f"{' '.join(argv)[:600]}\nrc {result.returncode}\n{shown}")
        self.result = result


@dataclass(frozen=True)
class Wish:
    """What to run and as whom. Without `env` the command sees what sudo or su leave: no XDG_RUNTIME_DIR, no session."""

    argv: tuple[str, ...]
    user: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None

    def message(self) -> bytes:
        plain = self.user not in (None, "root")
        base = {
            "PATH": PLAIN_PATH if plain else SYSTEM_PATH,
            "HOME": f"/home/{self.user}" if plain else "/root",
            "USER": self.user or "root",
            "LOGNAME": self.user or "root",
            "LANG": "C.UTF-8",
        }
        wish = {"argv": list(self.argv), "user": self.user, "env": {**base, **self.env}, "cwd": self.cwd}
        return json.dumps(wish).encode()


class Process:
    """A command under way in a machine. `pid` is its process id there."""

    def __init__(self, connection: socket.socket, pid: int, argv: Sequence[str]) -> None:
        self._lines = connection.makefile("rb")
        self._connection = connection
        self.pid = pid
        self.argv = tuple(argv)
        self.returncode: int | None = None

    def wait(self, timeout: float | None = 120) -> int:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                line = self._lines.readline()
            except TimeoutError:
                raise AssertionError(f"still running after {timeout} s: {' '.join(self.argv)[:400]}") from None
            if not line:
                raise AssertionError(f"the machine ended under: {' '.join(self.argv)[:400]}")
            self.returncode = int(json.loads(line)["rc"])
            self._connection.close()
        return self.returncode

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, or does so within this time; `wait` says how."""
        return self.returncode is not None or bool(select.select([self._connection], [], [], seconds)[0])

    def signal(self, number: int) -> None:
        """To the command and all of its session's first process group."""
        with contextlib.suppress(OSError):
            self._connection.sendall(b"%d " % number)

    def kill(self) -> int:
        self.signal(signal.SIGKILL)
        return self.wait(60)


def spawn(agent: Path, wish: Wish, streams: Sequence[int]) -> Process:
    """Start `wish` with the descriptors `streams` (input, output, error) of this process."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(agent))
    socket.send_fds(connection, [wish.message()], list(streams))
    first = b""
    while not first.endswith(b"\n"):
        byte = connection.recv(1)  # byte by byte: what follows belongs to the file object of Process
        if not byte:
            raise AssertionError("the machine's agent did not start the command")
        first += byte
    return Process(connection, int(json.loads(first)["pid"]), wish.argv)


def run(agent: Path, wish: Wish, given: bytes = b"", timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run to the end. Output goes through pipes, as Ansible's does: a daemon that keeps one open is a failure."""
    with tempfile.TemporaryFile() as source:
        source.write(given)
        source.seek(0)
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        try:
            process = spawn(agent, wish, (source.fileno(), out_write, err_write))
        finally:
            os.close(out_write)
            os.close(err_write)
        with open(out_read, "rb") as out, open(err_read, "rb") as err:
            return _collect(process, out, err, timeout)


def _collect(process: Process, out: IO[bytes], err: IO[bytes], timeout: float) -> subprocess.CompletedProcess[str]:
    deadline = time.monotonic() + timeout
    taken = {out.fileno(): bytearray(), err.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in taken:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(0.0, left))
            if not ready:
                _give_up(process, taken[out.fileno()], taken[err.fileno()], timeout)
            for key, _events in ready:
                block = os.read(key.fd, 1 << 16)
                if block:
                    taken[key.fd] += block
                else:
                    selector.unregister(key.fd)
    code = process.wait(max(1.0, deadline - time.monotonic()))
    texts = [bytes(taken[stream.fileno()]).decode(errors="replace") for stream in (out, err)]
    return subprocess.CompletedProcess(list(process.argv), code, *texts)


def _give_up(process: Process, out: bytearray, err: bytearray, timeout: float) -> None:
    try:
        process.wait(1)
        state = "ended, but something it started still holds its output open"
    except AssertionError:
        process.kill()
        state = f"still running after {timeout} s; killed"
    shown = f"--- stdout\n{out.decode(errors='replace')}\n--- stderr\n{err.decode(errors='replace')}"
    raise AssertionError(f"{' '.join(process.argv)[:400]}: {state}\n{shown}")
