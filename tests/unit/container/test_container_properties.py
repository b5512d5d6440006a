"""Properties of reading, comparing and changing containers, over generated wishes."""

from __future__ import annotations

import json

from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import (
    config,
    effective,
    params,
    planner,
    update,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.desired import ContainerFlags
from ansible_collections.daemonless.oci.tests.unit.container import recorded
from hypothesis import assume, given, settings
from hypothesis import strategies as st

AROUND = recorded.around()
NAME = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
TEXT = st.text(alphabet=st.characters(blacklist_characters="\0\n\r", blacklist_categories=("Cs",)), max_size=12)
PATH = st.lists(NAME, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


@st.composite
def sizes(draw):
    """One size in two spellings."""
    mib = draw(st.integers(6, 4096))
    forms = [f"{mib}m", f"{mib}MiB", f"{mib}MB", str(mib * 1024**2), f"{mib * 1024}k", f"{mib / 1024}g"]
    if int(float(forms[-1][:-1]) * 1024**3) != mib * 1024**2:
        forms.pop()
    return draw(st.sampled_from(forms)), draw(st.sampled_from(forms))


ANY_VALUE = st.one_of(TEXT, st.lists(TEXT, max_size=2), st.booleans(), st.integers(), st.dictionaries(NAME, TEXT))


def alike(values):
    """One spelling only."""
    return values.map(lambda value: (value, value))


@st.composite
def published(draw):
    triples = sorted(draw(st.sets(st.tuples(st.integers(1024, 1100), st.sampled_from(["tcp", "udp"])), max_size=3)))
    plain = [f"{port}:{port}/{protocol}" for port, protocol in triples]
    other = [f"0.0.0.0:{text}" if number % 2 else text.replace("/tcp", "") for number, text in enumerate(plain)]
    return plain, other[::-1]


@st.composite
def bound(draw):
    """Binds, as volumes and as mounts."""
    wanted = draw(st.dictionaries(PATH, st.tuples(PATH, st.booleans(), st.booleans()), max_size=2))
    volumes, mounts = [], []
    for target, (source, read_only, shared) in wanted.items():
        words = (["rshared"] if shared else []) + (["ro"] if read_only else ["rw"])
        volumes.append(f"{source}:{target}/:{','.join(words)}")
        fields = ["type=bind", f"dst={target}", f"source={source}/"]
        fields += ["readonly"] if read_only else []
        fields += ["bind-propagation=rshared"] if shared else []
        mounts.append(",".join(fields))
    return {"volume": volumes, "mount": []}, {"mount": mounts[::-1], "volume": []}


CAPS = st.sets(st.sampled_from(["NET_ADMIN", "SYS_TIME", "MKNOD"]), max_size=3).map(sorted)
OPTIONS = {
    "memory": sizes(),
    "shm_size": sizes(),
    "publish": published(),
    "binds": bound(),
    "env": st.dictionaries(NAME, TEXT, max_size=3).map(lambda d: (d, dict(reversed(d.items())))),
    "label": st.dictionaries(NAME, TEXT, max_size=3).map(lambda d: (d, dict(reversed(d.items())))),
    "annotation": alike(st.dictionaries(NAME, TEXT, max_size=2)),
    "command": alike(st.lists(NAME, min_size=1, max_size=3)),
    "user": alike(st.sampled_from(["root", "0", "alice", "1000:10", "1000"])),
    "hostname": alike(NAME),
    "cpus": st.integers(1, 400).map(lambda n: (f"{n / 100}", f"{n / 100:.3f}")),
    "cpu_shares": alike(st.integers(2, 4096)),
    "pids_limit": st.one_of(alike(st.integers(1, 99)), st.just(("-1", 0))),
    "cap_add": CAPS.map(lambda caps: (caps, [f"cap_{cap.lower()}" for cap in reversed(caps)])),
    "restart_policy": st.sampled_from([("always", "Always"), ("no", "never"), ("on-failure:3", "on_failure:3")]),
    "privileged": alike(st.booleans()),
    "read_only": alike(st.booleans()),
    "tty": alike(st.booleans()),
    "init": alike(st.booleans()),
    "rm": alike(st.booleans()),
    "stop_timeout": alike(st.integers(0, 99)),
    "stop_signal": st.sampled_from([("SIGTERM", "15"), ("KILL", 9), ("SIGRTMIN+3", "37")]),
    "network": st.sampled_from(
        [(["podman"], ["bridge"]), (["host"], ["host"]), (["none"], ["none"]), (["a", "b:alias=x"], ["b:alias=x", "a"])]
    ),
    "dns": alike(st.lists(st.sampled_from(["1.1.1.1", "8.8.8.8"]), unique=True)),
    "tmpfs": st.sampled_from([({"/x": "size=1m"}, {"/x": "size=1024k"}), ({"/x": ""}, {"/x/": "rw"})]),
    "ulimit": st.sampled_from([(["nofile=1:2"], ["NOFILE=1:2"]), (["core=-1"], ["core=unlimited:-1"])]),
    "security_opt": alike(st.sampled_from([["no-new-privileges"], ["seccomp=unconfined"], ["mask=/a:/b"]])),
    "log_opt": alike(st.sampled_from([{"max_size": "1m"}, {"tag": "x"}, {}])),
    "healthcheck": st.sampled_from([("ls /", "CMD-SHELL ls /"), ('["a","b"]', "CMD a b"), ("none", "NONE")]),
}


def _two(chosen):
    one, two = {}, {}
    for name, (first, second) in chosen.items():
        if name == "binds":
            one.update(first)
            two.update(second)
        else:
            one[name], two[name] = first, second
    return one, two


#: A wish in two spellings.
PAIRS = st.fixed_dictionaries({}, optional=OPTIONS).map(_two)


def desired(options):
    try:
        wish = params.parse({"name": "web", "image": "localhost/bb:1", **options})
        config.build(wish, AROUND)
    except BadInput:
        assume(False)  # options that exclude each other, such as rm with restart_policy always
    return wish


def apply(wish):
    row = config.build(wish, AROUND, notes=effective.keys_of(wish)).config
    return planner.Observed("id", json.loads(json.dumps(row)), "running")


def plan(observed, wish):
    return planner.plan(observed, wish, ContainerFlags(), planner.World(AROUND))


@settings(max_examples=80, deadline=None)
@given(PAIRS)
def test_what_was_applied_needs_nothing_more_in_either_spelling(spellings):
    one, two = spellings
    observed = apply(desired(one))
    assert plan(observed, desired(one)).changes == ()
    assert plan(observed, desired(two)).changes == ()


@settings(max_examples=80, deadline=None)
@given(PAIRS, PAIRS)
def test_a_plan_is_empty_exactly_when_every_mentioned_value_is_the_same(first, second):
    """Values are compared here by hand, key for key, against rows made independently of the planner."""
    before, after = desired(first[0]), desired(second[0])
    old, new = apply(before).config, apply(after).config
    keys = set(effective.keys_of(before)) | set(effective.keys_of(after))
    was, will = effective.read(old, keys), effective.read(new, keys)
    differ = {key for key in keys if was[key] != will[key]}
    assert plan(apply(before), after).changed == bool(differ)
    assert differ <= {change.option for change in plan(apply(before), after).changes}


@settings(max_examples=80, deadline=None)
@given(PAIRS, PAIRS)
def test_carrying_out_a_plan_leaves_nothing_to_do(first, second):
    before, after = desired(first[0]), desired(second[0])
    observed = apply(before)
    found = plan(observed, after)
    if found.has(planner.RECREATE_STEP):
        observed = apply(after)
    elif found.has(planner.UPDATE):
        built, notes = apply(after).config, effective.keys_of(after)
        row = update.rewritten(observed.config, built, [change.option for change in found.changes], notes)
        assert effective.recorded(row) == notes
        observed = observed._replace(config=row)
    assert plan(observed, after).changes == ()


@settings(max_examples=80, deadline=None)
@given(PAIRS, PAIRS)
def test_what_the_runtime_is_told_brings_the_limits_there(first, second):
    """Applying the document of `update.resources` to the old limits gives the new ones."""
    old, new = (apply(desired(options)).config["spec"]["linux"]["resources"] for options in (first[0], second[0]))
    told = update.resources({"spec": {"linux": {"resources": old}}}, {"spec": {"linux": {"resources": new}}})
    for limits in (told, old, new):
        if limits.get("pids", {}).get("limit") in (0, -1, 4194304):
            limits["pids"]["limit"] = -1
    reached = {part: {**old.get(part, {}), **told.get(part, {})} for part in ("memory", "cpu", "pids")}
    lifted = {"limit": -1, "swap": -1, "quota": -1, "period": 100000, "shares": 1024}
    for part in reached:
        for key in set(reached[part]) | set(new.get(part, {})):
            wanted = new.get(part, {}).get(key, lifted.get(key))
            assert reached[part].get(key, lifted.get(key)) == wanted, (part, key, told)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(params.KNOWN)), ANY_VALUE))
def test_any_input_is_read_or_refused_in_words(options):
    """Nothing but our own errors ever comes of a task's words."""
    try:
        wish = params.parse({**options, "name": "web"}, {})
        params.parse_flags(options)
        config.build(wish, AROUND, notes=effective.keys_of(wish))
    except (BadInput, NotFound, HostLacks) as error:
        assert str(error)
