"""Reading a task: every option by its names, every mistake as one clear refusal."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import params, params_names, wishes
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.desired import ContainerDesired


def read(**options):
    return params.parse({"name": "web", **options})


def test_what_is_not_said_is_none():
    assert read().mentioned() == frozenset()
    assert read(memory=None, env=None).mentioned() == frozenset()
    assert read(privileged=False, volume=[]).mentioned() == {"privileged", "volume"}


@pytest.mark.parametrize("alias", sorted(params_names.ALIASES))
def test_every_alias_means_its_option(alias):
    assert params_names.ALIASES[alias] in params_names.KNOWN
    assert alias not in params_names.KNOWN
    assert params.canonical_names({alias: "x"}) == {params_names.ALIASES[alias]: "x"}


def test_an_option_given_under_two_names():
    with pytest.raises(BadInput, match="given twice"):
        params.canonical_names({"ports": ["1"], "published": ["2"]})


def test_an_alias_that_ansible_left_beside_its_option_is_passed_over():
    for given in ({"network": ["none"], "network_mode": "none"}, {"network_mode": "none", "network": ["none"]}):
        assert params.canonical_names(given) == {"network": ["none"]}
    assert params.canonical_names({"network_mode": "none", "network": None}) == {"network": "none"}


def test_an_unknown_option_is_named_with_a_suggestion():
    with pytest.raises(BadInput, match="'memroy' is not an option; did you mean 'memory'"):
        read(memroy="1g")


def test_an_option_that_nothing_does_is_refused():
    with pytest.raises(BadInput, match="decryption_key"):
        read(decryption_key="/k")
    read(quadlet_options=[], executable="podman", debug=True)


# Every mistake, and the words by which its message is known.
MISTAKES = [
    ({"name": ""}, "name"),
    ({"name": "a b"}, "name"),
    ({"image": "a b"}, "image"),
    ({"image": ""}, "image"),
    ({"memory": "lots"}, "memory"),
    ({"memory": "-5"}, "memory"),
    ({"memory_swap": "1g"}, "memory_swap.*memory is not set"),
    ({"memory": "2g", "memory_swap": "1g"}, "memory_swap.*smaller"),
    ({"cpus": "two"}, "cpus"),
    ({"cpus": "-1"}, "cpus"),
    ({"cpus": "nan"}, "cpus"),
    ({"cpus": "1", "cpu_quota": 5}, "cpus"),
    ({"cpuset_cpus": "0-"}, "cpuset_cpus"),
    ({"pids_limit": "many"}, "pids_limit"),
    ({"oom_score_adj": 1001}, "oom_score_adj"),
    ({"blkio_weight": 1001}, "blkio_weight"),
    ({"publish": ["80:x"]}, "port"),
    ({"publish": ["80:80", "80:81"]}, "port"),
    ({"expose": ["80:80"]}, "expose"),
    ({"expose": ["x"]}, "port"),
    ({"volume": ["a/b:/c"]}, "mount"),
    ({"volume": ["/a:/b", "/c:/b"]}, "volume.*twice"),
    ({"mount": ["type=foo,dst=/x"]}, "mount"),
    ({"tmpfs": {"x": ""}}, "mount"),
    ({"env": {"A=B": "1"}}, "env"),
    ({"env": "A"}, "env"),
    ({"env": {"A": ["b"]}}, "env"),
    ({"env_file": ["/nowhere"]}, "env_file"),
    ({"label": "x"}, "label"),
    ({"label": {"": "x"}}, "label"),
    ({"hostname": "a b"}, "hostname"),
    ({"hostname": "a\nb"}, "hostname"),
    ({"user": "a:b:c"}, "user"),
    ({"workdir": "relative"}, "workdir"),
    ({"umask": "9"}, "umask"),
    ({"timezone": "../etc/passwd"}, "timezone"),
    ({"stop_signal": "SIGNOPE"}, "stop_signal"),
    ({"stop_timeout": -1}, "stop_timeout"),
    ({"restart_policy": "maybe"}, "restart_policy"),
    ({"restart_policy": "always", "rm": True}, "rm"),
    ({"tty": "perhaps"}, "tty"),
    ({"command": "sh -c 'x"}, "command"),
    ({"entrypoint": "[x"}, "entrypoint"),
    ({"cap_add": ["FLY"]}, "cap_add"),
    ({"security_opt": ["foo=bar"]}, "security_opt"),
    ({"security_opt": ["seccomp=/nowhere.json"]}, "seccomp"),
    ({"ulimit": ["nofile"]}, "ulimit"),
    ({"sysctl": ["x", 1, {}]}, "sysctl"),
    ({"network": ["host", "a"]}, "network"),
    ({"network": ["a b"]}, "network"),
    ({"network": ["host"], "ip": "10.0.0.2"}, "ip.*host"),
    ({"network": ["none"], "network_aliases": ["a"]}, "network_aliases.*none"),
    ({"network": ["a", "b"], "ip": "10.0.0.2"}, "ip.*several"),
    ({"network": ["container:x"], "publish": ["80:80"]}, "publish.*x"),
    ({"ip": "fd00::1"}, "ip"),
    ({"ip6": "10.0.0.1"}, "ip6"),
    ({"mac_address": "00:11"}, "mac_address"),
    ({"dns": ["localhost"]}, "dns"),
    ({"dns_search": ["a b"]}, "dns_search"),
    ({"dns_option": "a\nb"}, "dns_option"),
    ({"etc_hosts": {"a": "b"}}, "etc_hosts"),
    ({"etc_hosts": {"a b": "1.2.3.4"}}, "etc_hosts"),
    ({"etc_hosts": {"a": "1.2.3.4"}, "no_hosts": True}, "no_hosts"),
    ({"device": ["null"]}, "device"),
    ({"device_read_bps": ["/dev/sda"]}, "device_read_bps"),
    ({"log_driver": "syslog"}, "log_driver"),
    ({"log_opt": {"colour": "red"}}, "log_opt"),
    ({"log_opt": {"max_size": "big"}}, "max_size"),
    ({"log_opt": {"path": "x.log"}}, "path"),
    ({"healthcheck": ""}, "healthcheck"),
    ({"healthcheck": "ls", "no_healthcheck": True}, "no_healthcheck"),
    ({"healthcheck": "ls", "healthcheck_interval": "soon"}, "healthcheck_interval"),
    ({"healthcheck": "ls", "healthcheck_timeout": "1ms"}, "healthcheck_timeout"),
    ({"healthcheck": "ls", "healthcheck_retries": 0}, "healthcheck_retries"),
    ({"healthcheck": "ls", "healthcheck_failure_action": "cry"}, "healthcheck_failure_action"),
    ({"health_startup_interval": "5s"}, "health_startup_cmd"),
    ({"pid": "both"}, "pid"),
    ({"userns": "keep-id", "uidmap": ["0:1:2"]}, "userns"),
    ({"secrets": ["s,type=carrier-pigeon"]}, "secret"),
    ({"secrets": ["s,mode=9"]}, "secret"),
    ({"volumes_from": ["a:b"]}, "volumes_from"),
    ({"rootfs": True, "image": "relative"}, "rootfs"),
    ({"personality": "MS-DOS"}, "personality"),
    ({"image_volume": "cloud"}, "image_volume"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES, ids=str)
def test_a_mistake_is_named(options, words):
    with pytest.raises(BadInput, match=f"(?s){words}") as caught:
        read(**options)
    assert "\n" not in str(caught.value) or "\\n" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_message_never_holds_a_secret():
    with pytest.raises(BadInput) as caught:
        read(env={"PASSWORD": ["hunter2"]})
    assert "hunter2" not in str(caught.value)


def test_files_that_are_needed():
    given = {"env_file": ["/a", "/b"], "label_file": "/c", "security_opt": ["seccomp=/d", "seccomp=unconfined"]}
    assert params.files_needed(given) == ("/a", "/b", "/c", "/d")
    assert params.files_needed({"security_opt": ["seccomp=unconfined"]}) == ()


def test_env_wins_over_env_files_in_their_order():
    files = {"/a": b"A=1\nB=1\nC=1\n", "/b": b"B=2\nC=2\n"}
    wish = params.parse({"name": "web", "env_file": ["/a", "/b"], "env": {"C": 3}}, files)
    assert wish.env == {"A": "1", "B": "2", "C": "3"}


def test_labels_win_over_the_label_file():
    wish = params.parse({"name": "web", "label_file": "/a", "label": {"x": "2"}}, {"/a": b"x=1\ny=1\n"})
    assert wish.label == {"x": "2", "y": "1"}


def test_lists_that_yaml_split_at_commas_are_whole_again():
    wish = read(
        mount=["type=bind", "src=/a", "dst=/b", "type=tmpfs", "dst=/t"],
        secrets=["one", "two", "type=env", "target=X"],
        network=["web:ip=10.0.0.2", "alias=x"],
    )
    assert [mount.target for mount in wish.mount] == ["/b", "/t"]
    assert [(secret.name, secret.as_env, secret.target) for secret in wish.secrets] == [
        ("one", False, ""),
        ("two", True, "X"),
    ]
    assert wish.network.endpoints[0].aliases == ("x",)


def test_single_values_stand_for_lists():
    wish = read(publish="8080:80", volume="/a:/b", dns="1.1.1.1,8.8.8.8", cap_add="NET_ADMIN", ulimit="core=0")
    assert len(wish.publish) == len(wish.volume) == len(wish.cap_add) == len(wish.ulimit) == 1
    assert wish.dns == ("1.1.1.1", "8.8.8.8")


def test_a_root_tree_instead_of_an_image():
    wish = read(rootfs=True, image="/srv/root/")
    assert (wish.rootfs, wish.image) == ("/srv/root", None)
    assert read(rootfs=False, image="x").image == "x"


def test_references_to_others():
    wish = read(pid="container:a", network=["container:b"], requires=["c", "a"], volumes_from=["d:ro"])
    assert wish.references() == ("a", "b", "d", "c")
    assert read(device=["/dev/x"], device_read_bps=["/dev/y:1m"]).device_paths() == ("/dev/x", "/dev/y")


def test_flags():
    flags = params.parse_flags(
        {"state": "present", "recreate": "yes", "pull": "newer", "comparisons": {"labels": "subset"}}
    )
    assert (flags.state, flags.recreate, flags.pull, flags.comparisons) == (
        "created",
        True,
        "newer",
        (("label", "subset"),),
    )
    assert params.parse_flags({}).state == "started"
    for bad in ({"state": "sleeping"}, {"pull": "maybe"}, {"comparisons": {"env": "loose"}}, {"recreate": "x"}):
        with pytest.raises(BadInput):
            params.parse_flags(bad)


@pytest.mark.parametrize(("text", "size"), [("10m", 10**7), ("10MB", 10**7), ("1.5k", 1500), ("7", 7), ("-1", -1)])
def test_log_sizes_are_decimal(text, size):
    assert wishes.log_size(text) == size


def test_a_wish_is_a_value():
    wish = read(memory="1g")
    assert wish == read(memory="1024m")
    assert isinstance(wish, ContainerDesired)
    with pytest.raises(AttributeError):
        wish.memory = 5
