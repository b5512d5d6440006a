"""Every option of the module has its row in the table of tests, or a reason why not; and what the newer ones mean."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.values import replace
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import (
    config,
    effective,
    own_ids,
    params,
    params_names,
    params_table,
    planner,
    process,
    wishes,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.desired import ContainerFlags
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.namespaces import IdRange
from ansible_collections.daemonless.oci.tests.unit.container import recorded

#: Options that say how to get there, not what to have; test_life, test_states and test_flags are about these.
WAYS = """
attach comparisons debug delete_depend delete_time delete_volumes detach executable force_delete force_restart
image_strict name pull recreate restart_time state stop_time update_order wait_timeout
""".split()
REASONS = {
    "cpu_rt_period": "real-time scheduling is not in the kernels of the test machines",
    "cpu_rt_runtime": "real-time scheduling is not in the kernels of the test machines",
    "kernel_memory": "no kernel since 5.16 has that limit",
    "rdt_class": "takes a processor with Intel RDT",
    "image": "test_another_image",
    "rootfs": "test_container_params: a root tree instead of an image",
    "secrets": "tests/integration/secret",
    "hooks_dir": "test_cdi_and_hooks",
    "http_proxy": "test_podman_rows, and test_container_plans for what is not a difference",
    "ip6": "test_container_params, tests/integration/network",
    "cgroup_parent": "test_podman_rows: where it may lie depends on the host",
    "cgroup_conf": "test_podman_rows: takes cgroups of version 2",
    "seccomp_policy": "below: test_the_profile_that_an_image_carries",
    "subuidname": "test_user_namespaces",
    "subgidname": "test_user_namespaces",
    "pod": "tests/integration/pod",
    "init_ctr": "tests/integration/pod",
    "uidmap": "test_user_namespaces",
    "gidmap": "test_user_namespaces",
}


def table_of_tests():
    path = Path(__file__).parents[2] / "integration" / "container" / "test_options.py"
    spec = importlib.util.spec_from_file_location("container_options_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {row.split(" ")[0] for row in {**module.OPTIONS, **module.LIMITS}}


def test_every_option_is_in_the_table_or_has_a_reason():
    wanted = set(params_table.READERS) | {"env", "env_file", "label_file", "label", "rootfs"}
    missing = wanted - table_of_tests() - set(REASONS) - set(WAYS)
    assert not missing
    for name in wishes.HealthReader.NAMES:  # they are one option to the planner: test_container_plans, test_health
        assert name in params_names.KNOWN


def test_every_option_is_read_refused_or_said_to_have_no_effect():
    known = set(params_table.READERS) | set(WAYS) | set(wishes.HealthReader.NAMES)
    known |= {"env", "env_file", "label_file", "rootfs", "gpus"}
    pulling = "arch authfile cert_dir creds os platform retry retry_delay tls_verify variant".split()
    rest = params_names.KNOWN - known - set(pulling) - params_names.UNITS
    assert rest == (set(params_names.UNSUPPORTED) | set(params_names.WITHOUT_EFFECT)) - known


@pytest.mark.parametrize("option", sorted(params_names.WITHOUT_EFFECT))
def test_what_has_no_effect_is_said(option):
    value = {"cmd_args": ["--syslog"], "preserve_fd": ["3"], "sig_proxy": False}.get(option, True)
    said = params.without_effect({"name": "web", option: value})
    assert len(said) == 1 and said[0].startswith(f"{option} has no effect: ")
    assert params.without_effect({"name": "web", option: None}) == ()
    assert params.without_effect({"name": "web", "debug": False, "cmd_args": []}) == ()
    params.parse({"name": "web", option: value})


def test_how_long_to_wait_and_what_to_listen_to():
    flags = params.parse_flags({"stop_time": "3", "restart_time": 4, "delete_time": "0", "detach": False})
    assert (flags.stop_time, flags.restart_time, flags.delete_time, flags.attach) == (3, 4, 0, None)
    assert params.parse_flags({"detach": False, "attach": ["stdout"]}).attach == ("stdout",)
    assert params.parse_flags({"state": "created", "attach": ["stderr"]}).attach == ("stderr",)
    for bad in ({"attach": ["stdout"]}, {"attach": ["all"], "detach": False}, {"stop_time": "soon"}):
        with pytest.raises(BadInput):
            params.parse_flags(bad)


def wish(**options):
    return params.parse({"name": "web", "image": "localhost/bb:1", **options})


def made(desired, around):
    row = config.build(desired, around, notes=effective.keys_of(desired)).config
    return planner.Observed("id", json.loads(json.dumps(row)), "running")


def changed(before, after, around):
    found = planner.plan(made(wish(**before), around), wish(**after), ContainerFlags(), planner.World(around))
    return [change.option for change in found.changes]


def test_variables_of_the_image_in_ones_own():
    around = recorded.around()
    path = dict(entry.split("=", 1) for entry in process.environment(wish(), around, ""))["PATH"]
    found = dict(
        entry.split("=", 1)
        for entry in process.environment(wish(env_merge={"PATH": "/a:${PATH}", "X": "${NONE:-y}"}), around, "")
    )
    assert (found["PATH"], found["X"]) == (f"/a:{path}", "y")
    assert changed({"env_merge": {"A": "${PATH}"}}, {"env": {"A": path}}, around) == []
    assert changed({"env_merge": {"A": "${PATH}"}}, {"env_merge": {"A": "b"}}, around) == ["env"]
    assert changed({"env_merge": {"A": "1"}}, {}, around) == ["env"]


def test_the_profile_that_an_image_carries():
    around = recorded.around()
    with pytest.raises(BadInput, match="has no label"):
        config.build(wish(seccomp_policy="image"), around)
    profile = (recorded.DATA / "two-rules-seccomp.json").read_text()
    labels = {**around.image.config.labels, "io.containers.seccomp.profile": profile}
    around = replace(around, image=replace(around.image, config=around.image.config._replace(labels=labels)))
    plain = config.build(wish(), around).config["spec"]["linux"]["seccomp"]
    found = config.build(wish(seccomp_policy="image"), around).config["spec"]["linux"]["seccomp"]
    assert len(found["syscalls"]) == 2 < len(plain["syscalls"]), "an image's label counts only when asked for"
    assert changed({"seccomp_policy": "image"}, {"seccomp_policy": "image"}, around) == []
    assert changed({"seccomp_policy": "image"}, {}, around) == ["security_opt"]


def test_an_image_that_goes_with_its_container():
    assert wish(rmi=True).rm is True
    for bad in ({"rmi": True, "rm": False}, {"rmi": True, "restart_policy": "always"}):
        with pytest.raises(BadInput, match="rm"):
            wish(**bad)
    assert changed({"rmi": True}, {"rm": True}, recorded.around()) == ["rmi"]


def test_names_that_ids_are_granted_to():
    around = replace(recorded.around(), granted=((IdRange(0, 3, 4),), (IdRange(0, 5, 6),)))
    found = process.maps(wish(subuidname="a", subgidname="b"), around)
    assert (found.uids, found.gids, found.private) == ((IdRange(0, 3, 4),), (IdRange(0, 5, 6),), True)
    assert changed({"subuidname": "a"}, {"subuidname": "a"}, around) == []
    assert changed({}, {"subuidname": "a"}, around) == ["userns"]


def test_who_somebody_inside_is_outside():
    maps = {"UIDMap": [{"container_id": 0, "host_id": 100, "size": 5}, {"container_id": 9, "host_id": 7, "size": 1}]}
    row = {"idMappingsOptions": maps}
    assert [own_ids.outside(row, uid, 3) for uid in (0, 4, 9)] == [(100, 3), (104, 3), (7, 3)]
    assert own_ids.outside({}, 5, 6) == (5, 6)
    with pytest.raises(BadInput, match="who 5 is on the host"):
        own_ids.outside(row, 5, 0)
