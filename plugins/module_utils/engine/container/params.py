# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to a ContainerDesired.

Names, aliases and spellings are those of podman_container of containers.podman 1.20; each mistake is one BadInput that
names the option.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..spec import environ, namespaces, networks, restart, security
from . import params_table, readers, wishes
from .desired import (
    ABSENT,
    CREATED,
    HEALTHY,
    KILLED,
    PAUSED,
    START_FIRST,
    STARTED,
    STOP_FIRST,
    STOPPED,
    ContainerDesired,
    ContainerFlags,
)
from .params_names import ALIASES, FILES, KNOWN, UNITS, UNSUPPORTED, WITHOUT_EFFECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    Params = Mapping[str, object]

_STATES = {
    "absent": ABSENT,
    "present": CREATED,
    "created": CREATED,
    "started": STARTED,
    "unpaused": STARTED,
    "restarted": STARTED,
    "paused": STARTED,
    "healthy": STARTED,
    "stopped": STOPPED,
    "killed": STOPPED,
}
_THEN = {"paused": PAUSED, "healthy": HEALTHY, "killed": KILLED}
_NAME = patterns.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_FLAGS = ("recreate", "force_restart", "force_delete", "delete_depend", "delete_volumes", "detach", "image_strict")
_TIMES = ("stop_time", "restart_time", "delete_time")
_MODES = {"strict": "strict", "subset": "subset", "allow_more_present": "subset", "ignore": "ignore"}


def parse(params: Params, files: Mapping[str, bytes] | None = None) -> ContainerDesired:
    """Read every option. `files` holds the content of the files that `files_needed` named. Raises BadInput."""
    given = canonical_names(params)
    found: dict[str, object] = {"name": _name(given)}
    for name, read in params_table.READERS.items():
        if name in given:
            found[name] = read(given[name], name)
    _join(given, found, files or {})
    _check(found)
    return ContainerDesired(**found)  # type: ignore[arg-type]  # each reader answers with its field's type


def parse_flags(params: Params) -> ContainerFlags:
    """How to get there. Raises BadInput."""
    given = canonical_names(params)
    found: dict[str, object] = {}
    for name in _FLAGS:
        if name in given:
            found[name] = readers.flag(given[name], name)
    if "pull" in given:
        found["pull"] = readers.one_of("always", "missing", "never", "newer")(given["pull"], "pull")
    if "state" in given:
        word = readers.one_of(*_STATES)(given["state"], "state")
        found["state"] = _STATES[word]
        found["then"] = _THEN.get(word, "")
        if word == "restarted":
            found["force_restart"] = True
    if found.get("then") in (PAUSED, HEALTHY) and found.get("detach") is False:
        raise BadInput(
            "read the container's options",
            f"state {found['then']} is about a container that goes on running, and detach: false waits for its end",
            "Leave detach out",
        )
    _read_update_order(given, found)
    for name in _TIMES:
        if name in given:
            found[name] = readers.whole(0)(given[name], name)
    _read_attach(given, found)
    if "wait_timeout" in given:
        found["wait_timeout"] = _seconds(given["wait_timeout"])
    if "comparisons" in given:
        pairs = readers.mapping(given["comparisons"], "comparisons")
        for option, mode in pairs.items():
            readers.one_of(*_MODES)(mode, f"comparisons of {option[:40]}")
        named = ((ALIASES.get(option, option), _MODES[mode]) for option, mode in pairs.items())
        found["comparisons"] = tuple(sorted(named))
    return ContainerFlags(**found)  # type: ignore[arg-type]


def _read_update_order(given: Mapping[str, object], found: dict[str, object]) -> None:
    if "update_order" not in given:
        return
    found["update_order"] = readers.one_of(STOP_FIRST, START_FIRST)(given["update_order"], "update_order")
    if found["update_order"] == START_FIRST and found.get("detach") is False:
        raise BadInput(
            "read update_order",
            "start-first is about a container that goes on running, and detach: false waits for its end",
            "Leave one of them out",
        )


def _read_attach(given: Mapping[str, object], found: dict[str, object]) -> None:
    if "attach" not in given:
        return
    read = readers.one_of("stdin", "stdout", "stderr")
    found["attach"] = tuple(read(item, "attach") for item in readers.texts(given["attach"], "attach"))
    if found["attach"] and found.get("state", STARTED) == STARTED and found.get("detach", True):
        raise BadInput(
            "read attach", "nobody waits for the container's output", "Set detach: false, or leave attach out"
        )


def without_effect(params: Params) -> tuple[str, ...]:
    """A warning for each option that is taken and changes nothing."""
    given = canonical_names(params)
    named = [name for name in WITHOUT_EFFECT if given.get(name) not in (None, "", []) and given[name] is not False]
    if given.get("sig_proxy") is False:
        named.append("sig_proxy")
    return tuple(f"{name} has no effect: {WITHOUT_EFFECT[name]}" for name in named)


def _seconds(value: object) -> float:
    try:
        found = float(str(value))
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise BadInput("read wait_timeout", f"{str(value)[:40]!r} is not a number of seconds")
    return found


def files_needed(params: Params) -> tuple[str, ...]:
    """Paths on the managed host whose content `parse` needs: env files, label files, a seccomp profile."""
    given = canonical_names(params)
    found: list[str] = []
    for name in FILES:
        found += readers.texts(given.get(name, ()), name)
    for option in readers.texts(given.get("security_opt", ()), "security_opt"):
        profile = security.parse((option,)).seccomp
        if profile and profile != security.UNCONFINED:
            found.append(profile)
    return tuple(dict.fromkeys(found))


