"""A machine of its own for a test: fresh namespaces, stores, networks and cgroups, gone without a trace afterwards.

Nothing in it is a stand-in. Its operating system is this machine's own or the judge's Debian 13, seen through an
overlay; its init is `tests/lab/machine_agent.py`. The judge's podman, skopeo, buildah and umoci run in it beside the
collection, on the same files, mounts, locks and networks. It costs a quarter of a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union

import commands
import leaks
from commands import CommandFailed, Process, Wish

if TYPE_CHECKING:
    from lab import Lab
    from served import Registry

JUDGE_CONF = "/run/lab/judge.conf"
USER = "tester"
USER_ID = 1500
Text = Union[str, bytes]


@dataclass(frozen=True)
class Spec:
    """Which kind of machine.

    os: "host" (the Debian that runs the tests) or "debian13" (the judge root).
    cgroups: "legacy" (crun works) or "hybrid" (crun refuses, runc works), where the host has version 1;
    propagation: "shared" as systemd leaves the root, or "private".
    """

    os: str = "host"
    cgroups: str = "legacy"
    propagation: str = "shared"

    def __str__(self) -> str:
        return f"{self.os}-{self.cgroups}-{self.propagation}"


class Machine:
    """Made by `start`, ended by `close`; fixtures in conftest.py do both."""

    def __init__(self, spec: Spec, lab: Lab, base: Path, supervisor: subprocess.Popen[bytes]) -> None:
        self.spec = spec
        self.name = base.name
        self.share = base / "share"
        self.agent = base / "agent"
        self._base = base
        self.lab = lab
        self._supervisor = supervisor
        self._registries: list[Registry] = []
        self._first_look: leaks.Look = {}
        self.modules_run: set[str] = set()
        self.bare = False  # the engine comes with a task, and is not put here by the lab
        self._equipped: set[str | None] = set()  # users whom an engine is known to be here for

    @classmethod
    def start(cls, spec: Spec, lab: Lab, base: Path) -> Machine:
        """`base` is a new directory whose name is the machine's."""
        for part in ("root", "share"):
            (base / part).mkdir()
        base.chmod(0o755)
        (base / "share").chmod(0o1777)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(base / "agent"))
        listener.listen(64)
        supervisor = _launch(spec, lab, base, listener)
        listener.close()
        machine = cls(spec, lab, base, supervisor)
        machine._settle()
        return machine

    def _settle(self) -> None:
        """Wait for the agent, then write what the judge needs beside the product's own configuration."""
        try:
            self.run(["true"], timeout=60)
        except (AssertionError, OSError) as error:
            self.close()
            raise AssertionError(f"machine {self.name} did not start: {self.log()}") from error
        # crun of Debian 12 refuses the runtime-spec version that podman 5 writes; runc takes it
        runtime = "crun" if self.spec.os == "debian13" and self.spec.cgroups == "legacy" else "runc"
        helpers = ["/usr/lib/podman", "/usr/libexec/podman", "/usr/bin"]
        if self.spec.os == "host":
            helpers.insert(2, "/opt/judge/libexec")
        self.write(JUDGE_CONF, _judge_conf(runtime, helpers))
        self.mark()

    def log(self) -> str:
        return (self._base / "log").read_text(errors="replace")

    # --- commands

    def run(
        self,
        argv: Sequence[str],
        user: str | None = None,
        check: bool = True,
        *,
        input: Text = b"",
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; text in .stdout and .stderr; CommandFailed when `check` and the code is not 0."""
        given = input.encode() if isinstance(input, str) else input
        result = commands.run(self.agent, Wish(tuple(argv), user, env or {}, cwd), given, timeout)
        if check and result.returncode:
            raise CommandFailed(argv, result)
        return result

    def spawn(self, argv: Sequence[str], user: str | None = None, env: Mapping[str, str] | None = None) -> Process:
        """Start and go on; output goes to share/spawned.log. See Process: pid, wait, signal, kill."""
        with open(self.share / "spawned.log", "ab") as log, open(os.devnull, "rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            return commands.spawn(self.agent, Wish(tuple(argv), user, env or {}), streams)

    def sh(self, script: str, user: str | None = None, check: bool = True) -> str:
        """Run a shell script, return what it printed, stripped."""
        return self.run(["sh", "-euc", script], user, check).stdout.strip()

    def python(
        self,
        code: str | Path,
        *args: str,
        user: str | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code, or a script, in which `ansible_collections.daemonless.oci` can be imported."""
        script = code.read_text() if isinstance(code, Path) else code
        environment = {"PYTHONPATH": str(self.lab.collections), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        argv = ["/usr/bin/python3", "-", *args]
        return self.run(argv, user, check, input=script, env=environment, timeout=timeout)

    # --- files

    def write(self, path: str, text: Text, mode: int = 0o644, user: str | None = None) -> None:
        """Write a file in the machine, its directories too, owned by `user`."""
        script = 'mkdir -p "$(dirname "$1")"; cat >"$1"; chmod "$2" "$1"'
        self.run(["sh", "-euc", script, "sh", path, f"{mode:o}"], user, input=text)

    def read(self, path: str) -> str:
        return self.run(["cat", path]).stdout

    def exists(self, path: str) -> bool:
        return self.run(["test", "-e", path], check=False).returncode == 0

    # --- the judge

    def podman(self, args: Sequence[str], user: str | None = None, check: bool = True, **more: object):
        return self._judge("podman", args, user, check, **more)

    def podman_json(self, args: Sequence[str], user: str | None = None) -> object:
        """The parsed output of a podman command that prints JSON (inspect, or one with --format json)."""
        return json.loads(self.podman(args, user).stdout or "null")

    def skopeo(self, args: Sequence[str], user: str | None = None, check: bool = True, **more: object):
        return self._judge("skopeo", args, user, check, **more)

    def buildah(self, args: Sequence[str], user: str | None = None, check: bool = True, **more: object):
        return self._judge("buildah", args, user, check, **more)

    def umoci(self, args: Sequence[str], user: str | None = None, check: bool = True, **more: object):
        return self._judge("umoci", args, user, check, **more)

    def _judge(
        self, program: str, args: Sequence[str], user: str | None, check: bool, **more: object
    ) -> subprocess.CompletedProcess[str]:
        path = f"/usr/bin/{program}" if self.spec.os == "debian13" else f"/opt/judge/bin/{program}"
        env = {
            "CONTAINERS_CONF_OVERRIDE": JUDGE_CONF,
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
            **more.pop("env", {}),  # type: ignore[dict-item]
        }
        return self.run([path, *args], user, check, env=env, **more)  # type: ignore[arg-type]

    # --- the collection

    def task(
        self,
        module: str,
        args: Mapping[str, object],
        user: str | None = None,
        check: bool = False,
        diff: bool = True,
        fails: bool = False,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> dict[str, object]:
        """Run one module of this collection (`container`) or of ansible.builtin (`ansible.builtin.copy`).

        The payload is what Ansible itself would send, fed to the machine's Python as pipelining does (see payloads.py
        for what is unpacked before); the playbook machinery is left out, which makes it ten times quicker. `check` is
        check mode. Returns the result; one that failed is an AssertionError, and with `fails` one that did not.
        """
        payloads = self.lab.payloads

        def send(payload: bytes) -> tuple[dict[str, object], str]:
            done = self.run(["/usr/bin/python3"], user, check=False, input=payload, env=env, timeout=timeout)
            return _module_result(done), done.stderr

        # As plugins/action/task.py does: without the engine first.
        ours = "." not in module
        first = payloads.thin if self.bare else payloads.quick
        result, errors = send(first(module, args, check=check, diff=diff)) if ours else ({}, "")
        absent = ours and payloads.says_absent(result)
        ready_made = absent and not (check or self.bare or module.endswith("_info"))
        if ready_made and self.lab.engines.put(self, user):
            result, errors = send(payloads.quick(module, args, check=check, diff=diff))
        elif absent or not ours:
            result, errors = send(payloads.build(module, args, check=check, diff=diff))
            if ready_made:
                self.lab.engines.keep(self, user)
        if ours and not absent:
            self._equipped.add(user)
        if bool(result.get("failed")) is not fails:
            wanted = "succeeded against expectation" if fails else "failed"
            shown = json.dumps(result, indent=1)[:6000]
            raise AssertionError(f"{module} {wanted}: {result.get('msg')}\n{shown}\n{errors}")
        return result

    def payload(self, module: str, args: Mapping[str, object], user: str | None = None, diff: bool = False) -> bytes:
        """A task for the standard input of the machine's Python, whoever runs it: to be killed, or beside others."""
        if user in self._equipped or self.lab.engines.put(self, user):
            self._equipped.add(user)
            return self.lab.payloads.quick(module, args, check=False, diff=diff)
        return self.lab.payloads.build(module, args, check=False, diff=diff)

    def attempt(
        self,
        module: str,
        args: Mapping[str, object],
        user: str | None = None,
        step: str | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a task, killed as by kill -9 when it passes `step`; what its process did."""
        env = {"DAEMONLESS_STOP_AT": step} if step else {}
        payload = self.payload(module, args, user, diff=True)
        return self.run(["/usr/bin/python3"], user, check=False, input=payload, env=env, timeout=timeout)

    def playbook(
        self, playbook: str | Path, *options: str, check: bool = True, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook (its text, a path, or the full name of one of ours) by ansible-playbook.

        The only host is `machine`. The controller runs outside, and reaches in by a connection plugin of the lab.
        """
        there = self.bare or None in self._equipped or self.lab.engines.put(self, None)
        done = self.lab.playbook(self, playbook, options, check, env or {})
        if there and not self.bare:
            self._equipped.add(None)
        elif not there:
            self.lab.engines.keep(self, None)
        return done

    # --- registries

    @property
    def registry(self) -> Registry:
        """A registry on 127.0.0.1:5000, plain HTTP, no credentials, that holds the test images; started when asked."""
        for running in self._registries:
            if running.port == 5000:
                return running
        return self.start_registry(5000)

    def start_registry(
        self, port: int, tls: bool = False, users: Mapping[str, str] | None = None, empty: bool = False
    ) -> Registry:
        """A further registry: with TLS (CA file in .ca), with `users` {name: password}, or without images."""
        from served import Registry

        registry = Registry.start(self, self.lab, port, tls=tls, users=dict(users or {}), empty=empty)
        self._registries.append(registry)
        return registry

    # --- what is left over

    def mark(self) -> None:
        """What is there now is no leak: `leaks` shows what came after. Pull images and start registries before."""
        deadline = time.monotonic() + 60
        while True:
            self._first_look = leaks.look(self)
            unreadable = any(thing.startswith("unreadable") for things in self._first_look.values() for thing in things)
            if not unreadable or time.monotonic() > deadline:
                return
            time.sleep(0.05)

    def leaks(self, patience: float = 60, kept: Sequence[str] = (), only: Sequence[str] = ()) -> dict[str, list[str]]:
        """What is there beyond the last `mark` (or an empty machine), by kind; {} when nothing is.

        Kinds: mounts, netns, links, processes, cgroups, locks (of libpod, allocated), addresses (of ipam.db),
        staging (half-written layers), shm; those `kept` are not looked at, or `only` some are. What goes away within
        `patience` seconds is no leak: conmon and its exit command end after the container.
        """
        deadline = time.monotonic() + patience
        while True:
            found = leaks.compare(self._first_look, leaks.look(self))
            found = {kind: found[kind] for kind in found if kind not in kept and (not only or kind in only)}
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def close(self) -> None:
        """End every process; mounts, namespaces and files go with them. Harmless when repeated."""
        if self._supervisor.poll() is None:
            init = _children(self._supervisor.pid)
            self._supervisor.send_signal(signal.SIGKILL)  # its child, the machine's init, is killed with it
            self._supervisor.wait()
            _thaw(_trees(self.name))
            _until_gone(init)
        _remove_cgroups(self.name)
        shutil.rmtree(self._base, ignore_errors=True)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _until_gone(pids: Sequence[int]) -> None:
    """The kernel ends an init last of its machine: nobody writes there any more then."""
    deadline = time.monotonic() + 60
    for pid in pids:
        while time.monotonic() < deadline:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                break
            if state in "ZX":
                break
            time.sleep(0.005)


def _launch(spec: Spec, lab: Lab, base: Path, listener: socket.socket) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": commands.SYSTEM_PATH,
        "LAB_NAME": base.name,
        "LAB_BASE": str(base / "root"),
        "LAB_LOWER": "/" if spec.os == "host" else str(lab.judge),
        "LAB_CGROUPS": spec.cgroups,
        "LAB_PROPAGATION": spec.propagation,
        "LAB_BIND": "\n".join(str(path) for path in lab.binds),
        "LAB_SHARE": str(base / "share"),
        "LAB_TOOLS": f"{lab.judge}.tools",
        "LAB_AGENT": str(lab.here / "machine_agent.py"),
    }
    namespaces = ["--mount", "--pid", "--net", "--ipc", "--uts", "--propagation", "private"]
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, "--fork", "--kill-child=KILL"]
    descriptor = listener.fileno()
    os.set_inheritable(descriptor, True)
    with open(base / "log", "wb") as log:
        script = f'exec 3<&{descriptor}; exec "$@" {descriptor}<&-' if descriptor != 3 else 'exec "$@"'
        return subprocess.Popen(
            ["bash", "-c", script, "bash", *command, str(lab.here / "machine-init")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(descriptor,),
        )


def _judge_conf(runtime: str, helpers: Sequence[str]) -> str:
    return f"""[containers]
default_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
helper_binaries_dir = {json.dumps(list(helpers))}
"""


def _module_result(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    start = done.stdout.find("{")
    try:
        result = json.loads(done.stdout[start:].strip().splitlines()[0] if start >= 0 else "")
    except (ValueError, IndexError):
        raise CommandFailed(["module"], done) from None
    if not isinstance(result, dict):
        raise CommandFailed(["module"], done)
    return result


def cgroups_of(name: str) -> list[Path]:
    """The machine's cgroups on this host: one below the test process' own in every hierarchy."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        mounts = [f"/sys/fs/cgroup/{controllers.removeprefix('name=')}"] if controllers else []
        mounts = mounts or ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        found += [Path(f"{mount}{path.rstrip('/')}/{name}") for mount in mounts]
    return [path for path in found if path.is_dir()]


def sweep() -> None:
    """Remove the cgroups of machines whose test process was killed; all else of them went with it."""
    for top in cgroups_of(""):
        for left in top.glob(f"lab[0-9]*-{pid_namespace()}-*"):
            owner = left.name[3:].split("-")[0]
            if not Path(f"/proc/{owner}").exists():
                _remove_cgroups(left.name)


def pid_namespace() -> int:
    """What tells the numbers of our processes from those of a test run in a container on the same host."""
    return os.stat("/proc/self/ns/pid").st_ino


def _remove_cgroups(name: str) -> None:
    """Its processes may take a moment to be gone.

    Several test processes may sweep the same ones: what another one removed meanwhile is gone, as it should be.
    """
    directories = _trees(name)
    _thaw(directories)
    for directory in directories:
        _remove_cgroup(directory)


def _trees(name: str) -> list[Path]:
    """Its cgroups with all that are in them, those inside first."""
    return [Path(path) for top in cgroups_of(name) for path, _names, _files in os.walk(top, topdown=False)]


def _thaw(directories: Sequence[Path]) -> None:
    """Frozen processes (of a paused container) die only when they thaw."""
    for directory in directories:
        for file, thawed in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            with contextlib.suppress(OSError):
                fd = os.open(directory / file, os.O_WRONLY)
                try:
                    os.write(fd, thawed.encode())
                finally:
                    os.close(fd)


def _remove_cgroup(directory: Path) -> None:
    for _attempt in range(1000):
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
