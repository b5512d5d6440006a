# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""(what is, what is wished) -> what is done."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, InUse, Refused
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.addresses import HostNetworks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.draft import Draft, SubnetDraft, fill
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.network_file import ASKED, Route, from_json
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.settings import DEFAULT_POOLS
from ansible_collections.daemonless.oci.plugins.module_utils.engine.network.desired import Mode, NetworkDesired
from ansible_collections.daemonless.oci.plugins.module_utils.engine.network.observed import Observed, User
from ansible_collections.daemonless.oci.plugins.module_utils.engine.network.planner import needs_users, plan

HOST = HostNetworks((), frozenset())


def made_by(wish: NetworkDesired):
    """The network that a task with this wish creates."""
    draft = plan(wish, Observed(None), Mode()).draft
    assert draft is not None
    return fill(draft, [], HOST, DEFAULT_POOLS)


def wish(**options) -> NetworkDesired:
    return NetworkDesired("net", **options)


V4 = (SubnetDraft("10.77.0.0/24"),)
WISHES = [
    wish(),
    wish(subnets=V4),
    wish(subnets=(SubnetDraft("10.77.0.0/24", "10.77.0.9", "10.77.0.64/26"), SubnetDraft("fd77::/64")), ipv6=True),
    wish(ipv6=True),
    wish(ipv6=False, internal=False, dns_enabled=True, dns_servers=(), routes=(), labels={}, options={}),
    wish(internal=True, dns_enabled=False),
    wish(subnets=V4, internal=True, dns_enabled=False),
    wish(dns_servers=("192.0.2.1",)),
    wish(labels={"a": "b"}, options={"mtu": "1400", "isolate": "True"}),
    wish(options={"com.docker.network.bridge.name": "br5", "com.docker.network.driver.mtu": "1300"}),
    wish(routes=(Route("10.9.0.0/16", "10.77.0.3", 5), Route("10.8.0.0/16", "10.77.0.3"))),
    wish(driver="bridge", ipam_driver="none"),
    wish(driver="macvlan", subnets=V4),
    wish(driver="macvlan"),
    wish(driver="ipvlan", subnets=V4, options={"mode": "l3"}),
    wish(interface="br0", subnets=(SubnetDraft("fd77::/64"),)),
]


@pytest.mark.parametrize("first", WISHES)
def test_the_same_task_again_is_no_change(first):
    network = made_by(first)
    again = plan(first, Observed(network), Mode())
    assert again.verdict == "keep" and not again.plan.changed
    assert not needs_users(first, Observed(network), Mode())
    read_back = from_json(network.raw, "the file")
    assert not plan(first, Observed(read_back), Mode()).plan.changed


@pytest.mark.parametrize("first", WISHES)
@pytest.mark.parametrize("second", WISHES)
def test_any_change_converges_and_says_what_it_changes(first, second):
    network = made_by(first)
    made = plan(second, Observed(network), Mode())
    if made.verdict == "keep":
        return
    rendered = made.plan.render()
    assert rendered["before"] != rendered["after"]
    after = made.network if made.verdict == "update" else fill(made.draft, [], HOST, DEFAULT_POOLS)
    again = plan(second, Observed(after), Mode())
    assert not again.plan.changed, again.plan.changes


