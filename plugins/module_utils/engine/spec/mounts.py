# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts as values: `volume`, `mount` and `tmpfs` of a container, in all the spellings of podman-run(1).

The options that go into a container's config are completed here just as podman completes them, so that two spellings
of one mount end as the same words.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..base.units import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BIND, VOLUME, TMPFS, IMAGE, DEVPTS, OVERLAY = "bind", "volume", "tmpfs", "image", "devpts", "overlay"
PROPAGATION = ("shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable")
_PAIRS = (("ro", "rw"), ("suid", "nosuid"), ("dev", "nodev"), ("exec", "noexec"), ("bind", "rbind"), ("z", "Z"))
_FLAGS = frozenset(flag for pair in _PAIRS for flag in pair) | {"U", "O", "copy", "nocopy", "idmap", "no-dereference"}
_TMPFS_FLAGS = frozenset(flag for pair in _PAIRS[:4] for flag in pair) | {"tmpcopyup", "notmpcopyup", "U"}
_TMPFS_FLAGS |= frozenset(("noatime", "relatime", "strictatime", "nodiratime", "noswap", "sync", "async"))
_TMPFS_KEYS = ("size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol")
_NAME = patterns.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_ANONYMOUS = patterns.compile(r"[0-9a-f]{64}\Z")
#: Words that have no bearing on what is mounted: defaults spelled out.
_NEUTRAL = frozenset(("rw", "exec", "dev", "suid", "rprivate", "rbind", "async", "copy"))


class Mount(NamedTuple):
    """`source` is a path of the host, a volume's name ("" for a new one), or an image; `options` as the user gave them.

    `target` is absolute and normalised. `writable` only matters for images, whose mounts are read-only otherwise.
    """

    kind: str
    target: str
    source: str = ""
    options: tuple[str, ...] = ()
    subpath: str = ""
    writable: bool = False


def parse_volume(text: str) -> Mount:
    """`[SOURCE:]TARGET[:OPTIONS]`. Raises BadInput."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts[:2]):
        raise _bad(text, "expected [SOURCE:]TARGET[:OPTIONS]")
    source, target = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    words, idmap, subpath = _options(parts[2] if len(parts) == 3 else "", text)
    goal = _target(target, text)
    if source.startswith("/"):
        kind = OVERLAY if "O" in words else BIND
        if subpath:
            raise _bad(text, "subpath is for volumes")
        return Mount(kind, goal, posixpath.normpath(source), (*words, *idmap))
    if source and not _NAME.match(source):
        is_path = "/" in source or source.startswith((".", "~"))
        hint = "a path of the host must be absolute" if is_path else "no volume name"
        raise _bad(text, f"{source[:60]!r}: {hint}")
    return Mount(VOLUME, goal, source, (*words, *idmap), subpath)


def parse_tmpfs(target: str, options: str) -> Mount:
    """Raises BadInput."""
    text = f"{target}:{options}" if options else target
    return Mount(TMPFS, _target(target, text), "tmpfs", _tmpfs_options(options.split(",") if options else (), text))


def parse_mount(text: str) -> Mount:
    """`type=bind,source=..,target=..,...`, a line of CSV. Raises BadInput."""
    import csv

    try:
        fields = next(csv.reader([text]))
    except (csv.Error, StopIteration):
        raise _bad(text, "not a list of key=value pairs")
    return _MountReader(text, fields).read()


def complete(mount: Mount) -> list[str]:
    """The options as podman stores them: the user's in their order, then the defaults that nothing spoke against."""
    words = list(mount.options)
    is_tmpfs = mount.kind == TMPFS
    if not {"ro", "rw"} & set(words):
        words.append("rw")
    if not set(PROPAGATION) & set(words):
        words.append("rprivate")
    if mount.kind in (VOLUME, TMPFS):
        words += [off for on, off in _PAIRS[1:3] if on not in words and off not in words]
    if is_tmpfs:
        if "notmpcopyup" in words:
            words.remove("notmpcopyup")
        elif "tmpcopyup" not in words:
            words.append("tmpcopyup")
    elif not {"bind", "rbind"} & set(words):
        words.append("rbind")
    return words


