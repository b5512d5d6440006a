# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container Device Interface: what a vendor's file says a container needs for a device, put into a runtime spec.

Source: github.com/cncf-tags/container-device-interface, SPEC.md, versions 0.3.0 to 1.0.0. Keys that are not known are
an error: to leave one out would make another container than the vendor meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.jsonval import table, tables, texts
from ..base.tuples import NamedTuple
from .devices import is_cdi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..base.jsonval import Json
    from .devices import DeviceNode

_VERSIONS = frozenset(("0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0"))
_STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_NUMBER = patterns.compile(r"(?:0[xXoO])?[0-9a-fA-F]{1,12}\Z")


class Edits(NamedTuple):
    """What is put into a spec, each as the runtime spec writes it; `nodes` keep CDI's own `hostPath`, `permissions`."""

    env: tuple[str, ...] = ()
    nodes: tuple[Json, ...] = ()
    mounts: tuple[Json, ...] = ()
    hooks: tuple[tuple[str, Json], ...] = ()
    gids: tuple[int, ...] = ()
    rdt: Json | None = None


class Kind(NamedTuple):
    """The devices of one file, by name, and what goes along with any of them."""

    kind: str
    edits: Edits
    devices: dict[str, Edits]


def read(document: object, path: str) -> Kind:
    """One file, parsed. Raises BadInput that names the key."""
    made = _Reader(path)
    raw = made.table(document, "the file", "cdiVersion kind annotations devices containerEdits")
    version = made.text(raw, "cdiVersion", "the file")
    if version not in _VERSIONS:
        raise made.bad(f"cdiVersion {version[:20]!r} is none of {', '.join(sorted(_VERSIONS))}")
    kind = made.text(raw, "kind", "the file")
    if not is_cdi(f"{kind}=x"):
        raise made.bad(f"kind {kind[:60]!r} is not VENDOR/CLASS")
    devices: dict[str, Edits] = {}
    for entry in made.rows(raw, "devices", "the file", "name annotations containerEdits"):
        name = made.text(entry, "name", "a device")
        if not is_cdi(f"{kind}={name}"):
            raise made.bad(f"{name[:60]!r} is no name of a device")
        if name in devices:
            raise made.bad(f"device {name} is there twice")
        devices[name] = made.edits(entry, f"device {name}")
    return Kind(kind, made.edits(raw, "the file"), devices)


