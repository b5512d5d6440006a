# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of every command that talks to a registry, and what they say together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import goflags
from .context import Usage
from .goflags import SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from ..image.options import PullOptions
    from ..spec.platform import Platform
    from .context import Context
    from .goflags import Line

ACCESS = (
    Flag("--authfile", help="file with credentials of registries"),
    Flag("--cert-dir", help="directory with certificates for the registry"),
    Flag("--creds", help="USER:PASSWORD; others on this host can see them: prefer `daemonless login`"),
    Flag("--retry", help="tries after the first"),
    Flag("--retry-delay", help="time between two tries, such as 2s"),
    Flag("--tls-verify", SWITCH, "whether the registry must show a valid certificate"),
)
PLATFORM = (
    Flag("--arch", help="architecture of the image, when it is not the host's"),
    Flag("--os", help="operating system of the image"),
    Flag("--platform", help="OS/ARCH or OS/ARCH/VARIANT"),
    Flag("--variant", help="variant of the architecture"),
)
QUIET = Flag("--quiet -q", SWITCH, "nothing but the result")
HELP = Flag("--help -h", SWITCH, "show this help")


def text(line: Line, key: str) -> str:
    found = line.given.get(key)
    return found if isinstance(found, str) else ""


def path(line: Line, key: str) -> str:
    """Absolute, as seen from here: a plain user's session enters namespaces of its own."""
    found = text(line, key)
    return os.path.abspath(found) if found else ""


def absolute(name: str) -> str:
    """An image's name; the path of a file that is named by its transport is meant from here as well."""
    kind, colon, rest = name.partition(":")
    if colon and rest and kind in ("dir", "oci", "oci-archive", "docker-archive"):
        return f"{kind}:{os.path.abspath(rest)}"
    return name


def listed(line: Line, key: str) -> list[str]:
    found = line.given.get(key)
    return [str(item) for item in found] if isinstance(found, list) else []


def truth(line: Line, key: str) -> bool:
    return line.given.get(key) is True


def number(line: Line, key: str) -> int | None:
    """Raises Usage."""
    given = text(line, key)
    if given and not given.isdecimal():
        raise Usage(f"invalid argument {given!r} for '--{key}' flag: it is a number")
    return int(given) if given else None


def read(
    context: Context,
    options: Namespace,
    table: Sequence[Flag],
    count: tuple[int, int] = (0, -1),
    *,
    stop_early: bool = False,
) -> Line | None:
    """The command line; None when it asked for help and has it. `count`: the fewest and most words, -1 for any number.

    Raises Usage.
    """
    line = goflags.read(options.words, table, stop_early=stop_early)
    if truth(line, "help"):
        context.out(options.help_text())
        return None
    fewest, most = count
    if len(line.words) < fewest or 0 <= most < len(line.words):
        wanted = f"{fewest}" if fewest == most else f"at least {fewest}" if most < 0 else f"{fewest} to {most}"
        raise Usage(
            f"accepts {wanted} arg(s), received {len(line.words)}\nSee 'daemonless {options.command_name} --help'"
        )
    return line


def refuse(line: Line, impossible: Mapping[str, str]) -> None:
    """Raises Usage for a flag that podman has and that cannot be had here."""
    for key, why in impossible.items():
        if line.given.get(key) not in (None, False, "", []):
            raise Usage(f"--{key} cannot be had: {why}")


def access(line: Line) -> PullOptions:
    """Raises Usage for what is no number, no platform, or credentials without a user."""
    from ..base.units import parse_duration
    from ..image.options import PullOptions

    user, colon, password = text(line, "creds").partition(":")
    if text(line, "creds") and not (user and colon):
        raise Usage("--creds reads USER:PASSWORD")
    retries, delay = number(line, "retry"), text(line, "retry-delay")
    verify = line.given.get("tls-verify")
    return PullOptions(
        platform=platform(line),
        username=user,
        password=password,
        auth_file=path(line, "authfile"),
        validate_certs=verify if isinstance(verify, bool) else None,
        ca_cert_dir=path(line, "cert-dir"),
        retries=3 if retries is None else retries,
        retry_delay=parse_duration(delay, "--retry-delay") / 1e9 if delay else None,
    )


def platform(line: Line) -> Platform | None:
    """None when no flag names one. Raises Usage, BadInput."""
    from ..image.view import host
    from ..spec import platform as platforms

    names = [text(line, key) for key in ("os", "arch", "variant")]
    if text(line, "platform"):
        if names[0] or names[1]:
            raise Usage("--platform option can not be specified with --arch or --os")
        asked = platforms.parse(text(line, "platform"))
        names = [asked.os, asked.architecture, names[2] or asked.variant]
    if not any(names):
        return None
    return platforms.choose(host(), os=names[0], architecture=names[1], variant=names[2])
