"""One container on one network: what a wish comes to, and how the files in the container follow."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import rewiring
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.endpoint_plan import (
    EndpointView,
    EndpointWish,
    plan,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.name_files import merged

OWN = ("0123456789ab", "page")
FRONT = {"aliases": ["www", *OWN], "interface_name": "eth0"}
BACK = {
    "static_ips": ["10.78.0.9", "fd78::9"],
    "aliases": list(OWN),
    "static_mac": "02:42:ac:11:00:02",
    "interface_name": "eth1",
}


def view(*names, attached=None):
    networks = {name: {"front": FRONT, "back": BACK}[name] for name in names}
    return EndpointView("web", networks, None if attached is None else frozenset(attached), OWN)


#: What is there, the wish, the changed options (None: nothing to do), and the endpoint afterwards.
TABLE = [
    (("front",), {"network": "front"}, None, None),
    (("front",), {"network": "front", "aliases": ("www",)}, None, None),
    (("front",), {"network": "front", "aliases": ("www", "page")}, None, None),
    (("back",), {"network": "back", "ip": "10.78.0.9", "mac": "02:42:ac:11:00:02", "interface": "eth1"}, None, None),
    (("front",), {"network": "back", "present": False}, None, None),
    ((), {"network": "front"}, [], {"aliases": list(OWN), "interface_name": "eth7"}),
    (
        (),
        {"network": "front", "aliases": ("a",), "ip": "10.77.0.5", "ip6": "fd77::5", "interface": "front0"},
        [],
        {"static_ips": ["10.77.0.5", "fd77::5"], "aliases": ["a", *OWN], "interface_name": "front0"},
    ),
    (("front",), {"network": "front", "aliases": ()}, ["aliases"], {"aliases": list(OWN), "interface_name": "eth0"}),
    (("back",), {"network": "back", "ip": ""}, ["ip"], {**BACK, "static_ips": ["fd78::9"]}),
    (("back",), {"network": "back", "ip6": "fd78::8"}, ["ip6"], {**BACK, "static_ips": ["10.78.0.9", "fd78::8"]}),
    (("back",), {"network": "back", "interface": "b0"}, ["interface_name"], {**BACK, "interface_name": "b0"}),
    (
        ("back",),
        {"network": "back", "mac": "", "ip": "", "ip6": ""},
        ["ip", "ip6", "mac_address"],
        {"aliases": list(OWN), "interface_name": "eth1"},
    ),
]


@pytest.mark.parametrize(("there", "wish", "changed", "after"), TABLE)
def test_what_a_wish_comes_to(there, wish, changed, after):
    made = plan(view(*there, attached=there), EndpointWish(**wish), "eth7")
    if changed is None:
        assert not made.plan.changed and made.networks is None
        return
    assert made.plan.changed and [change.option for change in made.plan.changes] == changed
    assert made.networks == {**view(*there).networks, wish["network"]: after}
    again = EndpointView("web", made.networks, frozenset(made.networks), OWN)
    assert not plan(again, EndpointWish(**wish), "eth7").plan.changed


def test_one_that_was_interrupted_is_attached_again():
    made = plan(view("front", "back", attached=("front",)), EndpointWish("back"), "eth7")
    assert made.plan.render() == {"before": {"attached": False}, "after": {"attached": True}}
    assert made.networks == view("front", "back").networks


def test_leaving_leaves_the_others():
    made = plan(view("front", "back"), EndpointWish("front", present=False), "eth7")
    assert list(made.networks) == ["back"]
    assert [str(step) for step in made.plan.steps] == ["detach container web from network front"]


OLD, NEW = "127.0.0.1\tlocalhost\n10.77.0.2\tweb\n", "127.0.0.1\tlocalhost\n10.78.0.2\tweb\n"


@pytest.mark.parametrize(
    ("current", "first", "expected"),
    [
        (OLD, False, NEW),
        (OLD + "192.0.2.9 mine\n", False, "127.0.0.1\tlocalhost\n192.0.2.9 mine\n10.78.0.2\tweb\n"),
        (OLD + "192.0.2.9 mine", True, "10.78.0.2\tweb\n127.0.0.1\tlocalhost\n192.0.2.9 mine\n"),
        ("", False, "10.78.0.2\tweb\n"),
        (NEW + "x y\n", False, NEW + "x y\n"),
    ],
)
def test_files_follow_and_keep_what_others_wrote(current, first, expected):
    assert merged(current, OLD, NEW, first) == expected


def row(networks, mode="bridge"):
    return {"id": "0123456789ab" + "0" * 52, "createNetNS": True, "networkMode": mode, "newNetworks": networks}


MADE_UP = "0" * 12
REWIRED = [
    ({"front": FRONT}, {"front": {}, "back": {"aliases": [MADE_UP]}}, {"network"}, {
        "front": FRONT, "back": {"aliases": [OWN[0]], "interface_name": "eth1"}}),
    ({"front": FRONT, "back": BACK}, {"back": {}}, {"network"}, {"back": BACK}),
    ({"back": BACK}, {"front": {"aliases": ["x", MADE_UP], "interface_name": "f0"}}, {"network"}, {
        "front": {"aliases": ["x", OWN[0]], "interface_name": "f0"}}),
    ({"front": FRONT}, {"front": {"aliases": ["new", MADE_UP]}}, {"network_aliases"}, {
        "front": {"aliases": ["new", OWN[0]], "interface_name": "eth0"}}),
    ({"back": BACK}, {"back": {"static_ips": ["10.78.0.5"]}}, {"ip"}, {
        "back": {**BACK, "static_ips": ["10.78.0.5", "fd78::9"]}}),
    ({"back": BACK}, {"back": {}}, {"ip", "ip6", "mac_address"}, {
        "back": {"aliases": list(OWN), "interface_name": "eth1"}}),
    ({"front": FRONT}, {"front": {"interface_name": "f0"}}, {"network_interface"}, {
        "front": {**FRONT, "interface_name": "f0"}}),
    ({"front": {**FRONT, "interface_name": "f0"}}, {"front": {"interface_name": "eth0"}}, {"network_interface"}, {
        "front": FRONT}),
]  # fmt: skip


@pytest.mark.parametrize(("had", "wanted", "options", "after"), REWIRED)
def test_what_a_container_task_makes_of_the_networks(had, wanted, options, after):
    built = {**row(wanted), "id": "0" * 64}
    assert rewiring.networks(row(had), built, options) == after
    assert all(rewiring.possible(option, row(had), built, options | {"network"}) for option in options)


@pytest.mark.parametrize(
    ("config", "built", "compared", "answer"),
    [
        (row({"a": {}}), row({"b": {}}), {"ip"}, False),  # the task means another network without naming it
        (row({"a": {}}), row({"a": {}}), {"ip"}, True),
        (row({"a": {}}), row({}, mode="pasta"), {"network"}, False),
        (row({}, mode="slirp4netns"), row({"a": {}}), {"network"}, False),
        (row({"a": {}}), {"createNetNS": False}, {"network"}, False),
        ({"createNetNS": False, "netNsCtr": "x"}, row({"a": {}}), {"network"}, False),
    ],
)
def test_what_takes_a_new_container(config, built, compared, answer):
    assert rewiring.possible("ip", config, built, compared) is answer
    assert not rewiring.possible("env", config, built, compared)
