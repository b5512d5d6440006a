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
    ({"ipam_driver": "none"}, {"ipam_driver": "host-local"}, "ipam_driver"),
    ({"label": {"a": "x"}}, {"label": {"a": "X"}}, "label"),
    ({"label": {"a": "x"}}, {}, "label"),
    ({"opt": {"mtu": 1400}}, {"opt": {"driver_mtu": "1300"}}, "opt"),
    ({"opt": {"isolate": True}}, {"opt": {"isolate": False}}, "opt"),
    ({"opt": {"metric": 7}}, {}, "opt"),
    ({"opt": {"bridge_name": "br79"}}, {"interface_name": "br80"}, "interface_name"),
    ({"macvlan": "eth0", "subnet": "10.79.0.0/24"}, {"driver": "bridge", "subnet": "10.79.0.0/24"}, "driver"),
]
#: What netavark of Debian 12 does not know.
NEWER = [
    (
        {"subnet": "10.77.0.0/24", "route": ["10.9.0.0/16,10.77.0.3"]},
        {"subnet": "10.77.0.0/24", "route": ["10.9.0.0/16,10.77.0.3,5"]},
        "route",
    ),
    ({"opt": {"isolate": True}}, {"opt": {"isolate": "strict"}}, "opt"),
    ({"opt": {"no_default_route": True}}, {"opt": {"no_default_route": False}}, "opt"),
    ({"opt": {"vlan": 5}}, {"opt": {"vlan": 6}}, "opt"),
    ({"opt": {"vrf": "red"}}, {"opt": {"vrf": "blue"}}, "opt"),
    (
        {"driver": "ipvlan", "subnet": "10.79.0.0/24", "opt": {"parent": "eth0", "mode": "l3"}},
        {"driver": "ipvlan", "subnet": "10.79.0.0/24", "opt": {"parent": "eth0", "mode": "l2"}},
        "opt",
    ),
]
#: Further ones that are tried by the engine itself, which is quicker, as root and as a plain user.
MORE = [
    ({"gateway": "10.77.0.9", "subnet": "10.77.0.0/24"}, {"subnet": "10.77.0.0/24"}, "subnet"),
    ({"subnet": "10.77.0.0/24", "ip_range": "10.77.0.9-10.77.0.19"}, {"subnet": "10.77.0.0/24"}, "subnet"),
    (
        {"net_config": [{"subnet": "10.77.0.0/24", "gateway": "10.77.0.1"}, {"subnet": "fd77::/64"}]},
        {"net_config": [{"subnet": "fd77::/64"}, {"subnet": "10.77.0.0/24", "gateway": "10.77.0.1"}]},
        None,
    ),
    ({"net_config": [{"subnet": "10.77.0.0/24"}, {"subnet": "10.78.0.0/24"}]}, {"subnet": "10.77.0.0/24"}, "subnet"),
    ({"subnet": "fd77::/64"}, {"subnet": "fd77::/64", "ipv6": True}, "subnet"),
    ({"internal": True}, {}, "internal"),
    ({"disable_dns": True}, {}, "disable_dns"),
    ({"ipv6": True}, {}, "ipv6"),
    ({"label": {"a": "1", "b": "2"}}, {"label": {"b": "2"}}, "label"),
    ({"opt": {"mtu": 1400, "isolate": True}}, {"opt": {"isolate": True}}, "opt"),
    ({"opt": {"mode": "unmanaged"}, "interface_name": "br81"}, {"interface_name": "br81"}, "opt"),
    ({"macvlan": "eth0", "subnet": "10.79.0.0/24"}, {"macvlan": "eth0", "subnet": "10.80.0.0/24"}, "subnet"),
    ({"macvlan": "eth0"}, {"macvlan": "eth0", "ipam_driver": "none"}, "ipam_driver"),
    (
        {"macvlan": "eth0", "opt": {"bclim": 4, "mode": "private", "metric": 3}},
        {"macvlan": "eth0", "opt": {"bclim": -1, "mode": "vepa"}},
        "opt",
    ),
    (
        {"driver": "macvlan", "opt": {"parent": "eth0", "mtu": 1300, "no_default_route": True}},
        {"driver": "macvlan", "opt": {"parent": "eth0"}},
        "opt",
    ),
    (
        {"driver": "macvlan", "interface_name": "eth0", "subnet": "10.79.0.0/24"},
        {"driver": "ipvlan", "interface_name": "eth0", "subnet": "10.79.0.0/24"},
        "driver",
    ),
]


