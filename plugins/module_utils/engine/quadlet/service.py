# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`generate_systemd`: units of systemd that start and stop one container with the command `daemonless`.

The unit stays with its container, so that systemd sees how it ended and its Restart= works: for plain users too, whose
systemd takes no process for the main one that lies in another control group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from .words import line, section, word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLICIES = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")
_KEYS = frozenset(
    """
    after container_prefix names new no_header path pod_prefix requires restart_policy restart_sec separator
    start_timeout stop_timeout time wants
    """.split()
)
_NAME = patterns.compile(r"[A-Za-z0-9:_.@\\-]+\Z")
_GRACE = 60  # podman's: as long as a container may take, and a minute for what comes after


class Wish(NamedTuple):
    """Units that are waited for are names; times are seconds, None for what systemd or the container has."""

    path: str = ""
    prefix: str = "container"
    separator: str = "-"
    new: bool = False
    no_header: bool = False
    restart_policy: str = "on-failure"
    restart_sec: int | None = None
    start_timeout: int | None = None
    stop_timeout: int | None = None
    after: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


def parse(given: Mapping[str, object]) -> Wish | None:
    """The option; None when it is empty. Raises BadInput."""
    if not given:
        return None
    unknown = sorted(set(given) - _KEYS)
    if unknown:
        raise BadInput("read generate_systemd", f"{unknown[0][:40]!r} is not one of {', '.join(sorted(_KEYS))}")
    if not _flag(given, "names", True):
        raise BadInput(
            "read generate_systemd", "names is false: a unit is named after its container", "Leave names out"
        )
    policy = _text(given, "restart_policy", "on-failure")
    if policy not in POLICIES:
        raise BadInput("read generate_systemd", f"restart_policy {policy[:20]!r} is not one of {', '.join(POLICIES)}")
    stop = given.get("stop_timeout")
    return Wish(
        path=_text(given, "path", ""),
        prefix=_text(given, "container_prefix", "container"),
        separator=_text(given, "separator", "-"),
        new=_flag(given, "new", False),
        no_header=_flag(given, "no_header", False),
        restart_policy=policy,
        restart_sec=_seconds(given.get("restart_sec"), "restart_sec"),
        start_timeout=_seconds(given.get("start_timeout"), "start_timeout"),
        stop_timeout=_seconds(given.get("time") if stop is None else stop, "stop_timeout"),
        after=_units(given, "after"),
        wants=_units(given, "wants"),
        requires=_units(given, "requires"),
    )


def name_of(wish: Wish, container: str) -> str:
    """Without `.service`. Raises BadInput."""
    found = f"{wish.prefix}{wish.separator}{container}" if wish.prefix else container
    if not _NAME.match(found):
        raise BadInput("read generate_systemd", f"{found[:60]!r} is not the name of a unit")
    return found


class Facts(NamedTuple):
    """`command` is the path of `daemonless`, `stop_timeout` the container's own, `make` the arguments that make it anew
    and stay with it, () for a unit that starts the one that is there; `mounts` what must be mounted first.
    """

    container: str
    command: str
    stop_timeout: int
    mounts: str
    make: tuple[str, ...] = ()


def render(wish: Wish, facts: Facts) -> str:
    """Raises BadInput for what cannot stand in a unit."""
    seconds = facts.stop_timeout if wish.stop_timeout is None else wish.stop_timeout
    unit = [
        ("Description", f"Container {facts.container}"),
        *(("Wants", name) for name in ("network-online.target", *wish.wants)),
        *(("After", name) for name in ("network-online.target", *wish.after)),
        *(("Requires", name) for name in wish.requires),
        ("RequiresMountsFor", _escaped(facts.mounts, "storage")),
    ]
    start = facts.make or ("start", "--attach", "--sig-proxy=false", facts.container)
    times = (("RestartSec", wish.restart_sec), ("TimeoutStartSec", wish.start_timeout))
    end = ("rm", "-f", "-i", "-t", str(seconds)) if facts.make else ("stop", "-i", "-t", str(seconds))
    service = [
        ("Environment", "PODMAN_SYSTEMD_UNIT=%n"),
        ("Restart", wish.restart_policy),
        *((key, str(value)) for key, value in times if value is not None),
        ("TimeoutStopSec", str(seconds + _GRACE)),
        ("ExecStart", _command(facts, start)),
        ("ExecStop", _command(facts, ("stop", "-i", "-t", str(seconds), facts.container))),
        ("ExecStopPost", _command(facts, (*end, facts.container))),
        ("Type", "exec"),
        ("KillMode", "process"),
        ("StandardOutput", "null"),
        ("StandardError", "null"),
    ]
    head = "" if wish.no_header else f"# {name_of(wish, facts.container)}.service\n# written by daemonless.oci\n\n"
    return head + "\n".join((section("Unit", unit), section("Service", service), _install()))


def _install() -> str:
    return section("Install", [("WantedBy", "default.target")])


def _command(facts: Facts, arguments: Sequence[str]) -> str:
    return " ".join(_escaped(text, "generate_systemd") for text in (facts.command, *arguments))


def _escaped(text: str, option: str) -> str:
    """systemd would put something else for % and $."""
    return word(text.replace("%", "%%").replace("$", "$$"), option)


def _flag(given: Mapping[str, object], key: str, default: bool) -> bool:
    value = given.get(key)
    if value is None:
        return default
    text = str(value).strip().lower()
    if text not in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        raise BadInput("read generate_systemd", f"{key} {text[:20]!r} is neither true nor false")
    return text in ("true", "yes", "on", "1")


def _text(given: Mapping[str, object], key: str, default: str) -> str:
    value = given.get(key)
    return default if value is None else line(str(value), f"generate_systemd {key}")


def _seconds(value: object, key: str) -> int | None:
    if value is None:
        return None
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise BadInput("read generate_systemd", f"{key} {text[:20]!r} is not a number of seconds")
    return int(text)


def _units(given: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = given.get(key)
    listed = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    for name in listed:
        if not _NAME.match(str(name)):
            raise BadInput("read generate_systemd", f"{key}: {str(name)[:40]!r} is not the name of a unit")
    return tuple(str(name) for name in listed)