def canonical_names(params: Params) -> dict[str, object]:
    """Aliases resolved, what is None left out. Raises BadInput for a name that nobody knows or one given twice.

    Ansible leaves an alias in the parameters beside the option it stands for, and converts only the latter: that wins.
    """
    found: dict[str, object] = {}
    for key, value in params.items():
        name = ALIASES.get(key, key)
        if name in UNITS:
            continue
        if name not in KNOWN:
            raise BadInput("read container options", f"{key[:60]!r} is not an option{_suggest(key)}")
        if value is None:
            continue
        if name in UNSUPPORTED and value not in (False, "", [], {}):
            raise BadInput(f"read {name}", UNSUPPORTED[name])
        if key != name and params.get(name) is not None:
            continue
        if name in found and found[name] != value:
            raise BadInput(f"read {name}", f"given twice, also as {key}")
        found[name] = value
    return found


def _suggest(key: str) -> str:
    import difflib

    near = difflib.get_close_matches(key, [*KNOWN, *ALIASES], 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _name(given: Mapping[str, object]) -> str:
    name = str(given.get("name", ""))
    if not _NAME.match(name):
        raise BadInput("read name", f"{name[:60]!r} is not a container name: letters, digits, dot, dash, underscore")
    return name


def _join(given: Mapping[str, object], found: dict[str, object], files: Mapping[str, bytes]) -> None:
    """The options that are made of several parameters."""
    variables: dict[str, str] = {}
    for path in readers.texts(given.get("env_file", ()), "env_file"):
        variables.update(environ.from_file(_content(files, path, "env_file"), path))
    if "env_file" in given or "env" in given:
        own = given.get("env", {})
        if not isinstance(own, dict):
            own = readers.mapping(own, "env")
        variables.update(environ.from_mapping(own))
        found["env"] = variables
    if "label_file" in given:
        path = readers.text(given["label_file"], "label_file")
        from_file = environ.from_file(_content(files, path, "label_file"), path)
        label = found.get("label")
        found["label"] = {**from_file, **(label if isinstance(label, dict) else {})}
    health = wishes.HealthReader(given).read()
    if health is not None:
        found["healthcheck"] = health
    wish = found.get("security_opt")
    if isinstance(wish, security.SecurityWish) and wish.seccomp not in ("", security.UNCONFINED):
        found["seccomp_profile"] = _content(files, wish.seccomp, "security_opt seccomp")
    if found.get("rmi"):
        if found.get("rm") is False:
            raise BadInput("read rmi", "rm is false: an image goes only after the container that uses it")
        found["rm"] = True
    if "gpus" in given:
        from ..spec import devices

        own_devices = found.get("device")
        gpus = devices.parse_gpus(readers.text(given["gpus"], "gpus"))
        found["device"] = (*(own_devices if isinstance(own_devices, tuple) else ()), *gpus)
    if "rootfs" in given and readers.flag(given["rootfs"], "rootfs"):
        found["rootfs"] = readers.path(found.pop("image", ""), "image (rootfs)")


def _content(files: Mapping[str, bytes], path: str, option: str) -> bytes:
    if path not in files:
        raise BadInput(f"read {option}", f"{path[:120]} was not read")
    return files[path]


def _check(found: Mapping[str, object]) -> None:
    """Options that exclude each other, where podman refuses them too."""
    if found.get("no_hosts") and found.get("etc_hosts"):
        raise BadInput("read no_hosts", "etc_hosts is set as well")
    if found.get("cpus") and (found.get("cpu_quota") or found.get("cpu_period")):
        raise BadInput("read cpus", "cpu_quota or cpu_period is set as well")
    memory, swap = found.get("memory"), found.get("memory_swap")
    if isinstance(swap, int) and swap > 0:
        if not memory:
            raise BadInput("read memory_swap", "memory is not set: the limit on swap counts memory and swap together")
        if isinstance(memory, int) and swap < memory:
            raise BadInput("read memory_swap", "smaller than memory: it counts memory and swap together")
    wish = found.get("network")
    if isinstance(wish, networks.NetworkWish) and wish.mode not in (networks.BRIDGE, networks.SLIRP, networks.PASTA):
        for name in ("ip", "ip6", "mac_address", "network_aliases"):
            if found.get(name):
                raise BadInput(f"read {name}", f"network is {wish.mode}, which has no addresses of its own to set")
        if found.get("publish") and wish.mode == networks.CONTAINER:
            raise BadInput("read publish", f"ports belong to the container whose network is shared: {wish.value}")
    if isinstance(wish, networks.NetworkWish) and len(wish.endpoints) > 1:
        for name in ("ip", "ip6", "mac_address"):
            if found.get(name):
                raise BadInput(f"read {name}", "several networks are given; write it as NETWORK:ip=..,mac=..")
    userns = found.get("userns")
    mapped = found.get("uidmap") or found.get("gidmap")
    if mapped and isinstance(userns, namespaces.Mode) and userns.kind not in (namespaces.PRIVATE, "auto"):
        raise BadInput("read userns", f"{userns} cannot be combined with uidmap or gidmap")
    policy = found.get("restart_policy")
    name = policy.name if isinstance(policy, restart.RestartPolicy) else restart.NO
    if found.get("rm") and name not in (restart.NO, restart.ON_FAILURE):
        raise BadInput("read rm", f"a container that restarts {name} is never removed")
