# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host is to the engine: for `host_info`, `daemonless info`, and whoever asks why something does not work.

Nothing here fails: a part that cannot be found out says why under `error`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.version import VERSION
from ..host import programs
from ..host.boot import boot_of, systemd_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..host.identity import Identity
    from ..host.process import Runner
    from .session import Session

_USES = {
    "aardvark-dns": ("names of containers in networks", True),
    "catatonit": ("init: true, and the namespaces of plain users", False),
    "conmon": ("every container", True),
    "criu": ("checkpoints", False),
    "fuse-overlayfs": ("stores of plain users on old kernels", False),
    "netavark": ("networks", True),
    "newgidmap": ("plain users", False),
    "newuidmap": ("plain users", False),
    "nft": ("published ports and networks", False),
    "iptables": ("published ports and networks, where netavark is set to it", False),
    "pasta": ("networks of plain users", False),
    "slirp4netns": ("networks of plain users, where pasta is missing", False),
    "zstd": ("images with zstd layers, where Python has no zstd", False),
}
_NO_VERSION = frozenset(("newgidmap", "newuidmap"))


def report(identity: Identity, runner: Runner, open_session: Callable[[], Session]) -> Json:
    """Everything. `open_session` is called after what must be asked outside the user's namespaces."""
    found: Json = {"version": VERSION, "host": _host(), "identity": _identity(identity)}
    if identity.rootless and not identity.inside:
        from .rootless_report import report as rootless

        found["rootless"] = rootless(identity, runner)
    found["boot"] = _boot(identity)
    found["programs"] = _programs(runner)
    try:
        session = open_session()
    except EngineError as error:
        found["error"] = str(error)
        return found
    found["cgroups"] = _told(lambda: _cgroups(session))
    found["runtimes"] = _told(lambda: _runtimes(session))
    found["checkpoints"] = _told(lambda: _checkpoints(session))
    found["store"] = _told(lambda: _store(session))
    found["state"] = _told(lambda: _state(session))
    found["configuration"] = _told(lambda: _configuration(session))
    return found


def _told(ask: Callable[[], Json]) -> Json:
    try:
        return ask()
    except (EngineError, OSError) as error:
        return {"error": str(error)}


def _host() -> Json:
    machine = os.uname()
    words = _os_release()
    return {
        "hostname": machine.nodename,
        "kernel": machine.release,
        "architecture": machine.machine,
        "distribution": words.get("ID", ""),
        "distribution_version": words.get("VERSION_ID", ""),
        "cpus": os.cpu_count() or 0,
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "boot_id": _line("/proc/sys/kernel/random/boot_id"),
        "selinux": os.path.isdir("/sys/fs/selinux/booleans"),
        "apparmor": _line("/sys/module/apparmor/parameters/enabled") == "Y",
        "systemd": systemd_runs(),
    }


def _os_release() -> dict[str, str]:
    try:
        with open("/etc/os-release", encoding="utf-8") as opened:
            pairs = [line.strip().partition("=") for line in opened if "=" in line]
    except OSError:
        return {}
    return {name: value.strip("\"'") for name, _equals, value in pairs}


def _line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as opened:
            return opened.readline().strip()
    except OSError:
        return ""


def _boot(identity: Identity) -> Json:
    found = boot_of(identity)
    return {"starts": found.starts, "unit": found.unit, "reason": found.reason}


def _identity(identity: Identity) -> Json:
    return {
        "user": identity.name,
        "uid": identity.uid,
        "gid": identity.gid,
        "home": identity.home,
        "rootless": identity.rootless,
    }


def _programs(runner: Runner) -> Json:
    found: Json = {}
    for name, (use, needed) in _USES.items():
        path = programs.find(name)
        package = programs.PACKAGES.get(name, name)
        version = _version(runner, path) if path and name not in _NO_VERSION else ""
        found[name] = {"path": path, "version": version, "package": package, "for": use, "needed": needed}
    return found


def _version(runner: Runner, path: str) -> str:
    """The first word of `--version` that begins with a digit and has a dot."""
    try:
        done = runner.run([path, "--version"], timeout=20)
    except EngineError:
        return ""
    words = (done.stdout or done.stderr).decode("utf-8", "replace").replace(",", " ").split()[:24]
    return next((word.lstrip("v") for word in words if "." in word and word.lstrip("v")[:1].isdigit()), "")


def _cgroups(session: Session) -> Json:
    facts = session.cgroups
    return {
        "mode": facts.mode,
        "manager": facts.manager,
        "controllers": list(facts.controllers),
        "reason": facts.reason,
    }


def _runtimes(session: Session) -> Json:
    choice = session.runtime
    refused = [{"name": one.name, "path": one.path, "reason": one.reason} for one in choice.refused]
    return {
        "chosen": {"name": choice.name, "path": choice.path, "version": choice.version},
        "refused": refused,
    }


def _checkpoints(session: Session) -> Json:
    """Whether containers can be frozen and thawed here, and what is missing for it."""
    from ..criu import probe
    from ..runtime.checkpoint import able

    criu, reason = probe.seen(session.runner)
    missing = [reason] if reason else []
    runtime = session.runtime.runtime
    if not able(session.runner, runtime):
        missing.append(f"{runtime.name} was built without CRIU")
    elif runtime.name == "crun" and not _libcriu():
        missing.append(
            "crun uses libcriu, which is not on this host. Install the package libcriu2 (Debian) or criu-libs"
        )
    if session.identity.rootless:
        missing.append("CRIU and the runtimes need root for it")
    return {
        "able": not missing,
        "missing": missing,
        "criu": {
            "path": criu.path if criu else None,
            "version": criu.version if criu else "",
            "findings": list(criu.findings) if criu else [],
        },
        "tracks_memory": bool(criu and criu.tracks_memory),
    }


def _libcriu() -> bool:
    """Whether the loader finds it, as crun has it do when it is asked for a checkpoint."""
    import ctypes

    try:
        ctypes.CDLL("libcriu.so.2")
    except OSError:
        return False
    return True


def _store(session: Session) -> Json:
    options = session.store_options
    there = os.path.isdir(options.graph_root)
    found: Json = {
        "graph_root": options.graph_root,
        "run_root": options.run_root,
        "driver": options.driver,
        "additional_stores": list(options.additional_stores),
        "exists": there,
        "images": len(session.store.images()) if there else 0,
    }
    path = options.graph_root
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    space = os.statvfs(path)
    found["free_bytes"] = space.f_bavail * space.f_frsize
    found["size_bytes"] = space.f_blocks * space.f_frsize
    return found


def _state(session: Session) -> Json:
    paths = session.paths
    rows = session.database.containers()
    words: dict[str, int] = {}
    from ..libpod.rows import status_word

    for row in rows:
        word = status_word(row.status)
        words[word] = words.get(word, 0) + 1
    return {
        "database": paths.database,
        "exists": session.database.exists,
        "shared_with_podman": not paths.own,
        "reason": paths.reason,
        "containers": len(rows),
        "containers_by_state": words,
        "volumes": len(session.database.volumes()),
        "volume_path": paths.volume_path,
        "network_directory": session.network_directory,
        "booted": not session.database.rebooted,
    }


def _configuration(session: Session) -> Json:
    conf = session.conf
    return {
        "files": list(conf.files),
        "log_driver": session.log_driver,
        "events_logger": conf.events_logger,
        "default_network": conf.default_network,
        "rootless_network": conf.default_rootless_network_cmd,
        "pids_limit": conf.pids_limit,
        "runtime": conf.runtime,
    }
