"""The module network against a real host: made, again, changed, check mode, diff, removed; podman looks on."""

from __future__ import annotations

import pytest


def test_create_again_change_check_remove(machine):
    wish = {"name": "web", "subnet": "10.77.0.0/24", "ip_range": "10.77.0.128/25", "label": {"a": "1"}}
    foretold = machine.task("network", wish, check=True)
    assert foretold["changed"] and foretold["network"] == {}
    assert foretold["diff"] == {"before": {"state": "absent"}, "after": {"state": "present"}}
    assert not machine.exists("/etc/containers/networks/web.json")
    made = machine.task("network", wish)
    assert made["changed"] and made["actions"] == ["create network web"]
    assert made["network"]["subnets"] == [
        {
            "subnet": "10.77.0.0/24",
            "gateway": "10.77.0.1",
            "lease_range": {"start_ip": "10.77.0.129", "end_ip": "10.77.0.255"},
        }
    ]
    assert made["network"] == machine.podman_json(["network", "inspect", "web"])[0]
    again = machine.task("network", wish)
    assert not again["changed"] and again["network"] == made["network"] and "diff" not in again
    assert not machine.task("network", {**wish, "subnet": "10.77.0.99/24", "ip_range": "10.77.0.129-10.77.0.255"})[
        "changed"
    ]

    labelled = {**wish, "label": {"b": "2"}}
    expected = {"before": {"label": {"a": "1"}}, "after": {"label": {"b": "2"}}}
    assert machine.task("network", labelled, check=True)["diff"] == expected
    changed = machine.task("network", labelled)
    assert changed["diff"] == expected
    assert changed["network"]["id"] == made["network"]["id"], "in place"
    assert changed["network"]["labels"] == {"b": "2"}
    assert not machine.task("network", labelled)["changed"]

    inner = {**labelled, "internal": True}
    assert machine.task("network", inner, check=True)["diff"]["after"] == {"internal": True}
    recreated = machine.task("network", inner)
    assert recreated["changed"] and recreated["network"]["internal"]
    assert recreated["network"]["network_interface"] == made["network"]["network_interface"]
    assert not machine.task("network", inner)["changed"]
    dropped = machine.task("network", labelled)
    assert dropped["diff"] == {"before": {"internal": True}, "after": {"internal": False}}, "an option left the task"

    assert machine.task("network", {"name": "web", "state": "absent"}, check=True)["changed"]
    assert machine.task("network", {"name": "web", "state": "absent"})["changed"]
    assert not machine.task("network", {"name": "web", "state": "absent"})["changed"]
    assert [item["name"] for item in machine.podman_json(["network", "inspect", "podman"])] == ["podman"]
    assert machine.leaks() == {}


OPTIONS = [
    ({"driver": "bridge"}, {}, None),
    ({"interface_name": "br77"}, {"interface_name": "br78"}, "interface_name"),
    ({"subnet": "10.77.0.0/24"}, {"subnet": "10.78.0.0/24"}, "subnet"),
    ({"subnet": "10.77.0.0/24"}, {"subnet": "10.77.0.0/24", "gateway": "10.77.0.9"}, "subnet"),
    ({"subnet": "10.77.0.0/24"}, {"subnet": "10.77.0.0/24", "ip_range": "10.77.0.64/26"}, "subnet"),
    (
        {"net_config": [{"subnet": "10.77.0.0/24"}, {"subnet": "fd77::/64"}]},
        {"net_config": [{"subnet": "10.77.0.0/24"}]},
        "subnet",
    ),
    ({"ipv6": True}, {"ipv6": False}, "ipv6"),
    ({"internal": True}, {"internal": False}, "internal"),
    ({"disable_dns": True}, {"disable_dns": False}, "disable_dns"),
    ({"dns": ["192.0.2.53"]}, {"dns": ["192.0.2.53", "192.0.2.54"]}, "dns"),
    ({"dns": ["192.0.2.53"]}, {}, "dns"),
    (
        {"subnet": "10.77.0.0/24", "route": ["10.9.0.0/16,10.77.0.3"]},
        {"subnet": "10.77.0.0/24", "route": ["10.9.0.0/16,10.77.0.3,5"]},
        "route",
    ),
    ({"ipam_driver": "none"}, {"ipam_driver": "host-local"}, "ipam_driver"),
    ({"label": {"a": "x"}}, {"label": {"a": "X"}}, "label"),
    ({"label": {"a": "x"}}, {}, "label"),
    ({"opt": {"mtu": 1400}}, {"opt": {"driver_mtu": "1300"}}, "opt"),
    ({"opt": {"isolate": True}}, {"opt": {"isolate": "strict"}}, "opt"),
    ({"opt": {"metric": 7}}, {}, "opt"),
    ({"opt": {"no_default_route": True}}, {"opt": {"no_default_route": False}}, "opt"),
    ({"opt": {"vlan": 5}}, {"opt": {"vlan": 6}}, "opt"),
    ({"opt": {"vrf": "red"}}, {"opt": {"vrf": "blue"}}, "opt"),
    ({"opt": {"bridge_name": "br79"}}, {"interface_name": "br80"}, "interface_name"),
    ({"macvlan": "eth0", "subnet": "10.79.0.0/24"}, {"driver": "bridge", "subnet": "10.79.0.0/24"}, "driver"),
]