@pytest.mark.parametrize(
    ("first", "second", "verdict", "options"),
    [
        (wish(labels={"a": "1"}), wish(labels={"a": "2"}), "update", {"label"}),
        (wish(labels={"a": "1"}), wish(), "update", {"label"}),
        (wish(dns_servers=("192.0.2.1",)), wish(dns_servers=("192.0.2.2",)), "update", {"dns"}),
        (wish(dns_servers=("192.0.2.1",)), wish(), "update", {"dns"}),
        (wish(dns_servers=("192.0.2.1",)), wish(dns_enabled=False), "recreate", {"disable_dns", "dns"}),
        (wish(), wish(internal=True), "recreate", {"internal"}),
        (wish(internal=True), wish(), "recreate", {"internal"}),
        (wish(internal=False), wish(), "keep", set()),
        (wish(subnets=V4), wish(), "keep", set()),
        (wish(subnets=(SubnetDraft("10.77.0.0/24", "10.77.0.9"),)), wish(subnets=V4), "recreate", {"subnet"}),
        (wish(subnets=V4), wish(subnets=(SubnetDraft("10.77.0.200/24", "10.77.0.1"),)), "keep", set()),
        (
            wish(subnets=(SubnetDraft("10.77.0.0/24", "", "10.77.0.64/26"),)),
            wish(subnets=(SubnetDraft("10.77.0.0/24", "", "10.77.0.65-10.77.0.127"),)),
            "keep",
            set(),
        ),
        (wish(subnets=V4, ipv6=True), wish(subnets=V4), "recreate", {"ipv6", "subnet"}),
        (wish(options={"mtu": "1400"}), wish(options={"mtu": "01400"}), "keep", set()),
        (wish(options={"isolate": "true"}), wish(options={"isolate": "1"}), "keep", set()),
        (wish(options={"mtu": "1400"}), wish(), "recreate", {"opt"}),
        (wish(driver="macvlan", subnets=V4), wish(subnets=V4), "recreate", {"driver", "disable_dns"}),
        (wish(interface="br0"), wish(), "keep", set()),
    ],
)
def test_what_each_difference_takes(first, second, verdict, options):
    made = plan(second, Observed(made_by(first)), Mode())
    assert made.verdict == verdict
    assert {change.option for change in made.plan.changes} == options


def test_what_podman_made_and_nobody_mentioned_is_left_alone():
    theirs = fill(
        Draft("net", internal=True, labels={"x": "y"}, options={"mtu": "1400"}, dns_servers=("192.0.2.1",)),
        [],
        HOST,
        DEFAULT_POOLS,
    )
    assert ASKED not in theirs.raw
    assert plan(wish(), Observed(theirs), Mode()).verdict == "keep"
    made = plan(wish(labels={"a": "b"}), Observed(theirs), Mode())
    assert made.network.labels == {"x": "y", "a": "b"}
    replaced = plan(wish(options={"isolate": "true"}), Observed(theirs), Mode()).draft
    assert replaced.options == {"mtu": "1400", "isolate": "true"}
    assert replaced.labels == {"x": "y"} and replaced.internal and replaced.dns_servers == ("192.0.2.1",)
    assert [subnet.subnet for subnet in replaced.subnets] == [subnet.subnet for subnet in theirs.subnets]


ATTACHED = (User("1" * 64, "db", True), User("2" * 64, "stopped", False))


def test_attached_containers_stop_a_replacement_unless_the_task_insists():
    observed = Observed(made_by(wish()), users=ATTACHED)
    with pytest.raises(InUse, match=r"change internal of network net: .*attached: db\."):
        plan(wish(internal=True), observed, Mode())
    for mode in (Mode(recreate=True), Mode(force=True)):
        steps = [str(step) for step in plan(wish(internal=True), observed, mode).plan.steps]
        assert steps == ["detach container db", "recreate network net", "attach container db"]
    stopped_only = observed._replace(users=ATTACHED[1:])
    assert plan(wish(internal=True), stopped_only, Mode()).verdict == "recreate"
    assert plan(wish(labels={"a": "b"}), observed, Mode()).verdict == "update"


def test_recreate_is_a_change_even_when_nothing_differs():
    made = plan(wish(), Observed(made_by(wish())), Mode(recreate=True))
    assert made.verdict == "recreate" and made.plan.changed
    assert made.plan.render()["before"] != made.plan.render()["after"]


def test_removal():
    network = made_by(wish())
    assert not plan(wish(), Observed(None), Mode(present=False)).plan.changed
    assert plan(wish(), Observed(network), Mode(present=False)).verdict == "remove"
    with pytest.raises(InUse, match="containers use it: db, stopped"):
        plan(wish(), Observed(network, users=ATTACHED), Mode(present=False))
    forced = plan(wish(), Observed(network, users=ATTACHED), Mode(present=False, force=True))
    assert forced.remove_containers == ("db", "stopped")
    with pytest.raises(Refused, match="default network"):
        plan(wish(), Observed(network, is_default=True), Mode(present=False, force=True))


def test_a_wish_that_contradicts_itself():
    network = made_by(wish())
    with pytest.raises(BadInput, match="without dns"):
        plan(wish(dns_enabled=False, dns_servers=("192.0.2.1",)), Observed(network), Mode())
    with pytest.raises(BadInput, match="no option"):
        plan(wish(options={"bclim": "3"}), Observed(network), Mode())
