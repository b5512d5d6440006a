# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a container's wish that are more than one word: logs, health, secrets, volumes_from."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..spec import healthcheck

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = patterns.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_DECIMAL = patterns.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)b?\Z", patterns.IGNORECASE | patterns.ASCII)
_LOG_KEYS = {"max_size": "max_size", "max-size": "max_size", "path": "path", "tag": "tag"}


class LogWish(NamedTuple):
    """`max_size` in bytes; None and "" where nothing was said."""

    max_size: int | None = None
    path: str = ""
    tag: str = ""


class HealthWish(NamedTuple):
    """Durations in ns under libpod's keys; `test` None leaves the image's. `destination`, counts: where results go."""

    test: tuple[str, ...] | None = None
    settings: tuple[tuple[str, int], ...] = ()
    startup_test: tuple[str, ...] | None = None
    startup_settings: tuple[tuple[str, int], ...] = ()
    on_failure: str | None = None
    destination: str | None = None
    max_log_count: int | None = None
    max_log_size: int | None = None


class SecretWish(NamedTuple):
    """A secret as a file (`target` "" for /run/secrets/NAME) or, with `as_env`, in a variable."""

    name: str
    as_env: bool = False
    target: str = ""
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


class VolumesFrom(NamedTuple):
    container: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.container}:{','.join(self.options)}" if self.options else self.container


def parse_log_options(values: Mapping[str, str]) -> LogWish:
    """Raises BadInput."""
    found: dict[str, str] = {}
    for key, value in values.items():
        name = _LOG_KEYS.get(str(key))
        if name is None:
            raise BadInput("read log_opt", f"{str(key)[:40]!r} is not one of max_size, path, tag")
        if value is not None and value != "":
            found[name] = str(value)
    path = found.get("path", "")
    if path and (not posixpath.isabs(path) or "\n" in path):
        raise BadInput("read log_opt", f"path {path[:60]!r} is not absolute")
    size = found.get("max_size")
    return LogWish(None if size is None else log_size(size), path, found.get("tag", ""))


def log_size(text: str) -> int:
    """Bytes; `-1` is without limit. Units are powers of 1000: go-units FromHumanSize, which podman takes for logs."""
    if text.strip() == "-1":
        return -1
    found = _DECIMAL.match(text.strip())
    if not found:
        raise BadInput("read log_opt", f"max_size {text[:40]!r} is not a size such as 10m")
    return int(float(found[1]) * 1000 ** " kmgtp".index(found[2].lower() or " "))


def parse_secret(text: str) -> SecretWish:
    """`NAME[,type=mount|env][,target=..][,uid=..][,gid=..][,mode=..]`. Raises BadInput; names no value in it."""
    name, *rest = text.split(",")
    if not _NAME.match(name):
        raise BadInput("read secrets", f"{name[:40]!r} is not the name of a secret")
    found = {"type": "mount", "target": "", "uid": "0", "gid": "0", "mode": "0444"}
    for item in rest:
        key, equals, value = item.strip().partition("=")
        if key not in found or not equals:
            raise BadInput(f"read secret {name}", f"{key[:20]!r} is not one of type, target, uid, gid, mode")
        found[key] = value
    if found["type"] not in ("mount", "env"):
        raise BadInput(f"read secret {name}", f"type {found['type'][:20]!r} is neither mount nor env")
    if not re.match(r"[0-7]{3,4}\Z", found["mode"]):
        raise BadInput(f"read secret {name}", f"mode {found['mode'][:20]!r} is not octal")
    for key in ("uid", "gid"):
        if not re.match(r"\d{1,10}\Z", found[key]):
            raise BadInput(f"read secret {name}", f"{key} {found[key][:20]!r} is not a number")
    target = found["target"]
    if ".." in target.split("/") or "\n" in target:
        raise BadInput(f"read secret {name}", f"target {target[:60]!r} is no plain path")
    return SecretWish(name, found["type"] == "env", target, int(found["uid"]), int(found["gid"]), int(found["mode"], 8))