def test_every_option(shared_machine):
    """Made, again (no change), changed in check mode and for real (the same difference), again, removed."""
    _try_options(shared_machine, OPTIONS)


def test_options_of_a_plain_user(machine):
    bridges = [row for row in OPTIONS if "macvlan" not in row[0]]
    _try_options(machine, bridges[::3], user="tester")


@pytest.mark.machine(os="debian13")
def test_ipvlan_where_netavark_knows_it(machine):
    _try_options(
        machine,
        [
            (
                {"driver": "ipvlan", "subnet": "10.79.0.0/24", "opt": {"parent": "eth0", "mode": "l3"}},
                {"driver": "ipvlan", "subnet": "10.79.0.0/24", "opt": {"parent": "eth0", "mode": "l2"}},
                "opt",
            )
        ],
    )


def _try_options(machine, table, user=None):
    uplink = machine.sh("ip -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -1") or "lo"
    for first, second, option in table:
        first, second = _with_uplink(first, uplink), _with_uplink(second, uplink)
        made = machine.task("network", {"name": "net", **first}, user=user)
        assert made["changed"], first
        assert made["network"] == machine.podman_json(["network", "inspect", "net"], user=user)[0], first
        assert not machine.task("network", {"name": "net", **first}, user=user)["changed"], first
        assert not machine.task("network", {"name": "net", **first}, user=user, check=True)["changed"], first
        foretold = machine.task("network", {"name": "net", **second}, user=user, check=True)
        shown = machine.podman_json(["network", "inspect", "net"], user=user)[0]
        assert shown == made["network"], "check mode changed something"
        done = machine.task("network", {"name": "net", **second}, user=user)
        assert foretold["changed"] == done["changed"] == (option is not None), (first, second)
        assert foretold.get("diff") == done.get("diff"), (first, second)
        if option:
            assert option in done["diff"]["after"], (first, second, done["diff"])
        assert not machine.task("network", {"name": "net", **second}, user=user)["changed"], second
        assert machine.task("network", {"name": "net", "state": "absent"}, user=user)["changed"]
    assert machine.leaks() == {}