class _Reader:
    def __init__(self, path: str) -> None:
        self.path = path

    def bad(self, cause: str) -> BadInput:
        return BadInput(f"read {self.path}", cause)

    def table(self, value: object, where: str, keys: str) -> Json:
        if not isinstance(value, dict):
            raise self.bad(f"a mapping is missing in {where}")
        for key in value:
            if key not in keys.split():
                raise self.bad(f"{str(key)[:40]!r} in {where} is not known")
        return value

    def rows(self, raw: Json, key: str, where: str, keys: str) -> list[Json]:
        value = raw.get(key)
        if value is not None and not isinstance(value, list):
            raise self.bad(f"{key} of {where} is no list")
        return [self.table(item, f"{key} of {where}", keys) for item in value or ()]

    def text(self, raw: Json, key: str, where: str, default: str | None = None) -> str:
        value = raw.get(key, default)
        if not isinstance(value, str) or (default is None and not value) or "\0" in value:
            raise self.bad(f"{key} of {where} is {str(value)[:40]!r}, not a text")
        return value

    def path_of(self, raw: Json, key: str, where: str) -> str:
        found = self.text(raw, key, where)
        if not found.startswith("/") or "\n" in found:
            raise self.bad(f"{key} of {where} is {found[:60]!r}, not an absolute path")
        return found

    def texts(self, raw: Json, key: str, where: str) -> list[str]:
        value = raw.get(key)
        items = value if isinstance(value, list) else [] if value is None else [None]
        if not all(isinstance(item, str) and "\0" not in item for item in items):
            raise self.bad(f"{key} of {where} is no list of texts")
        return [str(item) for item in items]

    def number(self, value: object, what: str) -> int:
        """From JSON a number, from YAML, which is read as text, its digits."""
        if isinstance(value, str) and _NUMBER.match(value):
            try:
                value = int(value, 0 if value[:2].lower() in ("0x", "0o") else 8 if value[:1] == "0" else 10)
            except ValueError:
                pass
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
            raise self.bad(f"{what} is {str(value)[:40]!r}, not a number")
        return value

    def edits(self, raw: Json, where: str) -> Edits:
        keys = "env deviceNodes mounts hooks additionalGids additionalGIDs intelRdt"
        given = raw.get("containerEdits")
        own = self.table({} if given is None else given, f"containerEdits of {where}", keys)
        variables = self.texts(own, "env", where)
        for entry in variables:
            if entry.find("=") < 1:
                raise self.bad(f"env of {where}: {entry[:40]!r} is not NAME=VALUE")
        gids = own.get("additionalGids", own.get("additionalGIDs"))
        if gids is not None and not isinstance(gids, list):
            raise self.bad(f"additionalGids of {where} is no list")
        return Edits(
            tuple(variables),
            tuple(self._nodes(own, where)),
            tuple(self._mounts(own, where)),
            tuple(self._hooks(own, where)),
            tuple(self.number(gid, f"a group of {where}") for gid in gids or ()),
            self._rdt(own, where),
        )

    def _nodes(self, own: Json, where: str) -> list[Json]:
        found = []
        keys = "path hostPath type major minor fileMode permissions uid gid"
        for row in self.rows(own, "deviceNodes", where, keys):
            node: Json = {"path": self.path_of(row, "path", where)}
            if row.get("hostPath"):
                node["hostPath"] = self.path_of(row, "hostPath", where)
            for key in ("type", "permissions"):
                node[key] = self.text(row, key, where, "")
            if node["type"] not in ("", "b", "c", "u", "p") or not set(str(node["permissions"])) <= set("rwm"):
                raise self.bad(f"type or permissions of {node['path']} in {where} are unknown")
            for key in ("major", "minor", "fileMode", "uid", "gid"):
                if row.get(key) is not None:
                    node[key] = self.number(row[key], f"{key} of {node['path']}")
            found.append(node)
        return found

    def _mounts(self, own: Json, where: str) -> list[Json]:
        found = []
        for row in self.rows(own, "mounts", where, "hostPath containerPath options type"):
            mount: Json = {"destination": self.path_of(row, "containerPath", where)}
            mount["source"] = self.text(row, "hostPath", where)
            if row.get("type"):
                mount["type"] = self.text(row, "type", where)
            if row.get("options"):
                mount["options"] = self.texts(row, "options", where)
            found.append(mount)
        return found

    def _hooks(self, own: Json, where: str) -> list[tuple[str, Json]]:
        found = []
        for row in self.rows(own, "hooks", where, "hookName path args env timeout"):
            stage = self.text(row, "hookName", where)
            if stage not in _STAGES:
                raise self.bad(f"hook {stage[:40]!r} of {where} is none of {', '.join(_STAGES)}")
            hook: Json = {"path": self.path_of(row, "path", where)}
            for key in ("args", "env"):
                if row.get(key):
                    hook[key] = self.texts(row, key, where)
            if row.get("timeout") is not None:
                hook["timeout"] = self.number(row["timeout"], f"timeout of a hook of {where}")
            found.append((stage, hook))
        return found

    def _rdt(self, own: Json, where: str) -> Json | None:
        if own.get("intelRdt") is None:
            return None
        keys = "closID l3CacheSchema memBwSchema enableCMT enableMBM"
        return dict(self.table(own["intelRdt"], f"intelRdt of {where}", keys))


