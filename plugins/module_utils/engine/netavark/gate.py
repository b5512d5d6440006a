# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace that lets no packet through for a while.

A packet for a connection whose end is not there is answered with a reset, which ends the connection for good. So
packets are dropped while the ends of connections come out of a checkpoint. CRIU does the same while it writes one, and
leaves it so behind processes that it ended: for a namespace that others still use, that has to be taken back (chain
CRIU of iptables, tables CRIU-... of nftables).

Sources: nft(8), iptables-save(8), iptables-restore(8), CRIU's option --network-lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import HostLacks, ToolFailed
from ..host import programs
from . import netns as namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..host.process import Runner

_TABLE, _CHAIN = "daemonless_still", "DAEMONLESS-STILL"
_OF_CRIU = "CRIU"
_STILL, _GO_ON = "hold a network still", "let a network go on"
_FAMILIES = ("iptables", "ip6tables")
_SHUT_BY_NFT = "".join(
    f"add {what}\n"
    for what in (
        f"table inet {_TABLE}",
        f"chain inet {_TABLE} input {{ type filter hook input priority 0; policy drop; }}",
        f"chain inet {_TABLE} output {{ type filter hook output priority 0; policy drop; }}",
    )
)
_SHUT_BY_IPTABLES = (
    f"*filter\n:{_CHAIN} - [0:0]\n-A {_CHAIN} -j DROP\n-I INPUT -j {_CHAIN}\n-I OUTPUT -j {_CHAIN}\nCOMMIT\n"
)


def shut(runner: Runner, netns: str) -> None:
    """Drop all that comes and goes in the namespace of this path, by nftables, else by iptables.

    Raises HostLacks without a program that can, NotFound without a namespace, ToolFailed.
    """
    nft, failure = programs.find("nft"), None
    if nft is not None:
        argv = (nft, "-f", "-")
        try:
            namespaces.visit(netns, lambda: runner.run(argv, input=_SHUT_BY_NFT.encode(), check=_STILL))
            return
        except ToolFailed as error:  # a kernel without it
            failure = error
    found = [path for path in (programs.find(f"{name}-restore") for name in _FAMILIES) if path is not None]
    if not found:
        raise failure or HostLacks(_STILL, "neither nft nor iptables is on this host", "Install the package nftables")
    text = _SHUT_BY_IPTABLES.encode()
    namespaces.visit(netns, lambda: [runner.run((path, "-w", "-n"), input=text, check=_STILL) for path in found])


def open_again(runner: Runner, netns: str) -> None:
    """Let packets through again, whoever keeps them: shut() or CRIU. Nil work where nobody does. Raises NotFound,
    ToolFailed."""
    namespaces.visit(netns, lambda: _open(runner))


def _open(runner: Runner) -> None:
    nft = programs.find("nft")
    if nft is not None:
        tables = runner.run((nft, "list", "tables")).stdout.decode("utf-8", "replace")
        text = "".join(f"delete table {table}\n" for table in _shut_tables(tables))
        if text:
            runner.run((nft, "-f", "-"), input=text.encode(), check=_GO_ON)
    for name in _FAMILIES:
        save, restore = programs.find(f"{name}-save"), programs.find(f"{name}-restore")
        if save is None or restore is None:
            continue
        rules = runner.run((save, "-t", "filter"))
        text = "".join(f"{line}\n" for line in _undoing(rules.stdout.decode("utf-8", "replace")))
        if rules.rc == 0 and text:
            runner.run((restore, "-w", "-n"), input=f"*filter\n{text}COMMIT\n".encode(), check=_GO_ON)


def _shut_tables(listed: str) -> Iterator[str]:
    """Of `nft list tables`, those that shut the namespace, as `family name`."""
    for line in listed.splitlines():
        word, _space, table = line.strip().partition(" ")
        name = table.partition(" ")[2]
        if word == "table" and (name == _TABLE or name.startswith(f"{_OF_CRIU}-")):
            yield table


def _undoing(saved: str) -> Iterator[str]:
    """What takes the chains that shut the namespace out of the rules that iptables-save tells."""
    lines = saved.splitlines()
    chains = [name for name in (_OF_CRIU, _CHAIN) if any(line.startswith(f":{name} ") for line in lines)]
    for line in lines:
        if line.startswith("-A ") and line.endswith(tuple(f" -j {name}" for name in chains)):
            yield f"-D {line[3:]}"
    for name in chains:
        yield f"-F {name}"
        yield f"-X {name}"
