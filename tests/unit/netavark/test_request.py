# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark import request, status
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.addresses import HostNetworks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.draft import Draft, fill
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.network_file import from_json
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.request import Attachment, ContainerNet
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.settings import DEFAULT_POOLS
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.ports import parse_all

ID = "ab" * 32
# Recorded from netavark 1.4.0 and 1.14.0 (Debian 12 and 13).
REPLY = (
    b'{"web":{"dns_search_domains":["dns.podman"],"dns_server_ips":["10.89.0.1"],"interfaces":{"eth0":{"mac_address":'
    b'"a6:87:96:07:22:a2","subnets":[{"gateway":"10.89.0.1","ipnet":"10.89.0.11/24"}]}}}}\n'
)


def network(name):
    return fill(Draft(name, asked=("driver",)), [], HostNetworks((), frozenset()), DEFAULT_POOLS)


def test_the_request_of_both_generations():
    networks = {"web": network("web"), "db": network("db")}
    attachments = (Attachment("db", static_mac="02:42:ac:11:00:02"), Attachment("web", aliases=("www",)))
    named = request.check_attachments(attachments, "test")
    container = ContainerNet(ID, "c", "host", named, parse_all(["8080-8081:80-81/udp"]), ("192.0.2.1",))
    leases = {"web": ["10.89.0.5"], "db": []}
    one = json.loads(request.build(container, networks, leases, 1))
    assert one["container_id"] == ID and one["container_name"] == "c" and one["container_hostname"] == "host"
    assert one["port_mappings"] == [
        {"host_ip": "", "container_port": 80, "host_port": 8080, "range": 2, "protocol": "udp"}
    ]
    assert one["dns_servers"] == ["192.0.2.1"]
    assert one["networks"] == {
        "db": {"interface_name": "eth0", "aliases": [ID[:12]], "static_mac": "02:42:ac:11:00:02"},
        "web": {
            "interface_name": "eth1",
            "aliases": ["www", ID[:12]],
            "static_ips": ["10.89.0.5"],
            "static_mac": "02:42:0a:59:00:05",
        },
    }
    assert set(one["network_info"]["web"]) == set(network("web").public), "our own record stays at home"
    two = json.loads(request.build(container, networks, leases, 2))
    assert [item["name"] for item in two["networks"]] == ["db", "web"]
    assert two["networks"][1]["static_ips"] == ["10.89.0.5"]
    bare = json.loads(request.build(container._replace(ports=(), dns_servers=()), networks, leases, 1))
    assert "port_mappings" not in bare and "dns_servers" not in bare


def test_the_same_address_has_the_same_hardware_address():
    assert request.mac_of("10.89.0.5") == "02:42:0a:59:00:05"
    assert request.mac_of("fd77::5") == request.mac_of("fd77:0::5") != request.mac_of("fd77::6")


def test_interface_names_leave_room_for_given_ones():
    named = request.check_attachments((Attachment("a"), Attachment("b", interface="eth0"), Attachment("c")), "test")
    assert [item.interface for item in named] == ["eth1", "eth0", "eth2"]


@pytest.mark.parametrize(
    "attachments",
    [
        (Attachment("a"), Attachment("a")),
        (Attachment("a", interface="x"), Attachment("b", interface="x")),
        (Attachment("a", interface="x" * 16),),
        (Attachment("a", static_mac="02:42:ac:11:00"),),
        (Attachment("a", aliases=("two words",)),),
        (Attachment("a", aliases=("line\nbreak",)),),
    ],
)
def test_bad_attachments(attachments):
    with pytest.raises(BadInput):
        request.check_attachments(attachments, "test")


def test_replies():
    answer = request.parse_reply(REPLY)
    assert [tuple(address) for address in status.addresses(answer)] == [
        ("web", "eth0", "10.89.0.11", 24, "10.89.0.1", "a6:87:96:07:22:a2")
    ]
    assert status.nameservers(answer) == ["10.89.0.1"]
    assert status.search_domains(answer) == ["dns.podman"]
    for bad in (b"", b"nonsense", b"[]", b'{"web": 1}'):
        with pytest.raises(Corrupt):
            request.parse_reply(bad)
    assert request.failure(b'{"error":"no such thing"}\n', b"noise") == "no such thing"
    assert request.failure(b"", b"panicked\n") == "panicked"
    assert list(status.addresses({"web": "nonsense", "x": {"interfaces": {"e": 1}}})) == []


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"name": 5},
        {"name": "n", "subnets": {"a": 1}},
        {"name": "n", "labels": ["a"]},
        {"name": "n", "internal": "yes"},
    ],
)
def test_files_that_are_no_networks(content):
    with pytest.raises(Corrupt):
        from_json(content, "the file")