def canonical(kind: str, options: Iterable[str]) -> list[str]:
    """What a complete list of options comes to, whatever its order and spelling: sorted, without the usual ones."""
    found = set()
    for word in options:
        key, equals, value = word.partition("=")
        if key == "size" and equals and not value.endswith("%"):
            word = f"size={parse_size(value, 'tmpfs size')}"
        elif key == "mode" and equals:
            word = f"mode={int(value, 8):04o}" if re.match(r"[0-7]{1,6}\Z", value) else word
        if word and word not in _NEUTRAL:
            found.add(word)
    if kind == TMPFS:
        found ^= {"tmpcopyup"}  # the usual; only its absence says something
        found = {"notmpcopyup" if word == "tmpcopyup" else word for word in found}
    return sorted(found)


def is_anonymous(name: str) -> bool:
    """Whether a volume's name is one that was made up for it."""
    return bool(_ANONYMOUS.match(name))


def merge(groups: Iterable[Sequence[Mount]], what: str = "mounts") -> tuple[Mount, ...]:
    """All mounts, later groups over earlier ones at the same target. Raises BadInput where one group has two."""
    found: dict[str, Mount] = {}
    for group in groups:
        seen = set()
        for mount in group:
            if mount.target in seen:
                raise BadInput(f"read {what}", f"{mount.target} is mounted twice")
            seen.add(mount.target)
            found[mount.target] = mount
    return tuple(found.values())


