"""What is compared with what, and what comes of it: the container planner as a table."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Conflict
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import config, effective, params, planner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.desired import ContainerFlags
from ansible_collections.daemonless.oci.tests.unit.container import recorded

IMAGE = "localhost/bb:1"


def wish(**options):
    return params.parse({"name": "web", "image": IMAGE, **options}, recorded.FILES)


def made(desired, around=None):
    """A container as this collection would have made it."""
    row = config.build(desired, around or recorded.around(), notes=effective.keys_of(desired)).config
    return planner.Observed("id", json.loads(json.dumps(row)), "running")


def plan(observed, desired, flags=None, around=None, **world):
    known = planner.World(around or recorded.around(), **world)
    return planner.plan(observed, desired, flags or ContainerFlags(), known)


def options_changed(before, after):
    return [change.option for change in plan(made(wish(**before)), wish(**after)).changes]


# Two spellings of one wish. Several of these make the collection we replace restart the container on every run.
SAME = [
    ({"memory": "512m"}, {"memory": "0.5g"}),
    ({"memory": "512m"}, {"memory": "536870912"}),
    ({"memory": "512m", "memory_swap": "-1"}, {"memory": "512m", "memory_swap": "-1"}),
    ({"memory_swap": "-1"}, {}),
    ({"pids_limit": "-1"}, {"pids_limit": "0"}),
    ({"pids_limit": "-1"}, {"pids_limit": "unlimited"}),
    ({"cpu_quota": -1}, {}),
    ({"cpus": "0.5"}, {"cpu_quota": 50000, "cpu_period": 100000}),
    ({"cpus": "1"}, {"cpus": "1.0"}),
    ({"cpuset_cpus": "0,1,2"}, {"cpuset_cpus": "0-2"}),
    ({"oom_score_adj": -5}, {"oom_score_adj": "-5"}),
    ({"cap_add": ["all"]}, {"cap_add": ["ALL"]}),
    ({"cap_add": ["net_admin"]}, {"cap_add": ["CAP_NET_ADMIN", "NET_ADMIN"]}),
    ({"cap_drop": ["mknod"]}, {}),  # not among the default ones
    ({"healthcheck": '["/bin/ls", "/"]'}, {"healthcheck": "CMD /bin/ls /"}),
    ({"healthcheck": "none"}, {"no_healthcheck": True}),
    ({"healthcheck": "none"}, {}),
    ({"healthcheck": "ls /", "healthcheck_interval": "60s"}, {"healthcheck": "ls /", "healthcheck_interval": "1m"}),
    ({"publish": ["8080:80"]}, {"publish": ["0.0.0.0:8080:80/tcp"]}),
    ({"publish": ["8080-8082:80-82"]}, {"ports": ["8081:81", "8080:80", "8082:82"]}),
    ({"publish": ["8080:80"], "network": ["host"]}, {"network": ["host"]}),
    ({"mount": ["type=bind,src=/a,dst=/b"]}, {"mount": ["type=bind,source=/a,destination=/b"]}),
    ({"mount": ["type=bind,src=/a,dst=/b,ro"]}, {"volume": ["/a:/b:ro"]}),
    ({"mount": ["type=volume,source=v,target=/b"]}, {"volume": ["v:/b"]}),
    ({"mount": ["type=tmpfs,dst=/t,tmpfs-size=1m"]}, {"tmpfs": {"/t": "size=1024k"}}),
    ({"volume": ["/a:/b:ro,z"]}, {"volume": ["/a/:/b/:z,ro"]}),
    ({"volume": ["/a:/b", "/c:/d"]}, {"volume": ["/c:/d:rw", "/a:/b:rprivate"]}),
    ({"volume": ["/b"]}, {"mount": ["type=volume,target=/b"]}),
    ({"privileged": False, "read_only": False, "tty": False, "init": False, "rm": False}, {}),
    ({"http_proxy": False}, {}),
    ({"env": {"A": 1}}, {"env": {"A": "1"}}),
    ({"env": {}}, {}),
    ({"command": "sh -c 'echo hello world'"}, {"command": ["sh", "-c", "echo hello world"]}),
    ({"entrypoint": "/bin/ls", "command": ["/"]}, {"entrypoint": '["/bin/ls"]', "command": "/"}),
    ({"entrypoint": ["sh", "-c"], "command": ["x"]}, {"command": ["sh", "-c", "x"]}),
    ({"stop_signal": 15}, {"stop_signal": "SIGTERM"}),
    ({"stop_signal": "SIGQUIT"}, {}),  # what the image says
    ({"user": "root"}, {"user": "0"}),
    ({"user": "0:0"}, {}),
    ({"workdir": "/srv/"}, {"workdir": "/srv"}),
    ({"restart_policy": "no"}, {}),
    ({"restart_policy": "on-failure:3"}, {"restart_policy": "on_failure:3"}),
    ({"network": ["bridge"]}, {"network": ["podman"]}),
    ({"network": ["podman"], "ip": "10.88.0.9"}, {"network": ["podman:ip=10.88.0.9"]}),
    ({"network": ["podman:alias=a", "net2"]}, {"network": ["net2", "podman:alias=a"]}),
    ({"network_aliases": ["b", "a"]}, {"network_aliases": ["a", "b"]}),
    ({"mac_address": "02-00-00-00-00-0A"}, {"mac_address": "02:00:00:00:00:0a"}),
    ({"ulimit": ["nofile=100:200", "core=0"]}, {"ulimit": ["core=0:0", "RLIMIT_NOFILE=100:200"]}),
    ({"etc_hosts": {"a": "1.2.3.4", "b": "::1"}}, {"etc_hosts": {"b": "0:0::1", "a": "1.2.3.4"}}),
    ({"log_driver": "json-file"}, {"log_driver": "k8s-file"}),
    ({"log_opt": {"max_size": "10m"}}, {"log_opt": {"max-size": "10000k"}}),
    ({"device": ["/dev/null"]}, {"device": ["/dev/null:/dev/null:rwm"]}),
    ({"security_opt": ["no-new-privileges"]}, {"security_opt": ["no-new-privileges:true"]}),
    ({"pid": "private"}, {}),
    ({"userns": "host"}, {}),
    ({"label": {"a": "b"}}, {}),  # what the image says
    ({"expose": ["80"]}, {}),
    ({"umask": "0022"}, {"umask": "022"}),
    ({"sysctl": {"net.ipv4.ip_forward": 1}}, {"sysctl": {"net/ipv4/ip_forward": "1"}}),
]


@pytest.mark.parametrize(("before", "after"), SAME, ids=str)
def test_two_spellings_are_no_change(before, after):
    assert options_changed(before, after) == []
    assert options_changed(before=after, after=before) == []


# (before, after, the option that is seen to change). Several of these were not seen by the collection we replace.
DIFFERENT = [
    ({"env": {"A": "x"}}, {"env": {"A": "X"}}, "env"),
    ({"env": {"A": "x", "B": "y"}}, {"env": {"A": "x"}}, "env"),
    ({"volume": ["/data/a:/b"]}, {"volume": ["/data/A:/b"]}, "volume"),
    ({"volume": ["/a:/b"]}, {"volume": ["/a:/b:ro"]}, "volume"),
    ({"volume": ["/a:/b"]}, {"volume": ["/a:/b:noexec"]}, "volume"),
    ({"volume": ["/a:/b"]}, {"volume": ["a:/b"]}, "volume"),
    ({"label": {"Key": "v"}}, {"label": {"key": "v"}}, "label"),
    ({"entrypoint": "/bin/ls", "command": ["x"]}, {"entrypoint": "/bin/cat", "command": ["x"]}, "command"),
    ({"publish": ["8080:80"]}, {"publish": ["8080:80/udp"]}, "publish"),
    ({"publish": ["8080:80"]}, {"publish": ["127.0.0.1:8080:80"]}, "publish"),
    ({"publish": ["8080:80", "81:81"]}, {"publish": ["8080:80"]}, "publish"),
    ({"memory": "512m"}, {"memory": "513m"}, "memory"),
    ({"memory": "512m"}, {"memory": "512m", "memory_swap": "-1"}, "memory_swap"),
    ({"privileged": False}, {"privileged": True}, "privileged"),
    ({"cap_add": ["NET_ADMIN"]}, {"cap_add": ["NET_RAW"]}, "capabilities"),
    ({"network": ["podman"]}, {"network": ["net2"]}, "network"),
    ({"network": ["podman"]}, {"network": ["host"]}, "network"),
    ({"network": ["podman"]}, {"network": ["podman"], "ip": "10.88.0.9"}, "ip"),
    ({"restart_policy": "always"}, {"restart_policy": "on-failure:2"}, "restart_policy"),
    ({"security_opt": ["no-new-privileges"]}, {"security_opt": ["seccomp=unconfined"]}, "security_opt"),
    ({"security_opt": ["mask=/proc/cpuinfo"]}, {"security_opt": ["mask=/proc/meminfo"]}, "security_opt"),
    ({"command": ["a", "b c"]}, {"command": ["a", "b", "c"]}, "command"),
    ({"user": "alice"}, {"user": "bob"}, "user"),
    ({"dns": ["1.1.1.1", "8.8.8.8"]}, {"dns": ["8.8.8.8", "1.1.1.1"]}, "dns"),
    ({"healthcheck": "ls /"}, {"healthcheck": "ls /", "healthcheck_retries": 7}, "healthcheck"),
    ({"tmpfs": {"/t": "size=1m"}}, {"tmpfs": {"/t": "size=2m"}}, "tmpfs"),
    ({"ulimit": ["nofile=100:200"]}, {"ulimit": ["nofile=100:300"]}, "ulimit.nofile"),
    ({"sysctl": {"net.a": "1"}}, {"sysctl": {"net.a": "2"}}, "sysctl"),
    ({"log_opt": {"max_size": "10m"}}, {"log_opt": {"max_size": "11m"}}, "log_opt"),
    ({"device": ["/dev/null"]}, {"device": ["/dev/null:/dev/x"]}, "device"),
]


@pytest.mark.parametrize(("before", "after", "option"), DIFFERENT, ids=str)
def test_a_difference_is_seen(before, after, option):
    assert option in options_changed(before, after)
    assert option in options_changed(before=after, after=before)


# An option that the task no longer mentions goes back to its default.
REMOVED = [
    {"env": {"A": "1"}},
    {"memory": "512m"},
    {"publish": ["8080:80"]},
    {"publish": ["80"]},
    {"label": {"x": "y"}},
    {"volume": ["/a:/b"]},
    {"tmpfs": {"/t": ""}},
    {"restart_policy": "always"},
    {"command": ["sleep", "9"]},
    {"entrypoint": "/bin/cat"},
    {"user": "alice"},
    {"privileged": True},
    {"read_only": True},
    {"cap_add": ["NET_ADMIN"]},
    {"security_opt": ["no-new-privileges"]},
    {"network": ["host"]},
    {"network": ["podman:ip=10.88.0.9"]},
    {"network_aliases": ["a"]},
    {"hostname": "h"},
    {"dns": ["1.1.1.1"]},
    {"etc_hosts": {"a": "1.2.3.4"}},
    {"ulimit": ["nofile=100:200"]},
    {"cpus": "0.5"},
    {"pids_limit": 10},
    {"shm_size": "1m"},
    {"init": True},
    {"tty": True},
    {"interactive": True},
    {"stop_signal": "SIGKILL"},
    {"stop_timeout": 3},
    {"log_driver": "none"},
    {"log_opt": {"tag": "x"}},
    {"workdir": "/opt"},
    {"group_add": ["wheel"]},
    {"healthcheck": "ls /"},
    {"annotation": {"a": "b"}},
    {"sysctl": {"net.a": "1"}},
    {"device": ["/dev/null"]},
    {"rm": True},
    {"umask": "0077"},
    {"timezone": "local"},
    {"pid": "host"},
    {"ipc": "private"},
]


@pytest.mark.parametrize("option", REMOVED, ids=str)
def test_an_option_taken_out_of_the_task_is_noticed(option):
    changed = options_changed(option, {})
    assert changed and set(changed) <= set(effective.keys_of(wish(**option)))


@pytest.mark.parametrize("name", recorded.names())
def test_a_fitting_container_of_podmans_is_left_alone(name):
    row = recorded.row(name)
    linux = row["spec"]["linux"]
    if "seccomp" in linux:  # recorded as a digest, which test_podman_rows compares with ours
        linux["seccomp"] = recorded.built(name).config["spec"]["linux"]["seccomp"]
    found = plan(planner.Observed("id", row, "running"), recorded.wish(name), around=recorded.around(name))
    if name in ("mem", "envfile", "hcimgover"):  # see INTENDED in test_podman_rows
        assert len(found.changes) == 1
    else:
        assert (found.changes, found.steps) == ((), ())


@pytest.mark.parametrize("name", recorded.names())
def test_what_was_just_made_fits(name):
    desired, around = recorded.wish(name), recorded.around(name)
    assert not plan(made(desired, around), desired, around=around).changed


def test_what_a_task_does_not_mention_is_not_compared():
    by_hand = made(wish(memory="1g", env={"A": "1"}, publish=["80:80"]))
    by_hand.config["spec"]["annotations"].clear()  # podman notes nothing
    assert not plan(by_hand, wish()).changed
    assert not plan(by_hand, wish(memory="1g")).changed


def test_a_recreate_says_what_it_takes_away():
    by_hand = made(wish(memory="1g", publish=["80:80"], user="alice"))
    by_hand.config["spec"]["annotations"].clear()
    changed = [change.option for change in plan(by_hand, wish(user="bob")).changes]
    assert {"user", "memory", "publish"} <= set(changed)


def test_what_follows_of_itself_is_not_told_apart():
    """A rootless container in the host's network cannot have its own /sys, and masks more of the host's."""
    around = recorded.around(rootless=True, uid=1000, gid=1000)
    found = plan(made(wish(network=["none"]), around), wish(network=["host"]), around=around)
    assert [change.option for change in found.changes] == ["network"]


def test_proxies_of_the_hand_that_made_it_are_not_a_difference():
    by_hand = made(wish(env={"A": "1"}))
    by_hand.config["spec"]["annotations"].clear()
    by_hand.config["spec"]["process"]["env"] += ["HTTP_PROXY=http://p", "no_proxy=x"]
    assert not plan(by_hand, wish(env={"A": "1"})).changed
    by_hand.config["spec"]["process"]["env"] += ["B=2"]
    assert plan(by_hand, wish(env={"A": "1"})).changed


def test_a_units_label_is_not_a_difference():
    by_hand = made(wish(label={"x": "y"}))
    by_hand.config["labels"]["PODMAN_SYSTEMD_UNIT"] = "web.service"
    assert not plan(by_hand, wish(label={"x": "y"})).changed


def steps(found):
    return [step.name for step in found.steps]


STATES = [
    # (what is, state asked for, changed option?, steps)
    (None, "absent", {}, []),
    (None, "started", {}, ["create", "start"]),
    (None, "created", {}, ["create"]),
    (None, "stopped", {}, ["create"]),
    ("running", "absent", {}, ["stop", "remove"]),
    ("exited", "absent", {}, ["remove"]),
    ("running", "started", {}, []),
    ("exited", "started", {}, ["start"]),
    ("created", "started", {}, ["start"]),
    ("paused", "started", {}, ["unpause"]),
    ("running", "created", {}, []),
    ("exited", "created", {}, []),
    ("running", "stopped", {}, ["stop"]),
    ("exited", "stopped", {}, []),
    ("running", "started", {"user": "alice"}, ["recreate", "start"]),
    ("running", "created", {"user": "alice"}, ["recreate", "start"]),
    ("exited", "created", {"user": "alice"}, ["recreate"]),
    ("running", "stopped", {"user": "alice"}, ["stop"]),
    ("running", "started", {"memory": "1g"}, ["update"]),
    ("exited", "started", {"memory": "1g"}, ["update", "start"]),
    ("exited", "stopped", {"memory": "1g"}, []),
    ("running", "started", {"label": {"x": "y"}}, ["update"]),
    ("running", "started", {"memory": "1g", "user": "alice"}, ["recreate", "start"]),
]


@pytest.mark.parametrize(("status", "state", "options", "expected"), STATES, ids=str)
def test_steps(status, state, options, expected):
    observed = None if status is None else made(wish())._replace(status=status)
    found = plan(observed, wish(**options), ContainerFlags(state=state))
    assert steps(found) == expected
    assert found.changed == bool(expected)


THEN = [
    # (what is, state as written in a task, steps)
    (None, "paused", ["create", "start", "pause"]),
    (None, "restarted", ["create", "start"]),
    (None, "killed", ["create"]),
    (None, "unpaused", ["create", "start"]),
    ("running", "paused", ["pause"]),
    ("paused", "paused", []),
    ("exited", "paused", ["start", "pause"]),
    ("running", "restarted", ["restart"]),
    ("paused", "restarted", ["restart"]),
    ("exited", "restarted", ["start"]),
    ("running", "unpaused", []),
    ("paused", "unpaused", ["unpause"]),
    ("running", "killed", ["kill"]),
    ("paused", "killed", ["kill"]),
    ("exited", "killed", []),
]


@pytest.mark.parametrize(("status", "state", "expected"), THEN, ids=str)
def test_steps_beyond_the_plain_states(status, state, expected):
    observed = None if status is None else made(wish())._replace(status=status)
    found = plan(observed, wish(), params.parse_flags({"name": "web", "state": state}))
    assert steps(found) == expected


def test_healthy_needs_a_check():
    flags = params.parse_flags({"name": "web", "state": "healthy", "wait_timeout": 5})
    for observed in (None, made(wish())):
        with pytest.raises(BadInput, match="no health check"):
            plan(observed, wish(), flags)


@pytest.mark.parametrize("state", ["paused", "healthy"])
def test_what_goes_on_running_is_not_waited_for(state):
    with pytest.raises(BadInput, match="goes on running"):
        params.parse_flags({"name": "web", "state": state, "detach": False})


def test_force_restart_and_recreate():
    running = made(wish())
    assert steps(plan(running, wish(), ContainerFlags(force_restart=True))) == ["restart"]
    assert steps(plan(running._replace(status="exited"), wish(), ContainerFlags(force_restart=True))) == ["start"]
    found = plan(running, wish(), ContainerFlags(recreate=True))
    assert steps(found) == ["recreate", "start"]
    assert found.render() == {"before": {"recreate": False}, "after": {"recreate": True}}


def test_an_image_that_moved_is_noticed():
    observed = made(wish())
    observed.config["rootfsImageID"] = "0" * 64
    found = plan(observed, wish())
    assert steps(found) == ["recreate", "start"]
    assert [change.option for change in found.changes] == ["image"]
    assert steps(plan(observed, wish(), pulls=True)) == ["pull", "recreate", "start"]
    assert steps(plan(made(wish()), wish(), pulls=True)) == ["pull"]  # another manifest of what is here already


def test_an_image_that_is_not_here_is_pulled_first():
    found = plan(None, wish(memory="1g"), pulls=True)
    assert steps(found) == ["pull", "create", "start"]
    after = found.render()["after"]
    assert (after["image"], after["memory"]) == (IMAGE, 1 << 30)


def test_stopping_needs_neither_image_nor_command():
    away = recorded.around()
    away = type(away)(None, away.host, away.defaults, away.peers)
    desired = params.parse({"name": "web"})
    assert steps(plan(made(wish()), desired, ContainerFlags(state="stopped"), around=away)) == ["stop"]
    plain = recorded.around("noimgcmd")  # its image names no command
    observed = made(recorded.wish("noimgcmd"), plain)
    observed.config["spec"]["annotations"].clear()
    assert not plan(observed, desired, around=plain).changed
    named = params.parse({"name": "web", "image": "localhost/plain:1", "user": "alice"})
    with pytest.raises(BadInput, match="no command"):
        plan(observed, named, around=plain)


def test_a_task_that_names_no_image_does_not_describe_the_container():
    observed = made(wish(env={"A": "1"}, memory="1g", publish=["80:80"]))
    partial = params.parse({"name": "web"})
    assert not plan(observed, partial).changed
    assert steps(plan(observed, partial, ContainerFlags(state="stopped"))) == ["stop"]
    assert steps(plan(observed, params.parse({"name": "web", "memory": "2g"}))) == ["update"]
    refused = plan(observed, params.parse({"name": "web", "user": "alice"})).refused
    assert [change.option for change in refused] == ["user"] and "names no image" in refused[0].reason
    assert plan(observed, partial, ContainerFlags(recreate=True)).refused


def test_nothing_to_make_it_of():
    with pytest.raises(BadInput, match="names no image"):
        plan(None, params.parse({"name": "web"}))


def test_image_strict_compares_the_name():
    observed = made(wish())
    observed.config["rootfsImageName"] = "quay.io/other/bb:1"
    assert not plan(observed, wish()).changed
    assert [c.option for c in plan(observed, wish(), ContainerFlags(image_strict=True)).changes] == ["image"]


def test_comparisons():
    before, after = made(wish(env={"A": "1", "B": "2"}, label={"x": "y"})), wish(env={"A": "1"}, label={"x": "z"})
    assert {c.option for c in plan(before, after).changes} == {"env", "label"}
    modes = ContainerFlags(comparisons=(("env", "subset"), ("label", "ignore")))
    assert not plan(before, after, modes).changed
    assert plan(before, wish(env={"A": "2"}, label={"x": "z"}), modes).changed
    everything = ContainerFlags(comparisons=(("*", "ignore"),))
    assert not plan(before, after, everything).changed


def test_the_diff_shows_what_differs():
    shown = plan(made(wish(env={"A": "1", "B": "2"})), wish(env={"A": "1", "B": "3"}, memory="1g")).render()
    assert shown["before"] == {"env": {"B": "2"}, "memory": 0}
    assert shown["after"] == {"env": {"B": "3"}, "memory": 1024**3}


def test_check_of_a_new_container_names_its_options():
    shown = plan(None, wish(memory="1g", env={"A": "1"})).render()
    assert shown["before"] == {"state": "absent"}
    assert shown["after"]["state"] == "started"
    assert shown["after"]["memory"] == 1024**3
    assert shown["after"]["image"] == IMAGE


def test_a_random_port_stays_as_it_is():
    desired = wish(publish=["80"])
    observed = made(desired)
    observed.config["newPortMappings"][0]["host_port"] = 43210
    assert not plan(observed, desired).changed
    assert plan(observed, wish(publish=["81"])).changed
    assert not plan(observed, wish(publish=["43210:80"])).changed


FIRST = ContainerFlags(update_order="start-first")
#: What the old one has, what the new one wants, and which of it they cannot both have.
RIVALS = [
    ({"publish": ["8080:80"]}, {"publish": ["8080:81"]}, "port 8080/tcp"),
    ({"publish": ["8080:80"]}, {"publish": ["127.0.0.1:8080:80"]}, "port 127.0.0.1:8080/tcp"),
    ({"publish": ["[::]:8080:80"]}, {"publish": ["8080:80"]}, "port 8080/tcp"),
    ({"publish": ["127.0.0.1:8080:80"]}, {"publish": ["127.0.0.2:8080:80"]}, ""),
    ({"publish": ["[::]:8080:80"]}, {"publish": ["127.0.0.2:8080:80"]}, ""),
    ({"publish": ["8080:80"]}, {"publish": ["8080:80/udp"]}, ""),
    ({"publish": ["8080-8083:80-83"]}, {"publish": ["8082:80"]}, "port 8082/tcp"),
    ({"publish": ["8083:80"]}, {"publish": ["8080-8083:80-83"]}, "port 8080-8083/tcp"),
    ({"publish": ["8083:80"]}, {"publish": ["8080-8082:80-82"]}, ""),
    ({"publish": ["8080:80"]}, {"publish": ["80"], "env": {"A": "b"}}, ""),
    ({"publish": ["80"]}, {"publish": ["80"], "env": {"A": "b"}}, ""),
    ({"publish": ["8080:80"]}, {}, ""),
    (
        {"network": ["net:ip=10.0.0.5"]},
        {"network": ["net:ip=10.0.0.5"], "env": {"A": "b"}},
        "address 10.0.0.5 in network net",
    ),
    ({"network": ["net:ip=10.0.0.5"]}, {"network": ["other:ip=10.0.0.5"], "env": {"A": "b"}}, ""),
    ({"network": ["net:ip=10.0.0.5"]}, {"network": ["net:ip=10.0.0.6"], "env": {"A": "b"}}, ""),
    (
        {"network": ["net"], "mac_address": "92:d0:c6:0a:29:33"},
        {"network": ["net"], "mac_address": "92:d0:c6:0a:29:33", "env": {"A": "b"}},
        "address 92:d0:c6:0a:29:33 in network net",
    ),
]


@pytest.mark.parametrize(("before", "after", "rival"), RIVALS, ids=str)
def test_what_forbids_that_the_new_one_starts_first(before, after, rival):
    observed = made(wish(**before))
    if not rival:
        assert steps(plan(observed, wish(**after), FIRST))[:2] in (["recreate", "start"], ["update"])
        return
    with pytest.raises(Conflict, match="before the old one stops") as raised:
        plan(observed, wish(**after), FIRST)
    assert raised.value.cause == f"both want {rival}" and "stop-first" in raised.value.hint
    assert steps(plan(observed, wish(**after))) == ["recreate", "start"]  # as it always was
    for status in ("exited", "created"):  # nothing runs that could be in the way
        assert steps(plan(observed._replace(status=status), wish(**after), FIRST)) == ["recreate", "start"]
    created = ContainerFlags(state="stopped", recreate=True, update_order="start-first")
    assert steps(plan(observed, wish(**after), created)) == ["recreate"]


def test_the_order_is_no_difference():
    observed = made(wish(publish=["8080:80"]))
    assert not plan(observed, wish(publish=["8080:80"]), FIRST).changed
    with pytest.raises(BadInput, match="goes on running"):
        params.parse_flags({"name": "web", "update_order": "start-first", "detach": False})
    assert params.parse_flags({"name": "web", "update_order": "start-first"}).update_order == "start-first"
