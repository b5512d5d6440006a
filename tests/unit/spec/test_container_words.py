"""Small words of a container: signals, limits, restart policies, commands, names, modes, devices."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import (
    command,
    devices,
    healthcheck,
    names,
    namespaces,
    restart,
    signals,
    ulimits,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15),
        ("term", 15),
        ("15", 15),
        (9, 9),
        ("SIGRTMIN", 34),
        ("RTMIN+3", 37),
        ("SIGRTMAX-1", 63),
        ("64", 64),
    ],
)
def test_signals(text, number):
    assert signals.parse(text) == number


@pytest.mark.parametrize(
    "text", ["", "0", "65", "-1", "SIG", "SIGFOO", "RTMIN-1", "RTMIN+99", "SIG_DFL", "TERM ; x", "²"]
)
def test_signals_that_are_none(text):
    with pytest.raises(BadInput, match="signal"):
        signals.parse(text)


def test_signal_names_come_back():
    assert [signals.name(number) for number in (15, 9, 34, 37, 64, 99)] == [
        "SIGTERM",
        "SIGKILL",
        "SIGRTMIN",
        "SIGRTMIN+3",
        "SIGRTMIN+30",
        "99",
    ]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("nofile=100", ("nofile", 100, 100)),
        ("RLIMIT_NOFILE=100:200", ("nofile", 100, 200)),
        ("core=-1", ("core", ulimits.UNLIMITED, ulimits.UNLIMITED)),
        ("nproc=5:unlimited", ("nproc", 5, ulimits.UNLIMITED)),
    ],
)
def test_ulimits(text, limit):
    assert tuple(ulimits.parse(text)) == limit


@pytest.mark.parametrize(
    "text", ["nofile", "nofile=", "nofile=2:1", "foo=1", "nofile=x", "nofile=-2", "nofile=1:2:3", "=1"]
)
def test_ulimits_that_are_none(text):
    with pytest.raises(BadInput, match="ulimit"):
        ulimits.parse(text)


def test_the_last_of_two_limits_counts():
    assert [str(limit) for limit in ulimits.parse_all(["nofile=1", "core=0", "nofile=2"])] == ["core=0:0", "nofile=2:2"]


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("no", ("no", 0)),
        (False, ("no", 0)),
        (None, ("no", 0)),
        ("", ("no", 0)),
        ("never", ("no", 0)),
        ("Always", ("always", 0)),
        ("on-failure", ("on-failure", 0)),
        ("on-failure:5", ("on-failure", 5)),
        ("unless-stopped", ("unless-stopped", 0)),
    ],
)
def test_restart_policies(text, policy):
    assert tuple(restart.parse(text)) == policy


@pytest.mark.parametrize("text", ["sometimes", "always:3", "on-failure:x", "on-failure:-1", True])
def test_restart_policies_that_are_none(text):
    with pytest.raises(BadInput, match="restart_policy"):
        restart.parse(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("sh -c 'echo hello world'", ("sh", "-c", "echo hello world")),
        ('sh -c "echo $HOME; ls"', ("sh", "-c", "echo $HOME; ls")),
        ("a\\ b c", ("a b", "c")),
        (["a b", 1, True], ("a b", "1", "True")),
        ([], ()),
        ("", ()),
    ],
)
def test_commands(value, expected):
    assert command.words(value, "command") == expected


@pytest.mark.parametrize("value", ['sh -c "x', ["a", None], ["a", ["b"]], ["a\0b"]])
def test_commands_that_are_none(value):
    with pytest.raises(BadInput, match="command"):
        command.words(value, "command")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/bin/sh", ("/bin/sh",)),
        ("/bin/sh -c", ("/bin/sh", "-c")),
        ('["/bin/sh", "-c"]', ("/bin/sh", "-c")),
        (["/bin/sh", "a b"], ("/bin/sh", "a b")),
        ("", ("",)),
    ],
)
def test_entrypoints(value, expected):
    assert command.entrypoint(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ls /", ("CMD-SHELL", "ls /")),
        ("CMD-SHELL ls /", ("CMD-SHELL", "ls /")),
        ("CMD ls 'a b'", ("CMD", "ls", "a b")),
        ('["ls", "/"]', ("CMD", "ls", "/")),
        ('["ls /"]', ("CMD-SHELL", "ls /")),
        ('["CMD", "ls"]', ("CMD", "ls")),
        (["CMD-SHELL", "ls /"], ("CMD-SHELL", "ls /")),
        (["ls", "/"], ("CMD", "ls", "/")),
        ("none", ("NONE",)),
        (["NONE"], ("NONE",)),
        ("[ -f /x ]", ("CMD-SHELL", "[ -f /x ]")),
    ],
)
def test_health_checks(value, expected):
    assert healthcheck.test_words(value, "healthcheck") == expected


@pytest.mark.parametrize("value", ["", "CMD", "CMD-SHELL ", [], ["CMD"]])
def test_health_checks_without_a_command(value):
    with pytest.raises(BadInput, match="names no command"):
        healthcheck.test_words(value, "healthcheck")


def test_health_document_has_podmans_defaults():
    second = 1_000_000_000
    assert healthcheck.document(("CMD", "x"), {"Retries": 5}) == {
        "Test": ["CMD", "x"],
        "Interval": 30 * second,
        "Timeout": 30 * second,
        "Retries": 5,
    }
    assert healthcheck.document(("NONE",), {"Retries": 5}) == {"Test": ["NONE"]}
    assert "Interval" not in healthcheck.document(("CMD", "x"), {"Interval": healthcheck.period("disable", "interval")})
    with pytest.raises(BadInput):
        healthcheck.period("100ms", "healthcheck_timeout", 1_000_000_000)


def test_health_check_of_an_image_is_not_trusted():
    assert healthcheck.from_image({"Test": ["CMD", "x"], "Interval": 5, "Retries": -1}) == (
        ("CMD", "x"),
        {"Interval": 5},
    )
    for test in (None, "x", [], [1], ["rm -rf /"]):
        assert healthcheck.from_image({"Test": test}) == ((), {})


@pytest.mark.parametrize("name", ["web", "a.b-c_d", "0a"])
def test_names(name):
    assert names.check_name(name, "container") == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a\n", "ä"])
def test_names_that_are_none(name):
    with pytest.raises(BadInput, match="name of a container"):
        names.check_name(name, "container")


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("", "pid", ("private", "")),
        ("host", "ipc", ("host", "")),
        ("shareable", "ipc", ("shareable", "")),
        ("container:web", "uts", ("container", "web")),
        ("ns:/run/netns/../netns/x", "pid", ("ns", "/run/netns/x")),
        ("keep-id:gid=2,uid=1", "userns", ("keep-id", "gid=2,uid=1")),
        ("auto:size=1000", "userns", ("auto", "size=1000")),
    ],
)
def test_namespace_modes(text, kind, expected):
    assert tuple(namespaces.parse(text, kind)) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("shareable", "pid"),
        ("host:x", "pid"),
        ("container:", "pid"),
        ("ns:x", "pid"),
        ("keep-id:foo=1", "userns"),
        ("keep-id:uid=x", "userns"),
        ("nomap:1", "userns"),
        ("container:a b", "ipc"),
    ],
)
def test_namespace_modes_that_are_none(text, kind):
    with pytest.raises(BadInput, match=f"read {kind}"):
        namespaces.parse(text, kind)


def test_keep_id_maps_the_caller_onto_itself():
    uids, gids = namespaces.keep_id(1000, 100, (65536, 65536), {})
    assert [tuple(r) for r in uids] == [(0, 1, 1000), (1000, 0, 1), (1001, 1001, 64536)]
    assert [tuple(r) for r in gids] == [(0, 1, 100), (100, 0, 1), (101, 101, 65436)]
    uids, _gids = namespaces.keep_id(1000, 100, (65536, 65536), {"uid": "0"})
    assert [tuple(r) for r in uids] == [(0, 0, 1), (1, 1, 65535 + 1)]


def test_keep_id_never_maps_an_id_twice():
    for uid, have, wanted in (
        (1000, 65536, {}),
        (5, 3, {}),
        (0, 0, {}),
        (1000, 65536, {"uid": "70000"}),
        (1, 9, {"size": "4"}),
    ):
        uids, _gids = namespaces.keep_id(uid, uid, (have, have), wanted)
        for side in (0, 1):
            spans = sorted((r[side], r[side] + r.size) for r in uids)
            assert all(end <= start for (_first, end), (start, _last) in zip(spans, spans[1:])), (uids, side)
        assert all(r.outside + r.size <= have + 1 for r in uids)


@pytest.mark.parametrize("text", ["0", "0:1:2:3", "a:b", "0:100000:0", "0:4294967295:2", "-1:0:1"])
def test_id_maps_that_are_none(text):
    with pytest.raises(BadInput, match="uidmap"):
        namespaces.parse_map(text, "uidmap")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/dev/null", "/dev/null:/dev/null:rwm"),
        ("/dev/null:/dev/x", "/dev/null:/dev/x:rwm"),
        ("/dev/null:r", "/dev/null:/dev/null:r"),
        ("/dev/null:/dev/x:wr", "/dev/null:/dev/x:rw"),
        ("/dev/../dev/null", "/dev/null:/dev/null:rwm"),
    ],
)
def test_devices(text, expected):
    assert str(devices.parse(text)) == expected


@pytest.mark.parametrize("text", ["null", "/dev/null:x", "/dev/a:/dev/b:rwx", "/dev/a:/dev/b:r:w", "", "/dev/a\n"])
def test_devices_that_are_none(text):
    with pytest.raises(BadInput, match="device"):
        devices.parse(text)


def test_device_rules():
    assert tuple(devices.parse_rule("c 1:3 mrw")) == ("c", 1, 3, "rwm")
    assert tuple(devices.parse_rule("b *:* r")) == ("b", None, None, "r")
    for text in ("c 1 r", "d 1:2 r", "c 1:2 x", "c 1:2"):
        with pytest.raises(BadInput):
            devices.parse_rule(text)


def test_throttles():
    assert devices.parse_throttle("/dev/sda:1mb", "o", is_size=True) == ("/dev/sda", 1024**2)
    assert devices.parse_throttle("/dev/sda:100", "o", is_size=False) == ("/dev/sda", 100)
    for text in ("/dev/sda", "sda:1", "/dev/sda:x"):
        with pytest.raises(BadInput):
            devices.parse_throttle(text, "o", is_size=False)
