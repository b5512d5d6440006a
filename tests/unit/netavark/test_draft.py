# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What podman-network-create(1) would make of the same wish, and what is refused."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Conflict
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.addresses import (
    HostNetworks,
    HostRoute,
    free_ipv4_subnet,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.draft import Draft, SubnetDraft, fill
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.network_file import Route
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.settings import DEFAULT_POOLS


def route(text: str, device: str = "eth0", direct: bool = True) -> HostRoute:
    return HostRoute(ipaddress.ip_network(text), device, direct)


HOST = HostNetworks((route("192.0.2.0/24"),), frozenset({"lo", "eth0", "podman0"}))


def made(draft: Draft, others=(), host=HOST):
    return fill(draft, list(others), host, DEFAULT_POOLS)


SUBNETS = [
    (Draft("n"), ["10.89.0.0/24 10.89.0.1"]),
    (Draft("n", internal=True), ["10.89.0.0/24 10.89.0.1"]),
    (Draft("n", internal=True, dns_enabled=False), ["10.89.0.0/24 "]),
    (Draft("n", subnets=(SubnetDraft("10.1.1.1/24"),)), ["10.1.1.0/24 10.1.1.1"]),
    (Draft("n", subnets=(SubnetDraft("fd11::/64"),)), ["fd11::/64 fd11::1"]),
    (Draft("n", subnets=(SubnetDraft("fd12::/64"),), ipv6=True), ["fd12::/64 fd12::1", "10.89.0.0/24 10.89.0.1"]),
    (Draft("n", subnets=(SubnetDraft("10.79.0.0/32"),)), ["10.79.0.0/32 10.79.0.0"]),
    (Draft("n", ipam_driver="none"), []),
    (Draft("n", driver="macvlan", interface="eth0"), []),
]


@pytest.mark.parametrize(("draft", "subnets"), SUBNETS)
def test_subnets(draft, subnets):
    assert [f"{item.subnet} {item.gateway}" for item in made(draft).subnets] == subnets


def test_defaults_are_podmans():
    bridge = made(Draft("n"))
    assert (bridge.driver, bridge.interface, bridge.ipam_driver, bridge.dns_enabled) == (
        "bridge",
        "podman1",
        "host-local",
        True,
    )
    macvlan = made(Draft("n", driver="macvlan", interface="eth0"))
    assert (macvlan.interface, macvlan.ipam_driver, macvlan.dns_enabled) == ("eth0", "dhcp", False)
    assert not made(Draft("n", ipam_driver="none")).dns_enabled
    dual = made(Draft("n", ipv6=True))
    assert dual.ipv6_enabled and dual.subnets[1].subnet.startswith("fd") and dual.subnets[1].subnet.endswith("::/64")


def test_ranges():
    subnet = made(Draft("n", subnets=(SubnetDraft("10.77.0.0/24", "", "10.77.0.128/25"),))).subnets[0]
    assert (subnet.range_start, subnet.range_end) == ("10.77.0.129", "10.77.0.255"), "as podman records it"


def test_what_is_taken_is_avoided():
    first = made(Draft("first"))
    second = made(Draft("second"), [first])
    assert (second.subnets[0].subnet, second.interface) == ("10.89.1.0/24", "podman2")
    host = HostNetworks(
        (route("10.89.0.0/23"), route("10.89.2.128/25", direct=False)), frozenset({"podman1", "podman2"})
    )
    third = made(Draft("third"), host=host)
    assert (third.subnets[0].subnet, third.interface) == ("10.89.3.0/24", "podman3")
    company = HostNetworks((route("10.0.0.0/8", direct=False), route("10.89.0.0/24")), frozenset())
    assert made(Draft("n"), host=company).subnets[0].subnet == "10.89.1.0/24"
    with pytest.raises(Conflict):
        free_ipv4_subnet([("10.5.0.0/30", 30)], [ipaddress.ip_network("10.5.0.0/16")])
    left_over = HostNetworks((route("10.77.0.0/24", "podman1"),), frozenset({"podman1"}))
    again = Draft("n", interface="podman1", subnets=(SubnetDraft("10.77.0.0/24"),))
    assert made(again, host=left_over).subnets[0].subnet == "10.77.0.0/24", "its own bridge is not in its way"


def test_options_get_netavarks_names():
    network = made(
        Draft("n", options={"com.docker.network.bridge.name": "br5", "com.docker.network.driver.mtu": "01400"})
    )
    assert (network.interface, dict(network.options)) == ("br5", {"mtu": "1400"})
    network = made(Draft("n", driver="ipvlan", subnets=(SubnetDraft("10.1.0.0/24"),), options={"parent": "eth0"}))
    assert (network.interface, dict(network.options)) == ("eth0", {})


BAD = [
    (Draft(""), "letters, digits"),
    (Draft("a/b"), "letters, digits"),
    (Draft("n\n"), "letters, digits"),
    (Draft("n", driver="overlay"), "driver 'overlay'"),
    (Draft("n", subnets=(SubnetDraft("10.0.0.0/24"), SubnetDraft("10.0.0.0/25"))), "overlap"),
    (Draft("n", subnets=(SubnetDraft("10.0.0.0/24", "10.0.1.1"),)), "not in subnet"),
    (Draft("n", subnets=(SubnetDraft("10.0.0.0/24", "fd00::1"),)), "not in subnet"),
    (Draft("n", subnets=(SubnetDraft("10.0.0.0/24", "", "10.0.1.0/25"),)), "not inside"),
    (Draft("n", subnets=(SubnetDraft("10.0.0.0/24", "", "10.0.0.5"),)), "neither a subnet nor"),
    (Draft("n", ipam_driver="static"), "ipam driver 'static'"),
    (Draft("n", driver="ipvlan"), "dhcp"),
    (Draft("n", driver="macvlan", ipam_driver="host-local"), "needs a subnet"),
    (Draft("n", dns_enabled=False, dns_servers=("192.0.2.1",)), "without dns"),
    (Draft("n", dns_enabled=True, ipam_driver="none"), "dns needs addresses"),
    (Draft("n", routes=(Route("10.9.0.0/16", "fd00::1"),)), "different IP versions"),
    (Draft("n", options={"metric": "5000000000"}), "option metric"),
    (Draft("n", options={"no_default_route": "maybe"}), "neither true nor false"),
    (Draft("n", interface="br0", options={"com.docker.network.bridge.name": "br1"}), "names interface br1"),
    (Draft("n", interface="lo"), "is no interface name"),
    (Draft("n", interface="ä" * 8), "is no interface name"),
]


@pytest.mark.parametrize(("draft", "words"), BAD)
def test_bad_wishes(draft, words):
    with pytest.raises(BadInput) as caught:
        made(draft)
    assert words in str(caught.value)


def test_conflicts():
    other = made(Draft("other", interface="br0", subnets=(SubnetDraft("10.77.0.0/24"),)))
    for draft, words in (
        (Draft("other"), "of this name exists"),
        (Draft("n", interface="br0"), "belongs to network other"),
        (Draft("n", subnets=(SubnetDraft("10.77.0.128/25"),)), "of network other"),
        (Draft("n", subnets=(SubnetDraft("192.0.2.0/25"),)), "in use on interface eth0"),
    ):
        with pytest.raises(Conflict) as caught:
            made(draft, [other])
        assert words in str(caught.value)
    unmanaged = Draft("n", interface="br0", options={"mode": "unmanaged"})
    assert made(unmanaged, [other]).interface == "br0"