def _options(text: str, whole: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    words: list[str] = []
    idmap: list[str] = []
    subpath = ""
    for word in text.split(",") if text else ():
        key, equals, value = word.partition("=")
        if word in _FLAGS or word in PROPAGATION:
            words.append(word)
        elif key == "idmap" and equals and value and not re.search(r"[^a-z0-9=;#@-]", value):
            idmap.append(word)
        elif key in ("upperdir", "workdir") and posixpath.isabs(value):
            words.append(word)
        elif key == "subpath" and equals and value:
            subpath = _subpath(value, whole)
        elif word:
            raise _bad(whole, f"{word[:40]!r} is not a mount option")
    _no_contradiction(words, whole)
    return tuple(dict.fromkeys(words)), tuple(idmap), subpath


def _tmpfs_options(words: Iterable[str], whole: str) -> tuple[str, ...]:
    found: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in _TMPFS_KEYS and value:
            if key == "size" and not re.match(r"\d{1,3}%\Z", value):
                parse_size(value, f"size of tmpfs {whole[:60]}")
            elif key == "mode" and not re.match(r"[0-7]{1,6}\Z", value):
                raise _bad(whole, f"mode {value[:20]!r} is not octal")
            found.append(word)
        elif word in _TMPFS_FLAGS or word in PROPAGATION:
            found.append(word)
        elif word:
            raise _bad(whole, f"{word[:40]!r} is not an option of tmpfs")
    _no_contradiction(found, whole)
    return tuple(dict.fromkeys(found))


def _no_contradiction(words: Sequence[str], whole: str) -> None:
    held = set(words)
    for one, other in (*_PAIRS, ("copy", "nocopy"), ("tmpcopyup", "notmpcopyup")):
        if one in held and other in held:
            raise _bad(whole, f"{one} and {other} exclude each other")
    if len(held & set(PROPAGATION)) > 1:
        raise _bad(whole, "more than one propagation mode")


def _target(path: str, whole: str) -> str:
    if not posixpath.isabs(path) or any(char in path for char in "\0\n"):
        raise _bad(whole, f"{path[:60]!r}: the place in the container must be an absolute path")
    goal = posixpath.normpath(path)
    goal = goal[1:] if goal.startswith("//") else goal
    if goal == "/":
        raise _bad(whole, "nothing can be mounted over the container's root")
    return goal


def _subpath(value: str, whole: str) -> str:
    clean = posixpath.normpath(value.lstrip("/"))
    if clean.startswith("..") or clean == "." or "\0" in clean:
        raise _bad(whole, f"subpath {value[:60]!r} leads out of the volume")
    return clean


def _bad(text: str, cause: str) -> BadInput:
    return BadInput(f"read mount {text[:80]!r}", cause)


class _MountReader:
    """One --mount: its fields by key, each taken once; what is left over is refused."""

    _SAME: Mapping[str, str] = {
        "src": "source",
        "dst": "target",
        "destination": "target",
        "readonly": "ro",
        "readwrite": "rw",
        "chown": "U",
        "image": "source",
        "volume-subpath": "subpath",
        "image-subpath": "subpath",
    }

    def __init__(self, text: str, fields: Sequence[str]) -> None:
        self.text = text
        self.fields: dict[str, str] = {}
        for field in fields:
            key, equals, value = field.strip().partition("=")
            key = self._SAME.get(key, key)
            if not key or key in self.fields:
                raise _bad(text, f"{key or field!r} is given twice" if key else "an empty field")
            self.fields[key] = value if equals else "true"

    def read(self) -> Mount:
        kind = self.fields.pop("type", VOLUME)
        target = self.fields.pop("target", "")
        if not target:
            raise _bad(self.text, "no target")
        goal = _target(target, self.text)
        source = self.fields.pop("source", "")
        readers = {BIND: self._bind, VOLUME: self._volume, TMPFS: self._tmpfs, IMAGE: self._image, DEVPTS: self._devpts}
        reader = readers.get(kind)
        if reader is None:
            raise _bad(self.text, f"type {kind[:20]!r} is not one of {', '.join(readers)}")
        made = reader(goal, source)
        if self.fields:
            raise _bad(self.text, f"{sorted(self.fields)[0][:40]!r} is not an option of a {kind} mount")
        return made

    def _bind(self, target: str, source: str) -> Mount:
        if not posixpath.isabs(source):
            raise _bad(self.text, f"source {source[:60]!r} must be an absolute path of the host")
        words = self._common()
        self.fields.pop("consistency", None)
        if self._flag("bind-nonrecursive"):
            words.append("bind")
        return Mount(BIND, target, posixpath.normpath(source), tuple(words))

    def _volume(self, target: str, source: str) -> Mount:
        if source and not _NAME.match(source):
            raise _bad(self.text, f"source {source[:60]!r} is no volume name")
        subpath = self.fields.pop("subpath", "")
        self.fields.pop("consistency", None)
        words = self._common()
        return Mount(VOLUME, target, source, tuple(words), _subpath(subpath, self.text) if subpath else "")

    def _tmpfs(self, target: str, source: str) -> Mount:
        words = []
        for key in ("tmpfs-size", "tmpfs-mode"):
            if key in self.fields:
                words.append(f"{key[6:]}={self.fields.pop(key)}")
        words += self._words(_TMPFS_FLAGS)
        words += [f"{key}={self.fields.pop(key)}" for key in _TMPFS_KEYS if key in self.fields]
        words += self._propagation()
        return Mount(TMPFS, target, "tmpfs", _tmpfs_options(words, self.text))

    def _image(self, target: str, source: str) -> Mount:
        if not source:
            raise _bad(self.text, "no image named")
        subpath = self.fields.pop("subpath", "")
        writable = self._flag("rw")
        self._flag("ro")
        return Mount(IMAGE, target, source, (), _subpath(subpath, self.text) if subpath else "", writable)

    def _devpts(self, target: str, source: str) -> Mount:
        words = [f"{key}={self.fields.pop(key)}" for key in ("uid", "gid", "mode", "max") if key in self.fields]
        return Mount(DEVPTS, target, "devpts", tuple(words))

    def _common(self) -> list[str]:
        words = self._words(_FLAGS - {"idmap", "O"})
        words += self._propagation()
        relabel = self.fields.pop("relabel", "")
        if relabel:
            if relabel not in ("shared", "private"):
                raise _bad(self.text, f"relabel {relabel[:20]!r} is neither shared nor private")
            words.append("z" if relabel == "shared" else "Z")
        idmap = self.fields.pop("idmap", "")
        if idmap:
            words.append("idmap" if idmap == "true" else f"idmap={idmap}")
        _no_contradiction(words, self.text)
        return words

    def _propagation(self) -> list[str]:
        mode = self.fields.pop("bind-propagation", "")
        if mode and mode not in PROPAGATION:
            raise _bad(self.text, f"bind-propagation {mode[:20]!r} is not one of {', '.join(PROPAGATION)}")
        return [mode] if mode else []

    def _words(self, known: Iterable[str]) -> list[str]:
        opposite = {"ro": "rw", "rw": "ro"}
        found = []
        for key in [key for key in self.fields if key in known or key in PROPAGATION]:
            if self._flag(key):
                found.append(key)
            elif key in opposite:
                found.append(opposite[key])
        return found

    def _flag(self, key: str) -> bool:
        value = self.fields.pop(key, "false").lower()
        if value not in ("true", "false", "1", "0"):
            raise _bad(self.text, f"{key} is {value[:20]!r}, neither true nor false")
        return value in ("true", "1")
