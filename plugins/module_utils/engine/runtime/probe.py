# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which OCI runtime works on this host, found by trying.

Version numbers do not tell: crun refuses hosts with hybrid cgroups, a security module or a missing kernel option stops
another. So each candidate is made to create a container whose program does not exist. A runtime that gets as far as
complaining about that program has made namespaces, cgroup and root file system before; any other complaint is why it
is not taken. The answer is kept on disk, by boot and by the identity of the binary, so it costs a process once.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import EngineError, HostLacks
from ..base.files import atomic_write, dump_json, read_bytes
from ..base.ids import new_id
from ..base.tuples import NamedTuple
from ..host.cgroup_trees import remove
from ..host.cgroups import SYSTEMD, CgroupFacts, place
from . import errors, pump
from .program import Call, Runtime, attempt, environment

if TYPE_CHECKING:
    from ..host.process import Runner

_ABSENT_PROGRAM = "/daemonless-probe"
_REFUSAL_KEPT = 3600  # seconds: the reason may have been a passing one, a full disk for example
_STALE_BUNDLE = 600
_CACHE_FILE = "programs.json"
_CACHE_LIMIT = 256 * 1024


class Candidate(NamedTuple):
    """A runtime's name and the paths where it may be, best first."""

    name: str
    paths: tuple[str, ...]


class Refusal(NamedTuple):
    """A runtime that is here and cannot be used, or is not here."""

    name: str
    path: str
    reason: str


class RuntimeChoice(NamedTuple):
    """`refused` are the candidates before `runtime` in the configured order."""

    runtime: Runtime
    version: str
    refused: tuple[Refusal, ...]

    @property
    def name(self) -> str:
        return self.runtime.name

    @property
    def path(self) -> str:
        return self.runtime.path


class ConmonFacts(NamedTuple):
    """`options` are the long options of this conmon, without dashes."""

    path: str
    version: str
    options: frozenset[str]


class Verdict(NamedTuple):
    """What a program said of itself: `reason` is empty when it works."""

    version: str
    reason: str
    options: tuple[str, ...] = ()