def _with_uplink(options, uplink):
    text = {key: uplink if value == "eth0" else value for key, value in options.items()}
    if isinstance(text.get("opt"), dict):
        text["opt"] = _with_uplink(text["opt"], uplink)
    return text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "a b"}, "letters, digits"),
        ({"name": "../x"}, "letters, digits"),
        ({"name": "x" * 300}, "letters, digits"),
        ({"subnet": "10.77.0.0"}, "is not a subnet"),
        ({"subnet": "10.77.0.0/33"}, "is not a subnet"),
        ({"subnet": "nonsense/24"}, "is not a subnet"),
        ({"subnet": "10.88.5.0/24"}, "overlaps 10.88.0.0/16 of network podman"),
        ({"subnet": "10.77.0.0/24", "gateway": "10.78.0.1"}, "gateway 10.78.0.1 is not in subnet"),
        ({"subnet": "10.77.0.0/24", "gateway": "x"}, "'x' is not an IP address"),
        ({"subnet": "10.77.0.0/24", "ip_range": "10.78.0.0/25"}, "is not inside subnet"),
        ({"subnet": "10.77.0.0/24", "ip_range": "10.77.0.9-10.77.0.5"}, "runs backwards"),
        ({"gateway": "10.77.0.1"}, "missing parameter"),
        ({"net_config": [{"subnet": "10.77.0.0/24"}, {"subnet": "10.77.0.128/25"}]}, "overlap"),
        ({"interface_name": "way-too-long-interface"}, "is no interface name"),
        ({"interface_name": "podman0"}, "belongs to network podman"),
        ({"macvlan": "nosuch0"}, "parent interface nosuch0 does not exist"),
        ({"macvlan": "lo", "driver": "bridge"}, "macvlan is given with driver bridge"),
        ({"driver": "ipvlan"}, "cannot have its addresses by dhcp"),
        ({"driver": "ipvlan", "subnet": "10.77.0.0/24"}, "too old for driver ipvlan"),
        ({"opt": {"mtu": -4}}, "option mtu is '-4'"),
        ({"opt": {"vlan": 5000}}, "option vlan"),
        ({"opt": {"isolate": "perhaps"}}, "neither true nor false"),
        ({"opt": {"bclim": 5}}, "bridge networks have no option 'bclim'"),
        ({"opt": {"mode": "l3"}}, "option mode"),
        ({"dns": ["one.example"]}, "is not an IP address"),
        ({"dns": ["192.0.2.1"], "disable_dns": True}, "without dns"),
        ({"route": ["10.0.0.0/8"]}, "expected DESTINATION,GATEWAY"),
        ({"route": ["10.9.0.1/16,10.77.0.3"]}, "host bits set"),
        ({"route": ["fd00::/8,10.77.0.3"]}, "different IP versions"),
        ({"ipam_driver": "none", "subnet": "10.77.0.0/24"}, "subnets cannot be given"),
        ({"executable": "no-such-podman"}, "is not a program on this host"),
        ({"name": "podman", "state": "absent"}, "default network"),
    ],
)
def test_bad_input_is_one_clear_error_in_check_mode_too(shared_machine, options, words):
    wish = {"name": "bad", **options}
    if words.startswith("too old") and netavark(shared_machine) >= (1, 5):
        assert shared_machine.task("network", wish)["changed"]
        shared_machine.task("network", {"name": "bad", "state": "absent"})
        return
    real = shared_machine.task("network", wish, fails=True)
    assert words in real["msg"], real["msg"]
    if "missing parameter" not in words:
        assert shared_machine.task("network", wish, check=True, fails=True)["msg"] == real["msg"]
        assert "Traceback" not in real.get("exception", "")
    assert "bad" not in shared_machine.sh("ls -a /etc/containers/networks 2>/dev/null || true")


def netavark(machine):
    words = machine.sh("/usr/lib/podman/netavark --version").split()
    return tuple(int(part) for part in words[-1].split(".")[:2])


def test_podmans_networks_are_adopted_and_ours_are_podmans(machine):
    machine.podman(["network", "create", "--label", "made=by-podman", "--opt", "mtu=1400", "theirs"])
    adopted = machine.task("network", {"name": "theirs", "label": {"ours": "too"}})
    assert adopted["changed"]
    assert adopted["network"]["labels"] == {"made": "by-podman", "ours": "too"}
    dropped = machine.task("network", {"name": "theirs"})
    assert dropped["network"]["labels"] == {"made": "by-podman"}, "what others set stays"
    assert dropped["network"]["options"] == {"mtu": "1400"}
    made = machine.task("network", {"name": "ours"})["network"]
    listed = {item["name"]: item for item in machine.podman_json(["network", "ls", "--format", "json"])}
    assert sorted(listed) == ["ours", "podman", "theirs"]
    info = machine.task("network_info", {})["networks"]
    assert [item["name"] for item in info] == ["ours", "podman", "theirs"]
    assert machine.task("network_info", {"name": made["id"][:10]})["networks"] == [made]
    assert machine.task("network_info", {"name": "nothing"})["networks"] == []
    machine.podman(["network", "rm", "ours"])
    assert [item["name"] for item in machine.task("network_info", {})["networks"]] == ["podman", "theirs"]
    machine.write("/etc/containers/networks/broken.json", "{")
    assert len(machine.task("network_info", {})["networks"]) == 2
    assert "broken" in machine.task("network", {"name": "broken"}, fails=True)["msg"]
