# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container has mounted and in its root, in canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.jsonval import flag, number, table, tables, text, texts
from ..spec import devices, mounts
from . import wishes
from .config_row import NOTE_HOOKS, PREFIX, hook_directories, linux_of, notes_of, process_of, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json

    Reader = Callable[[Json], object]

_READ_ONLY_TMPFS = frozenset(("/tmp", "/var/tmp", "/run", "/dev"))


def _volumes_from(config: Json) -> list[str]:
    found = filter(None, text(notes_of(config), f"{PREFIX}volumes-from").split(";"))
    return sorted(str(wishes.parse_volumes_from(item)) for item in found)


def _init_path(config: Json) -> str:
    for mount in tables(spec_of(config), "mounts"):
        if mount.get("destination") == "/run/podman-init":
            return text(mount, "source")
    return ""


def _binds(config: Json) -> object:
    """Everything the user has mounted but tmpfs: target -> where from and how."""
    wanted = set(texts(config, "userVolumes"))
    found: dict[str, object] = {}
    shown: dict[str, object]
    for mount in tables(spec_of(config), "mounts"):
        target, kind = text(mount, "destination"), text(mount, "type")
        if target in wanted and kind != mounts.TMPFS:
            source = text(mount, "source")
            shown = _shown(kind, _clean(source) if kind == mounts.BIND else source, texts(mount, "options"))
            found[_clean(target)] = shown
    for entry in tables(config, "namedVolumes"):
        target = text(entry, "dest")
        name = text(entry, "volumeName")
        shown = _shown(mounts.VOLUME, "" if mounts.is_anonymous(name) else name, texts(entry, "options"))
        if text(entry, "SubPath"):
            shown["subpath"] = text(entry, "SubPath")
        found[_clean(target)] = shown
    for entry in tables(config, "overlayVolumes"):
        found[_clean(text(entry, "dest"))] = _shown(mounts.OVERLAY, text(entry, "source"), texts(entry, "options"))
    for entry in tables(config, "ctrImageVolumes"):
        shown = _shown(mounts.IMAGE, text(entry, "source"), ["rw" if flag(entry, "rw") else "ro"])
        if text(entry, "subPath"):
            shown["subpath"] = text(entry, "subPath").strip("/")
        found[_clean(text(entry, "dest"))] = shown
    return found


def _shown(kind: str, source: str, options: list[str]) -> dict[str, object]:
    return {"type": kind, "source": source, "options": mounts.canonical(kind, options)}


def _tmpfs(config: Json) -> object:
    wanted = set(texts(config, "userVolumes"))
    return {
        _clean(text(mount, "destination")): mounts.canonical(mounts.TMPFS, texts(mount, "options"))
        for mount in tables(spec_of(config), "mounts")
        if text(mount, "type") == mounts.TMPFS and text(mount, "destination") in wanted
    }


def _image_volume(config: Json) -> object:
    """Which of the image's volumes are in memory; those that are real volumes are seen with the others."""
    wanted = set(texts(config, "userVolumes"))
    return sorted(
        text(mount, "destination")
        for mount in tables(spec_of(config), "mounts")
        if text(mount, "type") == mounts.TMPFS and text(mount, "destination") not in wanted | _READ_ONLY_TMPFS
    )


def _clean(path: str) -> str:
    import posixpath

    return posixpath.normpath(path)


def _device_list(config: Json) -> object:
    found = texts(config, "cdiDevices")
    for entry in tables(config, "device_host_src"):
        try:
            found.append(str(devices.parse(text(entry, "path"))))
        except BadInput:
            found.append(text(entry, "path"))
    return sorted(found)


def _device_rules(config: Json) -> object:
    nodes = {(text(n, "type"), number(n, "major"), number(n, "minor")) for n in tables(linux_of(config), "devices")}
    found = []
    for rule in tables(table(linux_of(config), "resources"), "devices"):
        numbers = [str(rule[key]) if isinstance(rule.get(key), int) else "*" for key in ("major", "minor")]
        named = (text(rule, "type"), number(rule, "major", -1), number(rule, "minor", -1))
        if flag(rule, "allow") and named not in nodes and named[0]:
            found.append(f"{named[0]} {':'.join(numbers)} {text(rule, 'access')}")
    return sorted(found)


def _secrets(config: Json) -> object:
    files: list[list[object]] = []
    for entry in tables(config, "secrets"):
        owner = [number(entry, key) for key in ("UID", "GID", "Mode")]
        files.append([text(entry, "name"), text(entry, "id"), "mount", text(entry, "Target"), *owner])
    variables = table(config, "secret_env")
    for key in variables:
        files.append([text(table(variables, key), "name"), text(table(variables, key), "id"), "env", key])
    return sorted(files, key=str)


def _read_only_tmpfs(config: Json) -> object:
    return flag(config, "readWriteTmpfs") or not flag(table(spec_of(config), "root"), "readonly")


READERS: dict[str, Reader] = {
    "workdir": lambda config: _clean(text(process_of(config), "cwd", "/")),
    "init": lambda config: bool(_init_path(config)),
    "init_path": _init_path,
    "volume": _binds,
    "tmpfs": _tmpfs,
    "volumes_from": _volumes_from,
    "image_volume": _image_volume,
    "read_only": lambda config: flag(table(spec_of(config), "root"), "readonly"),
    "read_only_tmpfs": _read_only_tmpfs,
    "shm_size": lambda config: number(config, "shmSize"),
    "shm_size_systemd": lambda config: number(config, "shmSizeSystemd"),
    "device": _device_list,
    "device_cgroup_rule": _device_rules,
    "secrets": _secrets,
    "chrootdirs": lambda config: sorted(texts(config, "chroot_directories")),
    "hooks_dir": lambda config: list(hook_directories(text(notes_of(config), NOTE_HOOKS)) or ()),
    "passwd": lambda config: flag(config, "passwd", True),
    "passwd_entry": lambda config: text(config, "passwd_entry"),
    "group_entry": lambda config: text(config, "group_entry"),
    "hostuser": lambda config: sorted(texts(config, "HostUsers")),
}
