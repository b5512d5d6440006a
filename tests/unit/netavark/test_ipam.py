# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Conflict, Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark import boltfile, ipam
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.ipam import LeaseRequest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.network_file import Network, Subnet

A, B, C = "a" * 64, "b" * 64, "c" * 64


def network(*subnets: Subnet, name: str = "net", driver: str = "host-local") -> Network:
    return Network(name, "0" * 64, "bridge", "podman1", "", subnets, (), False, False, True, (), {}, {}, driver, {})


SMALL = network(Subnet("10.77.0.0/29", "10.77.0.1"))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run" / "ipam.db")


def test_addresses_go_on_and_round_and_skip_the_gateway(path):
    given = [ipam.allocate(path, f"{n}" * 64, [LeaseRequest(SMALL)])["net"] for n in range(5)]
    assert given == [["10.77.0.2"], ["10.77.0.3"], ["10.77.0.4"], ["10.77.0.5"], ["10.77.0.6"]]
    with pytest.raises(Conflict, match=r"no free address is left between 10\.77\.0\.1 and 10\.77\.0\.6"):
        ipam.allocate(path, A, [LeaseRequest(SMALL)])
    ipam.release(path, "1" * 64)
    ipam.release(path, "3" * 64)
    assert ipam.allocate(path, A, [LeaseRequest(SMALL)]) == {"net": ["10.77.0.3"]}
    assert ipam.allocate(path, B, [LeaseRequest(SMALL)]) == {"net": ["10.77.0.5"]}


def test_a_released_address_is_not_given_again_at_once(path):
    for container in (A, B, C):
        wanted = {A: "10.77.0.2", B: "10.77.0.3", C: "10.77.0.4"}[container]
        assert ipam.allocate(path, container, [LeaseRequest(SMALL)]) == {"net": [wanted]}
        ipam.release(path, container)


def test_static_addresses_and_several_subnets(path):
    dual = network(Subnet("10.77.0.0/24", "10.77.0.1"), Subnet("fd77::/64", "fd77::1"))
    assert ipam.allocate(path, A, [LeaseRequest(dual, ("fd77::20",))]) == {"net": ["10.77.0.2", "fd77::20"]}
    with pytest.raises(Conflict, match="fd77::20 is taken by container aaaaaaaaaaaa"):
        ipam.allocate(path, B, [LeaseRequest(dual, ("fd77::20",))])
    assert ipam.held(path, B) == {}, "nothing is recorded of a request that failed"
    assert ipam.allocate(path, B, [LeaseRequest(dual)]) == {"net": ["10.77.0.3", "fd77::2"]}
    for bad in ("10.78.0.5", "10.77.0.1", "nonsense"):
        with pytest.raises(BadInput):
            ipam.allocate(path, C, [LeaseRequest(dual, (bad,))])


def test_one_request_of_several_networks_is_all_or_nothing(path):
    full = network(Subnet("10.78.0.0/30", "10.78.0.1"), name="full")
    ipam.allocate(path, A, [LeaseRequest(full)])
    with pytest.raises(Conflict):
        ipam.allocate(path, B, [LeaseRequest(SMALL), LeaseRequest(full)])
    assert ipam.held(path, B) == {}


def test_asking_again_gives_the_old_lease_back_first(path):
    ipam.allocate(path, A, [LeaseRequest(SMALL)])
    ipam.allocate(path, A, [LeaseRequest(SMALL)])
    assert ipam.holders_by_network(path) == {"net": {A: ["10.77.0.3"]}}
    assert ipam.allocate(path, A, [LeaseRequest(SMALL, ("10.77.0.3",))]) == {"net": ["10.77.0.3"]}


def test_the_range_is_kept_and_a_changed_range_is_obeyed(path):
    ranged = network(Subnet("10.77.0.0/24", "10.77.0.1", "10.77.0.129", "10.77.0.255"))
    assert ipam.allocate(path, A, [LeaseRequest(ranged)]) == {"net": ["10.77.0.129"]}
    moved = network(Subnet("10.77.0.0/24", "10.77.0.1", "10.77.0.10", "10.77.0.11"))
    assert ipam.allocate(path, B, [LeaseRequest(moved)]) == {"net": ["10.77.0.10"]}
    last = network(Subnet("10.79.0.0/24", "10.79.0.1", "10.79.0.254", "10.79.0.255"), name="last")
    assert ipam.allocate(path, A, [LeaseRequest(last)]) == {"last": ["10.79.0.254"]}
    with pytest.raises(Conflict):
        ipam.allocate(path, B, [LeaseRequest(last)])  # .255 is the broadcast address


def test_the_records_are_podmans(path):
    ipam.allocate(path, A, [LeaseRequest(SMALL)])
    assert boltfile.load(path) == {
        b"net": {
            b"10.77.0.0/29": {b"lastIP": bytes([10, 77, 0, 2]), bytes([10, 77, 0, 2]): A.encode()},
            b"ids": {A.encode(): b'["10.77.0.2"]'},
        }
    }


def test_networks_without_leases_and_missing_files(path):
    none = network(driver="none", name="none")
    assert ipam.allocate(path, A, [LeaseRequest(none)]) == {"none": []}
    ipam.release(path, A)
    ipam.forget_network(path, "net")
    assert ipam.held(path, A) == {}


def test_a_lease_that_its_list_lost_is_released_too(path):
    ipam.allocate(path, A, [LeaseRequest(SMALL)])
    with boltfile.opened(path) as database:
        del database[b"net"][b"ids"][A.encode()]
    ipam.release(path, A)
    assert b"\x0a\x4d\x00\x02" not in boltfile.load(path)[b"net"][b"10.77.0.0/29"]


def test_foreign_nonsense_is_named(path, tmp_path):
    ipam.allocate(path, A, [LeaseRequest(SMALL)])
    with boltfile.opened(path) as database:
        database[b"net"][b"ids"][A.encode()] = b"{"
    with pytest.raises(Corrupt, match="not JSON"):
        ipam.holders_by_network(path)
    (tmp_path / "not.db").write_bytes(b"x" * 10000)
    with pytest.raises(Corrupt, match="no bolt database"):
        ipam.holders_by_network(str(tmp_path / "not.db"))