def test_every_option(shared_machine):
    """Made, again (no change), changed in check mode and for real (the same difference), again, removed."""
    _try_options(shared_machine, OPTIONS)


def test_options_of_a_plain_user(machine):
    bridges = [row for row in OPTIONS if "macvlan" not in row[0]]
    _try_options(machine, bridges[::3], user="tester")


@pytest.mark.machine(os="debian13")
def test_options_that_netavark_of_debian_13_knows(machine):
    _try_options(machine, NEWER)


#: The module's own reconcile, in one process for the whole table; what Ansible adds to it is tried above.
IN_ONE_PROCESS = """
import types
for name in ("ansible", "ansible.module_utils", "ansible.module_utils.basic"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["ansible.module_utils.basic"].AnsibleModule = object
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import frame, network
class Delivery:
    home = None
NOUN, SESSION = frame.Noun("network", network.OPTIONS, network.reconcile), Session.open()
def task(options, check=False):
    params = {name: spec.get("default") for name, spec in network.OPTIONS.items()}
    request = frame.Request({**params, "name": "net", **options}, check=check, diff=True, delivery=Delivery())
    request._session = SESSION
    return network.reconcile(request).report(NOUN)
found = []
for first, second, option in TABLE:
    made = task(first)
    steps = {"made": made, "again": task(first), "again_check": task(first, check=True)}
    steps["foretold"] = task(second, check=True)
    steps["untouched"] = task(first, check=True)["network"] == made["network"]
    steps["done"], steps["done_again"] = task(second), task(second)
    steps["back"] = task(first)
    steps["absent_check"], steps["absent"] = task({"state": "absent"}, check=True), task({"state": "absent"})
    steps["absent_again"] = task({"state": "absent"})
    found.append(steps)
show(found)
"""


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "plain user"])
def test_the_whole_table(machine, inside, user):
    """Made, again, changed in check mode and for real, again, changed back, removed: all options, all drivers."""
    # A plain user's networks lie in a namespace that the first container makes: until then only lo is there for sure.
    uplink = _uplink(machine)
    table = [[*(_with_uplink(part, uplink) for part in row[:2]), row[2]] for row in (*OPTIONS, *NEWER, *MORE)]
    for row, steps in zip(table, inside(f"TABLE = {table!r}\n{IN_ONE_PROCESS}", user=user)):
        option = row[2]
        assert steps["made"]["changed"] and steps["untouched"], row
        assert not steps["again"]["changed"] and not steps["again_check"]["changed"], row
        assert steps["foretold"]["changed"] == steps["done"]["changed"] == (option is not None), row
        assert steps["foretold"].get("diff") == steps["done"].get("diff"), row
        assert steps["foretold"]["actions"] == steps["done"]["actions"], row
        if option:
            assert option in steps["done"]["diff"]["after"], (row, steps["done"]["diff"])
        assert not steps["done_again"]["changed"], row
        assert steps["back"]["changed"] == (option is not None), row
        kept = ("driver", "subnets", "routes", "options", "labels", "internal", "dns_enabled", "network_dns_servers")
        given = [key for key in kept if key != "subnets" or "subnet" in row[0] or "net_config" in row[0]]
        assert [steps["back"]["network"].get(key) for key in given] == [
            steps["made"]["network"].get(key) for key in given
        ], row
        assert steps["absent_check"]["changed"] and steps["absent"]["changed"], row
        assert not steps["absent_again"]["changed"], row
    assert machine.leaks() == {}


def _uplink(machine):
    return machine.sh("ip -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -1") or "lo"


def _try_options(machine, table, user=None):
    uplink = _uplink(machine)
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
        ({"subnet": "10.77.0.0/24", "route": ["10.9.0.0/16,10.77.0.3"]}, "too old for static routes"),
        ({"opt": {"isolate": "strict"}}, "too old for option isolate=strict"),
        ({"opt": {"no_default_route": True}}, "too old for option no_default_route"),
        ({"opt": {"vlan": 5}}, "too old for option vlan, which came with 1.14"),
        ({"opt": {"vrf": "red"}}, "too old for option vrf"),
        ({"opt": {"mode": "unmanaged"}}, "too old for option mode of bridges"),
        ({"ipam_driver": "dhcp"}, "too old for addresses by dhcp on a bridge"),
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
    if words.startswith("too old") and netavark(shared_machine) >= (1, 14):
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