def inject(spec: Json, edits: Iterable[Edits], look: Callable[[str], DeviceNode], *, binds: bool = False) -> None:
    """Put edits into a finished spec, later ones over earlier ones. `look` stats a node of the host, and may raise.

    With `binds` nobody can make nodes: the runtime binds them from the path they have inside, and one that the host
    has elsewhere becomes a mount.
    """
    process, linux = table(spec, "process"), table(spec, "linux")
    variables = texts(process, "env")
    user = table(process, "user")
    groups = [number for number in _items(user, "additionalGids") if isinstance(number, int)]
    mounts, devices = tables(spec, "mounts"), tables(linux, "devices")
    resources = table(linux, "resources")
    rules = tables(resources, "devices")
    hooks = {name: list(_items(table(spec, "hooks"), name)) for name in table(spec, "hooks")}
    for one in edits:
        for entry in one.env:
            variables = _set(variables, entry)
        for node in one.nodes:
            if binds and node.get("hostPath", node["path"]) != node["path"]:
                mounts = _mounted(mounts, _bind(node))
                continue
            device, rule = _device(node, user, look)
            devices = [known for known in devices if known.get("path") != device["path"]] + [device]
            if rule is not None:
                rules.append(rule)
        for mount in one.mounts:
            mounts = _mounted(mounts, mount)
        for stage, hook in one.hooks:
            hooks.setdefault(stage, []).append(hook)
        groups += [gid for gid in one.gids if gid and gid not in groups]
        if one.rdt is not None:
            linux["intelRdt"] = one.rdt
    process["env"] = variables
    if groups:
        user["additionalGids"] = groups
    process["user"] = user
    spec["process"] = process
    spec["mounts"] = sorted(mounts, key=lambda mount: str(mount["destination"]).rstrip("/").count("/"))
    if devices:
        linux["devices"] = devices
    if rules:
        resources["devices"] = rules
        linux["resources"] = resources
    if hooks:
        spec["hooks"] = hooks
    spec["linux"] = linux


def _items(parent: Json, key: str) -> list[object]:
    value = parent.get(key)
    return list(value) if isinstance(value, list) else []


def _mounted(mounts: list[Json], mount: Json) -> list[Json]:
    return [known for known in mounts if known.get("destination") != mount["destination"]] + [dict(mount)]


def _bind(node: Json) -> Json:
    access = "rw" if "w" in str(node["permissions"] or "rwm") else "ro"
    options = ["bind", "nosuid", "noexec", access]
    return {"destination": node["path"], "type": "bind", "source": node["hostPath"], "options": options}


def _set(variables: list[str], entry: str) -> list[str]:
    """In its old place where the name is there already."""
    name = entry.partition("=")[0] + "="
    if any(known.startswith(name) for known in variables):
        return [entry if known.startswith(name) else known for known in variables]
    return [*variables, entry]


def _device(node: Json, user: Json, look: Callable[[str], DeviceNode]) -> tuple[Json, Json | None]:
    """A `linux.devices` entry, completed from the host where the file leaves something out, and its rule."""
    device: Json = {"path": node["path"], "type": node["type"]}
    numbers = {key: node[key] for key in ("major", "minor") if node.get(key)}
    if not node["type"] or (node["type"] != "p" and not numbers):
        seen = look(str(node.get("hostPath") or node["path"]))
        if node["type"] and node["type"] != seen.type:
            raise BadInput(f"find device {node['path']}", f"its file says type {node['type']}, the host {seen.type}")
        device["type"] = seen.type
        numbers = numbers or {"major": seen.major, "minor": seen.minor}
    if device["type"] != "p":
        device.update({"major": 0, "minor": 0, **numbers})
    for key in ("uid", "gid"):
        if key in node:
            device[key] = node[key]
        elif user.get(key):
            device[key] = user[key]
    if "fileMode" in node:
        device["fileMode"] = node["fileMode"]
    if device["type"] not in ("b", "c"):
        return device, None
    rule: Json = {"allow": True, "type": device["type"], "major": device["major"], "minor": device["minor"]}
    return device, {**rule, "access": node["permissions"] or "rwm"}
