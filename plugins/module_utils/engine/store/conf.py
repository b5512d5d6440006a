# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""storage.conf: where the store is and how its driver is set (containers-storage.conf(5)).

One file wins, nothing is merged, as up to podman 5. A plain user takes from the system's file only what the manual
says is meant for users: the driver and its options, never the paths.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput, HostLacks
from ..base.jsonval import Json, table, text
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.identity import Identity

_SYSTEM = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")
_ROOT_GRAPH = "/var/lib/containers/storage"
_ROOT_RUN = "/run/containers/storage"
_VARIABLE = patterns.compile(r"\$(?:\{(\w+)\}|(\w+))")


class StoreOptions(NamedTuple):
    """A store's places (absolute, symbolic links resolved) and how its overlay driver is set."""

    graph_root: str
    run_root: str
    driver: str = "overlay"
    additional_stores: tuple[str, ...] = ()
    mount_program: str = ""
    mountopt: tuple[str, ...] = ()
    ignore_chown_errors: bool = False
    transient: bool = False
    skip_mount_home: bool = False
    disable_volatile: bool = False
    sync: str = ""
    config_file: str = ""


def load(identity: Identity, environment: Mapping[str, str] | None = None) -> StoreOptions:
    """The options that podman would take for this user. Raises BadInput for a file that makes no sense, HostLacks
    for another driver than overlay."""
    env = os.environ if environment is None else environment
    path, data = _config(identity, env)
    own = not identity.rootless or path not in _SYSTEM
    storage = table(data, "storage")
    options = table(storage, "options")
    overlay = {**options, **table(options, "overlay")}
    graph, run = _places(identity, env, storage, own)
    driver = env.get("STORAGE_DRIVER") or text(storage, "driver").strip() or "overlay"
    extra = dict(item.partition("=")[::2] for item in env.get("STORAGE_OPTS", "").split(",") if item)
    settings = {**overlay, **{key.rpartition(".")[2]: value for key, value in extra.items()}}
    if driver not in ("overlay", "overlay2"):
        raise HostLacks(
            "open the image store",
            f"{path or 'STORAGE_DRIVER'} asks for the driver {driver}",
            "Only overlay is supported",
        )
    return StoreOptions(
        graph_root=graph,
        run_root=run,
        additional_stores=_stores(options),
        mount_program=text(settings, "mount_program").strip(),
        mountopt=tuple(item for item in text(settings, "mountopt").strip().split(",") if item),
        ignore_chown_errors=_flag(settings, "ignore_chown_errors"),
        transient=_flag(storage, "transient_store"),
        skip_mount_home=_flag(settings, "skip_mount_home"),
        disable_volatile=_flag(options, "disable-volatile"),
        sync=text(settings, "sync").strip(),
        config_file=path,
    )


def _config(identity: Identity, env: Mapping[str, str]) -> tuple[str, Json]:
    """The one file that counts, parsed; an empty path when there is none."""
    named = env.get("CONTAINERS_STORAGE_CONF", "")
    candidates: tuple[str, ...] = (named,) if named else _SYSTEM
    if not named and identity.rootless:
        base = env.get("XDG_CONFIG_HOME") or os.path.join(identity.home, ".config")
        candidates = (os.path.join(base, "containers", "storage.conf"), *_SYSTEM)
    for path in candidates:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            if named:
                raise BadInput(
                    "open the image store", f"CONTAINERS_STORAGE_CONF names {path}, which is not there"
                ) from None
            continue
        except UnicodeDecodeError:
            raise BadInput(f"read {path}", "not UTF-8") from None
        from ..base.toml import loads

        return path, loads(text, path)
    return "", {}


def _places(identity: Identity, env: Mapping[str, str], storage: Json, own: bool) -> tuple[str, str]:
    if not identity.rootless:
        graph, run = text(storage, "graphroot").strip() or _ROOT_GRAPH, text(storage, "runroot").strip() or _ROOT_RUN
        return _expand(graph, identity, env), _expand(run, identity, env)
    data_home = env.get("XDG_DATA_HOME") or os.path.join(identity.home, ".local", "share")
    graph = os.path.join(data_home, "containers", "storage")
    run = os.path.join(identity.runtime_dir, "containers")
    rootless_path = text(storage, "rootless_storage_path").strip()
    if own:
        graph = text(storage, "graphroot").strip() or rootless_path or graph
        run = text(storage, "runroot").strip() or run
    elif rootless_path:
        graph = rootless_path
    return _expand(graph, identity, env), _expand(run, identity, env)


def _expand(path: str, identity: Identity, env: Mapping[str, str]) -> str:
    values = {**env, "UID": str(identity.uid), "HOME": identity.home}

    def value(found: re.Match[str]) -> str:
        return values.get(found.group(1) or found.group(2), "")

    expanded = _VARIABLE.sub(value, path)
    if not os.path.isabs(expanded):
        raise BadInput("open the image store", f"{path!r} in storage.conf is not an absolute path")
    return os.path.realpath(expanded)


def _stores(options: Json) -> tuple[str, ...]:
    listed = options.get("additionalimagestores")
    if not isinstance(listed, list):
        return ()
    return tuple(item for item in listed if isinstance(item, str) and os.path.isabs(item))


def _flag(data: Mapping[str, object], key: str) -> bool:
    value = data.get(key)
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "t"))