def parse_volumes_from(text: str) -> VolumesFrom:
    """`CONTAINER[:OPTIONS]`. Raises BadInput."""
    name, _colon, options = text.partition(":")
    words = tuple(word for word in options.split(",") if word)
    if not _NAME.match(name) or not set(words) <= {"ro", "rw", "z"}:
        raise BadInput(f"read volumes_from {text[:60]!r}", "expected CONTAINER[:ro|rw|z]")
    if {"ro", "rw"} <= set(words):
        raise BadInput(f"read volumes_from {text[:60]!r}", "it is read-only and writable at once")
    return VolumesFrom(name, tuple(sorted({*words} - {"rw"})))  # rw is what they are anyway


class HealthReader:
    """The health options of a task as one wish; they are spread over many parameters."""

    _PERIODS = (
        ("healthcheck_interval", "Interval", 0),
        ("healthcheck_timeout", "Timeout", 1_000_000_000),
        ("healthcheck_start_period", "StartPeriod", 0),
    )
    _STARTUP_PERIODS = (
        ("health_startup_interval", "Interval", 0),
        ("health_startup_timeout", "Timeout", 1_000_000_000),
    )
    NAMES = (
        "healthcheck",
        "no_healthcheck",
        "healthcheck_retries",
        "healthcheck_failure_action",
        "health_startup_cmd",
        "health_startup_retries",
        "health_startup_success",
        "health_log_destination",
        "health_max_log_count",
        "health_max_log_size",
        *(name for name, _key, _least in (*_PERIODS, *_STARTUP_PERIODS)),
    )

    def __init__(self, params: Mapping[str, object]) -> None:
        self.params = params

    def read(self) -> HealthWish | None:
        """None when the task says nothing about health. Raises BadInput."""
        if not any(self.params.get(name) not in (None, False) for name in self.NAMES):
            return None
        test = self._test("healthcheck")
        if self.params.get("no_healthcheck"):
            if test not in (None, healthcheck.DISABLED):
                raise BadInput("read healthcheck", "no_healthcheck is set as well")
            test = healthcheck.DISABLED
        settings = self._periods(self._PERIODS)
        retries = self._count("healthcheck_retries", least=1)
        if retries is not None:
            settings.append(("Retries", retries))
        startup = self._periods(self._STARTUP_PERIODS)
        for name, key in (("health_startup_retries", "Retries"), ("health_startup_success", "Successes")):
            count = self._count(name)
            if count is not None:
                startup.append((key, count))
        startup_test = self._test("health_startup_cmd")
        if startup and startup_test is None:
            raise BadInput("read health_startup options", "there is no health_startup_cmd")
        action = self.params.get("healthcheck_failure_action")
        if action is not None and str(action) not in healthcheck.ON_FAILURE:
            raise BadInput(
                "read healthcheck_failure_action", f"{str(action)[:20]!r} is not none, kill, restart or stop"
            )
        destination = self.params.get("health_log_destination")
        return HealthWish(
            test,
            tuple(settings),
            startup_test,
            tuple(startup),
            None if action is None else str(action),
            None if destination is None else str(destination),
            self._count("health_max_log_count"),
            self._count("health_max_log_size"),
        )

    def _test(self, name: str) -> tuple[str, ...] | None:
        value = self.params.get(name)
        if value is None:
            return None
        return healthcheck.test_words(value if isinstance(value, (str, list, tuple)) else str(value), name)

    def _periods(self, table: tuple[tuple[str, str, int], ...]) -> list[tuple[str, int]]:
        found = []
        for name, key, least in table:
            value = self.params.get(name)
            if value is not None:
                found.append((key, healthcheck.period(str(value), name, least)))
        return found

    def _count(self, name: str, least: int = 0) -> int | None:
        value = self.params.get(name)
        if value is None:
            return None
        text = str(value).strip()
        if not re.match(r"\d{1,9}\Z", text) or int(text) < least:
            raise BadInput(f"read {name}", f"{text[:20]!r} is not a number from {least} on")
        return int(text)
