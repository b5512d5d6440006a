# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container runs, as whom, and what is kept about it, in canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import flag, number, table, text, texts
from ..spec import environ, signals
from .config_row import PREFIX, notes_of, process_of, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json

    Reader = Callable[[Json], object]

_RESERVED = (
    "io.podman.",
    "io.container.",
    "io.daemonless.",
    "io.kubernetes.",
    "org.systemd.",
    "org.opencontainers.image.",
    "run.oci.",
)
_UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"  # systemd's units put it there; it says who starts the container, not what it is
_HEALTH_LOG = (("healthLogDestination", "local"), ("healthMaxLogCount", 5), ("healthMaxLogSize", 500))


def _command(config: Json) -> object:
    args = texts(process_of(config), "args")
    return args[2:] if args[:1] == ["/run/podman-init"] else args


def _env(config: Json) -> object:
    """Without what other options put there: the host name, a terminal's TERM, the mark that this is a container. Where
    that mark is missing, unsetenv took it away.
    """
    found: dict[str, str | None] = {**environ.from_list(texts(process_of(config), "env"))}
    found.setdefault("container", None)
    for name, value in (
        ("HOSTNAME", text(spec_of(config), "hostname")),
        ("TERM", "xterm" if flag(process_of(config), "terminal") else ""),
        ("container", "podman"),
    ):
        if value and found.get(name) == value:
            del found[name]
    return found


def _labels(config: Json) -> object:
    return {key: value for key, value in table(config, "labels").items() if key != _UNIT_LABEL}


def _annotations(config: Json) -> object:
    return {key: value for key, value in notes_of(config).items() if not key.startswith(_RESERVED)}


def _user(config: Json) -> object:
    user = text(config, "user")
    return "" if user in ("root", "0", "0:0", "root:root", "root:0", "0:root") else user


def _log_driver(config: Json) -> object:
    driver = text(config, "logDriver")
    return "k8s-file" if driver == "json-file" else driver  # one and the same to podman


def _log_options(config: Json) -> object:
    path = text(config, "logPath")
    own = path if path != f"{text(config, 'staticDir')}/ctr.log" else ""
    return {"path": own, "max_size": max(0, number(config, "logSize")), "tag": text(config, "logTag")}


def _health(config: Json) -> object:
    check = table(config, "healthcheck")
    if not texts(check, "Test") or texts(check, "Test") == ["NONE"]:
        return {}
    return {
        "check": {key: value for key, value in check.items() if value},
        "startup": {key: value for key, value in table(config, "startupHealthCheck").items() if value},
        "on_failure": number(config, "healthcheck_on_failure_action"),
        "log": [config.get(key, default) for key, default in _HEALTH_LOG],
    }


def _restart(config: Json) -> object:
    name = text(config, "restart_policy") or "no"
    retries = number(config, "restart_retries")
    return f"{name}:{retries}" if retries else name


def _own_file(key: str, name: str) -> Reader:
    """The path, or "" where it is the usual one in the container's run directory."""

    def reader(config: Json) -> object:
        path = text(config, key)
        return "" if path.endswith(f"/{text(config, 'id')}/userdata/{name}") else path

    return reader


READERS: dict[str, Reader] = {
    "image": lambda config: text(config, "rootfsImageID"),
    "rootfs": lambda config: text(config, "rootfs"),
    "command": _command,
    "env": _env,
    "label": _labels,
    "annotation": _annotations,
    "init_ctr": lambda config: text(config, "init_container_type"),
    "pod": lambda config: text(config, "pod"),
    "user": _user,
    "group_add": lambda config: sorted(texts(config, "groups")),
    "hostname": lambda config: text(spec_of(config), "hostname"),
    "umask": lambda config: text(config, "umask").rjust(4, "0"),
    "timezone": lambda config: text(config, "timezone"),
    "tty": lambda config: flag(process_of(config), "terminal"),
    "interactive": lambda config: flag(config, "stdin"),
    "systemd": lambda config: flag(config, "systemd"),
    "sdnotify": lambda config: text(config, "sdnotifyMode"),
    "rm": lambda config: text(notes_of(config), f"{PREFIX}autoremove") == "TRUE",
    "rmi": lambda config: text(notes_of(config), f"{PREFIX}autoremove-image") == "TRUE",
    "stop_signal": lambda config: signals.name(number(config, "stopSignal", 15)),
    "stop_timeout": lambda config: number(config, "stopTimeout"),
    "timeout": lambda config: number(config, "timeout"),
    "restart_policy": _restart,
    "requires": lambda config: sorted(texts(config, "Dependencies")),
    "conmon_pidfile": _own_file("conmonPidFile", "conmon.pid"),
    "pid_file": _own_file("pid_file", "pidfile"),
    "cidfile": lambda config: text(notes_of(config), f"{PREFIX}cid-file"),
    "log_driver": _log_driver,
    "log_opt": _log_options,
    "healthcheck": _health,
}