DEFAULT_CANDIDATES = (
    Candidate("crun", tuple(f"{d}/crun" for d in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"))),
    Candidate("runc", tuple(f"{d}/runc" for d in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"))),
)


def candidates(runtimes: dict[str, tuple[str, ...]], first: str = "") -> tuple[Candidate, ...]:
    """The order to try: `first` (containers.conf `runtime`, a name or a path), then crun, then runc.

    `runtimes` is containers.conf's table of the same name; a name it lacks is looked for in the usual directories.
    """
    known = {candidate.name: candidate for candidate in DEFAULT_CANDIDATES}
    known.update({name: Candidate(name, paths) for name, paths in runtimes.items() if paths})
    order: list[Candidate] = []
    if first.startswith("/"):
        order.append(Candidate(os.path.basename(first), (first,)))
    elif first:
        order.append(known.get(first) or Candidate(first, (f"/usr/bin/{first}", f"/usr/sbin/{first}")))
    order += [known[name] for name in ("crun", "runc") if name != first]
    return tuple(order)


class Prober:
    """Probes programs and remembers; `cache_dir` must be ours and not survive a reboot if it can be helped.

    A program that gives no answer within `deadline` seconds counts as broken.
    """

    def __init__(self, runner: Runner, cache_dir: str, facts: CgroupFacts, deadline: float = 20.0) -> None:
        self._runner = runner
        self._cache_dir = cache_dir
        self._facts = facts
        self._deadline = deadline

    def choose(self, order: tuple[Candidate, ...] = DEFAULT_CANDIDATES) -> RuntimeChoice:
        """The first candidate that works. Raises HostLacks, naming every candidate with its reason."""
        refused: list[Refusal] = []
        for candidate in order:
            path = _installed(candidate.paths)
            if path is None:
                refused.append(Refusal(candidate.name, "", "not installed"))
                continue
            runtime = Runtime(candidate.name, path)
            verdict = self._remembered(self._key(path, "runtime"), partial(self._try, runtime))
            if not verdict.reason:
                return RuntimeChoice(runtime, verdict.version, tuple(refused))
            refused.append(Refusal(candidate.name, path, verdict.reason))
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in refused)
        raise HostLacks("find an OCI runtime that works here", reasons, "Install the package crun or runc")

    def conmon(self, path: str) -> ConmonFacts:
        """Version and options. Raises HostLacks when it does not run or is too old."""
        verdict = self._remembered(self._key(path, "conmon"), lambda: self._ask_conmon(path))
        if verdict.reason:
            raise HostLacks("use conmon", f"{path}: {verdict.reason}", "Install conmon 2.0.26 or later")
        return ConmonFacts(path, verdict.version, frozenset(verdict.options))

    # -- trying ----------------------------------------------------------------------------------------------------

    def _try(self, runtime: Runtime) -> Verdict:
        try:
            version = self._version(runtime.path)
        except EngineError as error:
            return Verdict("unknown", error.cause)
        cid = new_id()
        where = place(self._facts, cid)
        systemd = self._facts.manager == SYSTEMD and bool(where.oci_path)
        args = ("--systemd-cgroup",) if systemd else ()
        bundle = _make_bundle(self._cache_dir, where.oci_path)
        try:
            argv = (runtime.path, *args, "create", "--bundle", bundle, "--pid-file", f"{bundle}/pid", cid)
            try:
                # a container that was created holds our pipes open: the runtime's own end is what counts
                done = pump.run(self._runner, argv, b"", environment(), self._deadline)
            except EngineError as error:
                return Verdict(version, error.cause)
            text = done.stderr.decode("utf-8", "replace")
            if done.rc == 0 or _ABSENT_PROGRAM in text:  # some look for the program only at start
                return Verdict(version, "")
            return Verdict(version, errors.failure(f"try {runtime.name}", runtime, done.rc, text).cause)
        finally:
            self._forget(runtime._replace(args=args), cid, where.oci_path)
            shutil.rmtree(bundle, ignore_errors=True)

    def _forget(self, runtime: Runtime, cid: str, group: str) -> None:
        request = Call("forget the trial", ("delete", "--force", cid), deadline=self._deadline)
        try:
            attempt(self._runner, runtime, request)
        except EngineError:
            pass  # a hung runtime: its verdict is already that
        if group.startswith("/"):
            remove(self._facts, group, 0.2)

    def _version(self, path: str) -> str:
        done = self._runner.run((path, "--version"), timeout=self._deadline)
        first = done.stdout.decode("utf-8", "replace").splitlines()[:1]
        words = first[0].split() if first else []
        return words[-1] if words else "unknown"

    def _ask_conmon(self, path: str) -> Verdict:
        try:
            said = self._runner.run((path, "--version"), timeout=self._deadline).stdout.decode("utf-8", "replace")
            text = self._runner.run((path, "--help"), timeout=self._deadline).stdout.decode("utf-8", "replace")
        except EngineError as error:
            return Verdict("", error.cause)
        words = said.split()
        version = words[2] if len(words) > 2 and words[0] == "conmon" else "unknown"
        options = [word[2:].split("=")[0].rstrip(",") for word in text.split() if word.startswith("--")]
        if "full-attach" not in options:
            return Verdict(version, f"version {version} lacks --full-attach")
        return Verdict(version, "", tuple(sorted(set(options))))

    # -- remembering -----------------------------------------------------------------------------------------------

    def _key(self, path: str, what: str) -> str:
        found = os.stat(path)
        binary = f"{path}:{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
        if what != "runtime":
            return f"{what}:{binary}"
        facts = self._facts
        return f"{what}:{binary}:{facts.mode}:{facts.manager}:{int(facts.rootless)}:{int(facts.can_create)}"

    def _remembered(self, key: str, ask: _Ask) -> Verdict:
        boot, entries = self._load()
        known = _verdict_of(entries.get(key))
        if known is not None:
            return known
        verdict = ask()
        entries[key] = {
            "version": verdict.version,
            "reason": verdict.reason,
            "options": list(verdict.options),
            "at": int(time.time()),
        }
        os.makedirs(self._cache_dir, mode=0o700, exist_ok=True)
        record = {"boot": boot, "entries": entries}
        atomic_write(os.path.join(self._cache_dir, _CACHE_FILE), dump_json(record), durable=False)
        return verdict

    def _load(self) -> tuple[str, dict[str, object]]:
        boot = _boot_id()
        try:
            found = json.loads(read_bytes(os.path.join(self._cache_dir, _CACHE_FILE), _CACHE_LIMIT))
        except (OSError, ValueError, EngineError):
            return boot, {}  # a cache: anything odd about it means asking again
        if not isinstance(found, dict) or found.get("boot") != boot:
            return boot, {}
        entries = found.get("entries")
        return boot, dict(entries) if isinstance(entries, dict) else {}


def _verdict_of(entry: object) -> Verdict | None:
    if not isinstance(entry, dict):
        return None
    version, reason, options, at = (entry.get(key) for key in ("version", "reason", "options", "at"))
    if not isinstance(version, str) or not isinstance(reason, str) or not isinstance(at, int):
        return None
    if reason and not 0 <= time.time() - at < _REFUSAL_KEPT:
        return None
    return Verdict(version, reason, tuple(str(one) for one in options) if isinstance(options, list) else ())


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _installed(paths: tuple[str, ...]) -> str | None:
    for path in paths:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _make_bundle(cache_dir: str, cgroups_path: str) -> str:
    os.makedirs(cache_dir, mode=0o700, exist_ok=True)
    _sweep(cache_dir)
    bundle = os.path.join(cache_dir, f"probe-{new_id()[:16]}")
    os.makedirs(os.path.join(bundle, "rootfs"), mode=0o755)
    linux: dict[str, object] = {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]}
    if cgroups_path:
        linux["cgroupsPath"] = cgroups_path
    config = {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": [_ABSENT_PROGRAM], "cwd": "/", "env": ["PATH=/"]},
        "root": {"path": "rootfs"},
        "hostname": "probe",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        ],
        "linux": linux,
    }
    atomic_write(os.path.join(bundle, "config.json"), dump_json(config), durable=False)
    return bundle


def _sweep(cache_dir: str) -> None:
    """Bundles of probes that were killed half-way."""
    for name in os.listdir(cache_dir):
        path = os.path.join(cache_dir, name)
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        if name.startswith("probe-") and stat.S_ISDIR(found.st_mode) and time.time() - found.st_mtime > _STALE_BUNDLE:
            shutil.rmtree(path, ignore_errors=True)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Ask = Callable[[], Verdict]
