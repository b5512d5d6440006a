# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a container finds about its place in the world: hosts, resolv.conf, hostname, .containerenv.

Every word in them comes from a playbook, an image or a network: one with a line break in it is refused, not escaped
(CVE-2022-4318 is that mistake).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOST_NAMES = "host.containers.internal host.docker.internal"
GATEWAY = "host-gateway"
_NAME = patterns.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\.?\Z")
_OPTION = patterns.compile(r"[A-Za-z0-9_.:-]{1,100}\Z")


class HostEntry(NamedTuple):
    """`names` share one address, which is an IP address or host-gateway."""

    address: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{';'.join(self.names)}:{self.address}"


class ContainerEnv(NamedTuple):
    """What /run/.containerenv tells a privileged container."""

    engine: str
    name: str
    id: str
    image: str
    image_id: str
    rootless: bool


def checked_hostname(text: str, option: str = "hostname") -> str:
    """Raises BadInput for what sethostname(2) or a line of /etc/hosts cannot take."""
    if not _NAME.match(text) or len(text) > 253:
        raise BadInput(f"read {option}", f"{text[:60]!r} is not a host name")
    return text


def parse_entry(text: str, option: str = "etc_hosts") -> HostEntry:
    """`NAME[;NAME]:ADDRESS`, where the address may be host-gateway. Raises BadInput."""
    names_text, colon, address = text.partition(":")
    if not colon or not address:
        raise BadInput(f"read {option} {text[:60]!r}", "expected NAME:ADDRESS")
    names = tuple(checked_hostname(name.strip(), option) for name in names_text.split(";"))
    return HostEntry(checked_address(address.strip().strip("[]"), option, allow=GATEWAY), names)


def _address(text: str) -> object:
    """Imported late: most containers name no address. Raises ValueError."""
    import ipaddress

    return ipaddress.ip_address(text)


def checked_address(text: str, option: str, allow: str = "") -> str:
    """An IP address in its shortest spelling, or the word allowed. Raises BadInput."""
    if allow and text == allow:
        return text
    try:
        return str(_address(text.strip()))
    except ValueError:
        raise BadInput(f"read {option}", f"{text[:60]!r} is not an IP address")


def checked_dns_option(text: str) -> str:
    if not _OPTION.match(text):
        raise BadInput("read dns_option", f"{text[:60]!r} is not an option of resolv.conf")
    return text


def parse_base(content: bytes) -> tuple[HostEntry, ...]:
    """The entries of a hosts file to start from; lines that are none are left out. Bounded by 1 MiB."""
    entries = []
    for raw in content[: 1024 * 1024].split(b"\n"):
        words = raw.split(b"#", 1)[0].decode("utf-8", "replace").split()
        if len(words) < 2:
            continue
        try:
            address = str(_address(words[0]))
            entries.append(HostEntry(address, tuple(checked_hostname(word) for word in words[1:])))
        except (ValueError, BadInput):
            continue
    return tuple(entries)


def render_hosts(
    extra: Sequence[HostEntry], base: Sequence[HostEntry], gateway: str, own: Sequence[HostEntry]
) -> str:
    """The file as podman orders it: the task's own entries, the host's, the host itself, the container.

    `gateway` is the address under which the container reaches the host, "" when there is none. A name that the task
    sets is not set again by the base file.
    """
    lines = []
    taken: set[str] = set()
    for entry in extra:
        address = gateway if entry.address == GATEWAY else entry.address
        if not address:
            raise BadInput(f"resolve {entry}", "this network has no gateway to the host")
        taken.update(entry.names)
        lines.append(f"{address}\t{' '.join(entry.names)}")
    for entry in base:
        names = [name for name in entry.names if name not in taken]
        if names:
            lines.append(f"{entry.address}\t{' '.join(names)}")
    host_names = [name for name in HOST_NAMES.split() if name not in taken]
    if gateway and host_names:
        lines.append(f"{gateway}\t{' '.join(host_names)}")
    lines += [f"{entry.address}\t{' '.join(entry.names)}" for entry in own]
    return "".join(f"{line}\n" for line in map(_one_line, lines))


def render_resolv_conf(servers: Iterable[str], search: Iterable[str], options: Iterable[str]) -> str:
    """A single "." as search domain means none at all, resolv.conf(5)."""
    lines = []
    domains = [domain for domain in search if domain]
    if domains and domains != ["."]:
        lines.append(f"search {' '.join(domains)}")
    lines += [f"nameserver {server}" for server in servers]
    chosen = [option for option in options if option]
    if chosen:
        lines.append(f"options {' '.join(chosen)}")
    return "".join(f"{line}\n" for line in map(_one_line, lines))


def parse_resolv_conf(content: bytes) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Servers, search domains and options of the host's file; the last search line counts."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for raw in content[: 1024 * 1024].split(b"\n"):
        words = raw.decode("utf-8", "replace").split()
        if len(words) < 2 or words[0].startswith(("#", ";")):
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            search = words[1:]
        elif words[0] == "options":
            options += words[1:]
    return tuple(servers), tuple(search), tuple(options)


def render_hostname(name: str) -> str:
    return f"{_one_line(name)}\n"


def render_containerenv(env: ContainerEnv | None) -> str:
    """Empty for a plain container: only a privileged one is told about its host."""
    if env is None:
        return ""
    values = (env.engine, env.name, env.id, env.image, env.image_id)
    keys = ("engine", "name", "id", "image", "imageid")
    lines = [f'{key}="{_one_line(value)}"' for key, value in zip(keys, values)]
    return "\n".join([*lines, f"rootless={int(env.rootless)}"]) + "\n"


def _one_line(text: str) -> str:
    if any(char in text for char in "\n\r\0"):
        raise BadInput("write a file for the container", f"{text[:60]!r} holds a line break")
    return text
