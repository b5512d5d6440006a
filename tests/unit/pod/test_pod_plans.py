"""What is compared with what, and what comes of it: the pod planner as a table."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.values import replace
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import config, membership, pod_group
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.surroundings import (
    Birth,
    HostFacts,
    Peer,
    Surroundings,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.pod import (
    model,
    moving,
    params,
    planner,
    rows,
    update,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.pod.desired import PodFlags
from ansible_collections.daemonless.oci.tests.unit.container import recorded

AROUND = Surroundings(image=None)
RUNNING = (planner.MemberSeen("web", "running"),)


def wish(**options):
    return params.parse({"name": "shop", **options})


def seen(desired, members=(), infra_status="running", noted=True):
    """A pod as this collection would have made it; not `noted`: as podman would have."""
    built = planner.build(desired, AROUND)
    pod = json.loads(json.dumps(built.pod))
    if built.infra is None:
        return planner.PodSeen(pod, None, "", "", members)
    infra = update.noted(built.infra, planner.notes(desired)) if noted else built.infra
    return planner.PodSeen(pod, json.loads(json.dumps(infra)), infra_status, infra["name"], members)


def plan(found, desired, state="created", **flags):
    return planner.plan(found, desired, PodFlags(state, **flags), AROUND)


SAME = [
    ({"memory": "64m"}, {"memory": "0.0625g"}),
    ({"publish": ["8080:80"]}, {"publish": ["0.0.0.0:8080:80/tcp"]}),
    ({"share": "ipc,net,uts"}, {"share": "uts, net,ipc"}),
    ({"share": "+pid"}, {"share": "ipc,net,uts,pid"}),
    ({"restart_policy": "on-failure:3"}, {"restart_policy": "on_failure:3"}),
    ({"label": {"a": "1"}}, {"label": {"a": 1}}),
    ({"cpus": "0.5"}, {"cpus": "0.50"}),
    ({"network": ["net"], "network_alias": ["b", "a"]}, {"network": ["net"], "network_alias": ["a", "b"]}),
    ({"no_hosts": True}, {"no_hosts": True}),
    ({"no_hosts": False}, {}),
    ({"volume": ["/srv:/srv"], "label": {"a": "b"}}, {}),  # one that mentions nothing describes nothing
]
CHANGED = [
    ({"label": {"a": "b"}}, {"label": {"a": "c"}}, ["label"], planner.UPDATE),
    ({"memory": "64m", "dns": ["1.1.1.1"]}, {"dns": ["1.1.1.1"]}, ["memory"], planner.UPDATE),
    ({"exit_policy": "stop"}, {"exit_policy": "continue"}, ["exit_policy"], planner.UPDATE),
    ({"restart_policy": "always"}, {"restart_policy": "no"}, ["restart_policy"], planner.UPDATE),
    ({"infra_name": "one"}, {"infra_name": "two"}, ["infra_name"], planner.UPDATE),
    ({"publish": ["8080:80"]}, {"publish": ["8081:80"]}, ["publish"], planner.REPLACE),
    ({"publish": ["8080:80"], "hostname": "h"}, {"hostname": "h"}, ["publish"], planner.REPLACE),
    ({"dns": ["1.1.1.1"]}, {"dns": ["8.8.8.8"], "label": {"a": "b"}}, ["dns", "label"], planner.REPLACE),
    ({"share": "ipc,net,uts"}, {"share": "ipc,net"}, ["share"], planner.REPLACE),
    ({"share_parent": False}, {"share_parent": True}, ["share_parent"], planner.REPLACE),
    ({"sysctl": {"net.core.somaxconn": "1"}}, {"sysctl": {"net.core.somaxconn": "2"}}, ["sysctl"], planner.REPLACE),
    ({"infra": True}, {"infra": False}, ["infra"], planner.REPLACE),
    (
        {"network": ["net"], "network_alias": ["a"]},
        {"network": ["net"], "network_alias": ["b"]},
        ["network_aliases"],
        planner.REPLACE,
    ),
    ({"no_hosts": True}, {"no_hosts": False}, ["no_hosts"], planner.REPLACE),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_no_change(first, second):
    assert not plan(seen(wish(**first)), wish(**second)).changed
    if second:
        assert not plan(seen(wish(**first), noted=False), wish(**second)).changed


@pytest.mark.parametrize(("first", "second", "options", "step"), CHANGED)
def test_change(first, second, options, step):
    made = plan(seen(wish(**first)), wish(**second))
    assert ([change.option for change in made.changes], [one.name for one in made.steps]) == (options, [step])


def test_what_podman_made_is_left_where_the_task_says_nothing_of_it():
    found = seen(wish(publish=["8080:80"], infra_name="mine", share="net"), noted=False)
    assert not plan(found, wish(publish=["8080:80"])).changed
    replaced = plan(found, wish(dns=["1.1.1.1"]))
    assert [change.option for change in replaced.changes] == ["dns", "publish"]  # what gets lost is said


@pytest.mark.parametrize(
    ("before", "after"),
    [({"share": "ipc,net"}, {"share": "ipc"}), ({"infra": True}, {"infra": False}), ({}, {"share": "none"})],
)
def test_refused_with_members(before, after):
    assert plan(seen(wish(**before), RUNNING), wish(**after)).refused


STATES = [
    ("created", (), "created", []),
    ("started", (), "created", ["start"]),
    ("started", (("exited", False),), "running", ["start"]),
    ("started", (("exited", True), ("running", False)), "running", []),
    ("started", (("exited", True),), "exited", ["start"]),
    ("started", (("paused", False),), "paused", ["unpause"]),
    ("paused", (("running", False),), "running", ["pause"]),
    ("paused", (("paused", False),), "paused", []),
    ("paused", (("created", False),), "created", ["start", "pause"]),
    ("unpaused", (("running", False),), "running", []),
    ("restarted", (("running", False),), "running", ["restart"]),
    ("stopped", (("running", False),), "running", ["stop"]),
    ("stopped", (("exited", False),), "exited", []),
    ("killed", (("running", False),), "exited", ["kill"]),
    ("absent", (("running", False),), "running", ["stop", "remove"]),
]


@pytest.mark.parametrize(("state", "members", "infra", "steps"), STATES)
def test_states(state, members, infra, steps):
    found = tuple(planner.MemberSeen(f"c{n}", word, done=done) for n, (word, done) in enumerate(members))
    made = plan(seen(wish(), found, infra), wish(), state)
    assert [step.name for step in made.steps] == steps


@pytest.mark.parametrize(("state", "steps"), [("created", [planner.REPLACE]), ("started", [planner.REPLACE])])
def test_recreate(state, steps):
    members = (planner.MemberSeen("web", "running"),)
    assert [step.name for step in plan(seen(wish(), members), wish(), state, recreate=True).steps] == steps


def test_a_lost_infra_container_is_made_again():
    found = seen(wish(), RUNNING)._replace(infra=None, infra_status="", infra_name="")
    assert [step.name for step in plan(found, wish()).steps] == [planner.INFRA]


@pytest.mark.parametrize(
    "options",
    [
        {"share": "everything"},
        {"exit_policy": "perhaps"},
        {"infra": False, "publish": ["80"]},
        {"share": "none", "dns": ["1.1.1.1"]},
        {"name": "../x"},
        {"infra_name": "a/b"},
        {"network": ["container:x"]},
        {"memory": "much"},
        {"publish": ["99999999:80"]},
        {"blkio_weight_device": ["/dev/sda"]},
        {"label": "nonsense here"},
    ],
)
def test_bad_input(options):
    with pytest.raises(BadInput):
        params.parse({"name": "shop", **options})


def test_limits_need_controllers():
    bare = Surroundings(image=None, host=HostFacts(controllers=frozenset()))
    with pytest.raises(HostLacks, match="memory"):
        planner.build(wish(memory="64m"), bare)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], "Created"),
        (["created", "created"], "Created"),
        (["running", "running"], "Running"),
        (["running", "exited"], "Degraded"),
        (["paused", "paused"], "Paused"),
        (["exited", "exited"], "Exited"),
        (["exited", "created"], "Stopped"),
        (["unknown", "created"], "Error"),
    ],
)
def test_status(words, status):
    assert model.status_of(words) == status


def side(desired, pod_id, infra_id):
    pod = rows.config(desired, AROUND.host, (pod_id, 1, "now"))
    base = replace(rows.infra_wish(desired, pod_id, "/rootfs"), name=infra_id[:8])
    built = config.build(base, rows.within(AROUND, pod), Birth(id=infra_id)).config
    return moving.Side(pod, built, rows.cgroup_path(pod))


def member(under, **options):
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import params as containers

    peer = Peer(str(under.infra["id"]), "infra", under.infra)
    shares = membership.shares_of(under.pod)
    pod = membership.PodFacts("p" * 64, "shop", peer, shares, under.cgroup, hostname=under.pod.get("hostname", ""))
    around = replace(recorded.around(), pod=pod)
    return config.build(containers.parse({"name": "web", "image": "localhost/bb:1", **options}), around).config


MOVES = [
    ({}, {}),
    ({}, {"share": "net"}),
    ({"share": "net"}, {"share": "net,ipc,uts,pid"}),
    ({"share": "+pid"}, {"share": "net,ipc"}),
    ({"hostname": "a"}, {"hostname": "b"}),
    ({"network": ["host"]}, {}),
    ({}, {"network": ["host"]}),
    ({"uts": "host"}, {}),
    ({"volume": ["/a:/a"]}, {"volume": ["/b:/b"]}),
    ({"share_parent": False}, {}),
]


@pytest.mark.parametrize(("first", "second"), MOVES)
def test_a_moved_container_is_what_it_would_be_if_made_there(first, second):
    before, after = side(wish(**first), "p" * 64, "1" * 64), side(wish(**second), "p" * 64, "2" * 64)
    moved, made = moving.moved(member(before), before, after), member(after)
    for row in (moved, made):
        row["spec"]["linux"]["namespaces"].sort(key=str)
        row["spec"]["mounts"].sort(key=lambda mount: mount["destination"])
        row["spec"]["linux"].pop("sysctl", None)  # the defaults for a new container's own namespaces
        row.pop("networkMode", None)
    assert moved == made


def test_what_a_member_has_of_its_own_stays_so():
    before, after = side(wish(), "p" * 64, "1" * 64), side(wish(), "p" * 64, "2" * 64)
    moved = moving.moved(member(before, ipc="private", volume=["/mine:/a"]), before, after)
    assert "ipcNsCtr" not in moved and moved["netNsCtr"] == "2" * 64 and moved["userVolumes"] == ["/a"]


def test_limits_that_are_set():
    assert pod_group.limits_of(planner.build(wish(), AROUND).pod) == {}
    assert pod_group.limits_of(planner.build(wish(memory="64m"), AROUND).pod)["memory"]["limit"] == 67108864


def test_what_is_filled_in_is_not_remembered_as_mentioned():
    found = seen(wish(infra_name="mine", share="net"), noted=False)
    filled = planner.completed(wish(label={"a": "b"}), found)
    assert (filled.infra_name, filled.share) == ("mine", frozenset({"net"}))
    assert planner.notes(filled) == ("pod.label",)
