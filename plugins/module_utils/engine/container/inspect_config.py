# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Config of `container inspect`: what the container was asked to run. Keys and order are podman's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ids
from ..base.jsonval import table, tables, texts
from ..spec import healthcheck, signals, start_spec
from . import inspect_network

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from .inspect_view import InspectFacts

_SECRET_KEYS = (("Name", "name", ""), ("ID", "id", ""), ("UID", "UID", 0), ("GID", "GID", 0), ("Mode", "Mode", 0))


def shown_config(config: Json, spec: Json, facts: InspectFacts) -> Json:
    shown = _program(config, spec, facts)
    shown.update(_health(config))
    for key, source in (("CreateCommand", "CreateCommand"), ("Timezone", "timezone"), ("SystemdMode", "systemd")):
        if config.get(source):
            shown[key] = config[source]
    shown["Umask"] = str(config.get("umask", "")).rjust(4, "0")
    if config.get("secrets"):
        shown["Secrets"] = [
            {key: entry.get(source, empty) for key, source, empty in _SECRET_KEYS}
            for entry in tables(config, "secrets")
        ]
    shown["Timeout"] = config.get("timeout", 0)
    shown["StopTimeout"] = config.get("stopTimeout", 0)
    shown["Passwd"] = config.get("passwd", True)
    if config.get("chroot_directories"):
        shown["ChrootDirs"] = config["chroot_directories"]
    shown["sdNotifyMode"] = config.get("sdnotifyMode", "")
    ports = inspect_network.exposed(config)
    if ports:
        shown["ExposedPorts"] = {port: {} for port in ports}
    return shown


def _program(config: Json, spec: Json, facts: InspectFacts) -> Json:
    process = table(spec, "process")
    secrets = table(config, "secret_env")
    env = []
    for entry in texts(process, "env"):
        name = entry.split("=", 1)[0]
        env.append(f"{name}=*******" if name in secrets else entry)
    return {
        "Hostname": hostname(config, facts),
        "Domainname": "",
        "User": config.get("user", ""),
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": bool(process.get("terminal", False)),
        "OpenStdin": bool(config.get("stdin", False)),
        "StdinOnce": False,
        "Env": env,
        "Cmd": texts(config, "command") or None,
        "Image": config.get("rootfsImageName", ""),
        "Volumes": None,
        "WorkingDir": process.get("cwd", ""),
        "Entrypoint": texts(config, "entrypoint") or None,
        "OnBuild": None,
        "Labels": config.get("labels") or None,
        "Annotations": spec.get("annotations") or None,
        "StopSignal": signals.name(int(str(config.get("stopSignal", 15)))),
    }


def _health(config: Json) -> Json:
    shown: Json = {}
    for key, source in (("StartupHealthCheck", "startupHealthCheck"), ("Healthcheck", "healthcheck")):
        if config.get(source):
            shown[key] = config[source]
    action = config.get("healthcheck_on_failure_action", 0)
    shown["HealthcheckOnFailureAction"] = healthcheck.ON_FAILURE_NAMES.get(int(str(action)), "none")
    shown["HealthLogDestination"] = config.get("healthLogDestination", "local")
    shown["HealthcheckMaxLogCount"] = config.get("healthMaxLogCount", 5)
    shown["HealthcheckMaxLogSize"] = config.get("healthMaxLogSize", 500)
    return shown


def hostname(config: Json, facts: InspectFacts) -> str:
    """What Config.Hostname shows."""
    named = start_spec.hostname_of(config, facts.host_name, facts.peer_hostname)
    return named or ids.short(str(config["id"]))
