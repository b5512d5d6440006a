# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seccomp profiles: from the containers project's JSON form to the `linux.seccomp` object of the OCI runtime spec.

A profile says for which capabilities and architectures a rule holds; the runtime spec only knows the rules that are
left (containers-common seccomp.json(5), runtime-spec config-linux.md "Seccomp").
"""

from __future__ import annotations

import errno
import json
from functools import lru_cache
from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Json = dict[str, object]

_NATIVE = {
    "amd64": "SCMP_ARCH_X86_64",
    "arm64": "SCMP_ARCH_AARCH64",
    "mips64": "SCMP_ARCH_MIPS64",
    "mips64le": "SCMP_ARCH_MIPSEL64",
    "s390x": "SCMP_ARCH_S390X",
}
#: GOARCH -> libseccomp's word for it, which the profiles' "arches" use.
_PROFILE_ARCH = {"386": "x86", "ppc64le": "ppc64le", "mips64le": "mipsel64"}
_ACTIONS = frozenset(
    f"SCMP_ACT_{name}"
    for name in ("KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY")
)
_OPERATORS = frozenset(f"SCMP_CMP_{name}" for name in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"))
MAX_BYTES = 1024 * 1024


def default_profile(arch: str, capabilities: Iterable[str]) -> Json:
    """`linux.seccomp` for a container with this bounding set on this machine (GOARCH)."""
    from . import seccomp_profile as data

    held, machine = frozenset(capabilities), _PROFILE_ARCH.get(arch, arch)
    rules: list[Json] = []
    for names, action, number, tests, with_caps, on_arches, without_caps, not_on in data.RULES:
        if _applies(machine, held, (with_caps, on_arches), (without_caps, not_on)):
            rule: Json = {"names": names.split(), "action": action}
            if number is not None:
                rule["errnoRet"] = number
            if tests:
                rule["args"] = [_argument(*test) for test in tests]
            rules.append(rule)
    profile: Json = {"defaultAction": data.DEFAULT_ACTION, "defaultErrnoRet": data.DEFAULT_ERRNO}
    native = _NATIVE.get(arch, "")
    if native in data.ARCHITECTURES:
        profile["architectures"] = [native, *data.ARCHITECTURES[native]]
    profile["syscalls"] = rules
    return profile


def load_profile(content: bytes, name: str, arch: str, capabilities: Iterable[str]) -> Json | None:
    """Translate a profile file; None where it names no action and no call, which switches seccomp off.

    Raises BadInput for anything that is not a profile: an unknown word must not quietly open the door.
    """
    return _loaded(content, name, arch, frozenset(capabilities))


@lru_cache(maxsize=8)
def _loaded(content: bytes, name: str, arch: str, capabilities: frozenset[str]) -> Json | None:
    """Most containers of a host have the same one. Nobody changes what was read."""
    return _Reader(name, arch, capabilities).read(content)


def _applies(
    machine: str,
    held: frozenset[str],
    only: tuple[Iterable[str], Iterable[str]],
    never: tuple[Iterable[str], Iterable[str]],
) -> bool:
    with_caps, on_arches = tuple(only[0]), tuple(only[1])
    without_caps, not_on = tuple(never[0]), tuple(never[1])
    if machine in not_on or not held.isdisjoint(without_caps):
        return False
    return (not on_arches or machine in on_arches) and held.issuperset(with_caps)


def _argument(index: int, value: int, second: int, operator: str) -> Json:
    test: Json = {"index": index, "value": value}
    if second:
        test["valueTwo"] = second
    test["op"] = operator
    return test


class _Reader:
    def __init__(self, name: str, arch: str, held: frozenset[str]) -> None:
        self.deed = f"read seccomp profile {name}"
        self.arch = arch
        self.machine = _PROFILE_ARCH.get(arch, arch)
        self.held = held

    def read(self, content: bytes) -> Json | None:
        if len(content) > MAX_BYTES:
            raise BadInput(self.deed, f"larger than {MAX_BYTES} bytes")
        try:
            raw = json.loads(content)
        except ValueError as err:
            raise BadInput(self.deed, f"not JSON: {err}")
        if not isinstance(raw, dict):
            raise BadInput(self.deed, "not a JSON object")
        calls = self._list(raw, "syscalls")
        if not raw.get("defaultAction") and not calls:
            return None
        profile: Json = {"defaultAction": self._one_of(raw, "defaultAction", _ACTIONS)}
        number = self._errno(raw, "defaultErrno", "defaultErrnoRet")
        if number is not None:
            profile["defaultErrnoRet"] = number
        architectures = self._architectures(raw)
        if architectures:
            profile["architectures"] = architectures
        flags = self._texts(raw, "flags")
        if flags:
            profile["flags"] = flags
        rules = [rule for call in calls for rule in self._rule(call)]
        if rules:
            profile["syscalls"] = rules
        return profile

    def _rule(self, raw: object) -> list[Json]:
        if not isinstance(raw, dict):
            raise BadInput(self.deed, "an entry of syscalls is not an object")
        only, never = self._filter(raw, "includes"), self._filter(raw, "excludes")
        names = self._texts(raw, "names")
        single = raw.get("name")
        if isinstance(single, str) and single:
            if names:
                raise BadInput(self.deed, "an entry of syscalls has both 'name' and 'names'")
            names = [single]
        rule: Json = {"names": names, "action": self._one_of(raw, "action", _ACTIONS)}
        number = self._errno(raw, "errno", "errnoRet")
        if number is not None:
            rule["errnoRet"] = number
        tests = [self._test(test) for test in self._list(raw, "args")]
        if tests:
            rule["args"] = tests
        return [rule] if names and _applies(self.machine, self.held, only, never) else []

    def _test(self, raw: object) -> Json:
        if not isinstance(raw, dict):
            raise BadInput(self.deed, "an argument test is not an object")
        numbers = []
        for key, highest in (("index", 5), ("value", 2**64 - 1), ("valueTwo", 2**64 - 1)):
            value = raw.get(key, 0)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
                raise BadInput(self.deed, f"{key} of an argument test is {value!r}")
            numbers.append(value)
        return _argument(numbers[0], numbers[1], numbers[2], self._one_of(raw, "op", _OPERATORS))

    def _filter(self, raw: Mapping[str, object], key: str) -> tuple[list[str], list[str]]:
        inner = raw.get(key) or {}
        if not isinstance(inner, dict):
            raise BadInput(self.deed, f"'{key}' is not an object")
        return self._texts(inner, "caps"), self._texts(inner, "arches")

    def _architectures(self, raw: Mapping[str, object]) -> list[str]:
        plain, mapped = self._texts(raw, "architectures"), self._list(raw, "archMap")
        if plain and mapped:
            raise BadInput(self.deed, "both 'architectures' and 'archMap' are given")
        for entry in mapped:
            if isinstance(entry, dict) and entry.get("architecture") == _NATIVE.get(self.arch, "-"):
                return [_NATIVE[self.arch], *self._texts(entry, "subArchitectures")]
        return plain

    def _errno(self, raw: Mapping[str, object], name_key: str, number_key: str) -> int | None:
        name, number = raw.get(name_key), raw.get(number_key)
        if isinstance(name, str) and name:
            if name.isascii() and name.isdigit():
                return int(name)
            value = getattr(errno, name, None) if name.startswith("E") and name.isalnum() else None
            if not isinstance(value, int):
                raise BadInput(self.deed, f"{name_key} {name[:40]!r} is not an error name")
            return value
        if number is None:
            return None
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise BadInput(self.deed, f"{number_key} is {number!r}")
        return number

    def _one_of(self, raw: Mapping[str, object], key: str, known: frozenset[str]) -> str:
        value = raw.get(key)
        if not isinstance(value, str) or value not in known:
            raise BadInput(self.deed, f"{key} is {str(value)[:60]!r}")
        return value

    def _list(self, raw: Mapping[str, object], key: str) -> list[object]:
        value = raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadInput(self.deed, f"'{key}' is not a list")
        return value

    def _texts(self, raw: Mapping[str, object], key: str) -> list[str]:
        texts = []
        for entry in self._list(raw, key):
            if not isinstance(entry, str):
                raise BadInput(self.deed, f"'{key}' holds something else than text")
            texts.append(entry)
        return texts
