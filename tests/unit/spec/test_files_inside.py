"""What a container finds in /etc: users looked up, hosts and resolv.conf written, nothing injected."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import environ, hosts, networks, users

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001:Alice:/home/alice:/bin/sh\n1000:x:7:7::/seven:/bin/sh\n"
GROUP = b"root:x:0:\nalice:x:1001:\nwheel:x:10:bob,alice\naudio:x:29:alice\n"


@pytest.mark.parametrize(
    ("user", "extra", "uid", "gid", "additional", "home"),
    [
        ("", (), 0, 0, (), "/root"),
        ("root", (), 0, 0, (0,), "/root"),
        ("alice", (), 1000, 1001, (1001, 10, 29), "/home/alice"),
        ("alice:wheel", (), 1000, 10, (10,), "/home/alice"),
        ("alice:wheel", ("55", "wheel"), 1000, 10, (10, 55), "/home/alice"),
        ("alice", ("audio",), 1000, 1001, (1001, 29, 10), "/home/alice"),
        ("1000", (), 7, 7, (7,), "/seven"),  # a user of that name wins over the number
        ("7", (), 7, 7, (7,), "/seven"),
        ("1234", (), 1234, 0, (0,), ""),
        ("1234:99", (), 1234, 99, (99,), ""),
        ("0:0", (), 0, 0, (0,), "/root"),
    ],
)
def test_lookup(user, extra, uid, gid, additional, home):
    account = users.lookup(user, PASSWD, GROUP, extra)
    assert (account.uid, account.gid, account.additional, account.home) == (uid, gid, additional, home)


@pytest.mark.parametrize(
    ("user", "extra"), [("nobody", ()), ("alice:nogroup", ()), ("alice", ("nogroup",)), ("4294967295", ())]
)
def test_who_is_not_there(user, extra):
    with pytest.raises(NotFound):
        users.lookup(user, PASSWD, GROUP, extra)


HOSTILE = [
    b"",
    b"\0" * 1000,
    b"root\n",
    b"root:x\n",
    b"root:x:zero:0:::\n",
    b"root:x:0:4294967296::/root:\n",
    b"root:x:-1:0::/root:\n",
    b"x" * (users.MAX_BYTES + 5),
    b"root:" + b"x" * 100_000 + b":0:0::/evil:\n",
    b"\xff\xfe:x:5:5::/x:\n",
    b"#root:x:5:5::/x:\n",
]


@pytest.mark.parametrize("passwd", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_read_as_empty(passwd):
    account = users.lookup("", passwd, passwd)
    assert (account.uid, account.gid, account.home) == (0, 0, "")


def test_a_home_that_is_no_path_is_not_taken():
    assert users.lookup("x", b"x:x:5:5::relative:\n", b"").home == ""


def test_a_file_without_end_is_read_in_bounded_time():
    content = b"u:x:1:1::/h:\n" * 400_000
    with pytest.raises(NotFound):
        users.lookup("last", content + b"last:x:2:2::/h:\n", b"")


@pytest.mark.parametrize("text", ["a\nb", "a:b:c", "a:", "a b:\0", " a", "a,b", "x" * 300])
def test_users_that_are_none(text):
    with pytest.raises(BadInput):
        users.parse(text)


def test_entries_for_an_unknown_user():
    account = users.lookup("1234:99", PASSWD, GROUP)
    assert users.passwd_entry(account, "/srv") == "1234:*:1234:99:container user:/srv:/bin/sh\n"
    assert users.passwd_entry(account, "/srv", "me:x:$UID:$GID::$HOME:/bin/ash") == "me:x:1234:99::/srv:/bin/ash\n"
    assert users.group_entry(account) == "99:x:99:\n"
    with pytest.raises(BadInput):
        users.passwd_entry(account, "/srv\nroot::0:0::/:/bin/sh")
    assert users.has_group(10, GROUP) and not users.has_group(99, GROUP)


def test_hosts_file_as_podman_orders_it():
    text = hosts.render_hosts(
        [hosts.parse_entry("a:1.2.3.4"), hosts.parse_entry("b;c:host-gateway")],
        hosts.parse_base(b"127.0.0.1 localhost # x\n::1 localhost a\nbroken\n300.1.1.1 x\n\xff\n"),
        "10.88.0.1",
        [hosts.HostEntry("10.88.0.4", ("myhost", "web"))],
    )
    assert text == (
        "1.2.3.4\ta\n10.88.0.1\tb c\n127.0.0.1\tlocalhost\n::1\tlocalhost\n"
        "10.88.0.1\thost.containers.internal host.docker.internal\n10.88.0.4\tmyhost web\n"
    )


def test_no_gateway_no_host_gateway():
    assert "host.containers.internal" not in hosts.render_hosts([], [], "", [])
    with pytest.raises(BadInput, match="gateway"):
        hosts.render_hosts([hosts.parse_entry("b:host-gateway")], [], "", [])


def test_resolv_conf():
    assert (
        hosts.render_resolv_conf(["1.1.1.1"], ["ex.com"], ["ndots:2"])
        == "search ex.com\nnameserver 1.1.1.1\noptions ndots:2\n"
    )
    assert hosts.render_resolv_conf(["1.1.1.1"], ["."], []) == "nameserver 1.1.1.1\n"
    assert hosts.parse_resolv_conf(b"domain a\nsearch b c\n# x\nnameserver 1.1.1.1\noptions x y\nnameserver\n") == (
        ("1.1.1.1",),
        ("b", "c"),
        ("x", "y"),
    )


INJECTIONS = [
    lambda: hosts.parse_entry("a\n6.6.6.6 bank:1.2.3.4"),
    lambda: hosts.parse_entry("a:1.2.3.4\n6.6.6.6 bank"),
    lambda: hosts.parse_entry("a b:1.2.3.4"),
    lambda: hosts.checked_hostname("a\nb"),
    lambda: hosts.checked_hostname("a b"),
    lambda: hosts.checked_hostname("-a"),
    lambda: hosts.checked_hostname(""),
    lambda: hosts.checked_hostname("a" * 254),
    lambda: hosts.checked_dns_option("a\nnameserver 6.6.6.6"),
    lambda: hosts.checked_address("1.1.1.1\nx", "dns"),
    lambda: hosts.render_hostname("a\nb"),
    lambda: hosts.render_resolv_conf(["1.1.1.1\nnameserver 6.6.6.6"], [], []),
    lambda: hosts.render_resolv_conf([], ["a\nb"], []),
    lambda: hosts.render_hosts([], [], "", [hosts.HostEntry("1.1.1.1", ("a\nb",))]),
    lambda: hosts.render_containerenv(hosts.ContainerEnv("e", "n", "i", "x\nid=evil", "y", False)),
    lambda: networks.parse(["podman:alias=a\nb"]),
    lambda: environ.checked_name("A\nB", "env"),
    lambda: environ.checked_name("A=B", "env"),
    lambda: environ.checked_value("a\0b", "A", "env"),
]


@pytest.mark.parametrize("deed", INJECTIONS, ids=range(len(INJECTIONS)))
def test_a_line_break_is_refused(deed):
    with pytest.raises(BadInput):
        deed()


def test_containerenv_tells_only_the_privileged():
    assert hosts.render_containerenv(None) == ""
    text = hosts.render_containerenv(hosts.ContainerEnv("podman-5.4.2", "web", "1" * 4, "img", "2" * 4, True))
    assert text == 'engine="podman-5.4.2"\nname="web"\nid="1111"\nimage="img"\nimageid="2222"\nrootless=1\n'


def test_environment_of_a_task():
    assert environ.from_mapping({"A": 1, "B": None, "C": True, "D": "x=y"}) == {
        "A": "1",
        "B": "",
        "C": "True",
        "D": "x=y",
    }
    with pytest.raises(BadInput):
        environ.from_mapping({"A": {"b": 1}})


def test_a_variable_without_value_takes_nothing_from_the_host(monkeypatch):
    monkeypatch.setenv("SECRET", "of the host")
    assert environ.from_list(["SECRET", "A=1", "=x", "A=2"]) == {"A": "2"}
    assert environ.from_file(b"SECRET\nA=1\n", "f") == {"A": "1"}


def test_env_files():
    content = b'\xef\xbb\xbfA=1\r\n# comment\n\n  B = two words \nC="q"\nD=$HOME\n'
    assert environ.from_file(content, "f") == {"A": "1", "B": " two words ", "C": '"q"', "D": "$HOME"}
    for bad in (b"\xff\xfe", b"a b=1\n", b"=1\n", b"A" * (environ.MAX_FILE_BYTES + 1), b"A=\0\n"):
        with pytest.raises(BadInput, match="f"):
            environ.from_file(bad, "f")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["host"], networks.NetworkWish("host")),
        (["none"], networks.NetworkWish("none")),
        (["container:web"], networks.NetworkWish("container", "web")),
        (["ns:/run/netns/x"], networks.NetworkWish("ns", "/run/netns/x")),
        (["slirp4netns:mtu=1"], networks.NetworkWish("slirp4netns", "mtu=1")),
        (["bridge"], networks.NetworkWish("bridge", "", (networks.Endpoint(""),))),
        (["a", "b"], networks.NetworkWish("bridge", "", (networks.Endpoint("a"), networks.Endpoint("b")))),
        (
            ["a:ip=10.0.0.2,ip6=fd00::0:2,mac=02-00-00-00-00-0A,alias=x,alias=y,interface_name=e0"],
            networks.NetworkWish(
                "bridge", "", (networks.Endpoint("a", ("x", "y"), ("10.0.0.2", "fd00::2"), "02:00:00:00:00:0a", "e0"),)
            ),
        ),
        (
            ["a:ip=10.0.0.2", "alias=x"],
            networks.NetworkWish("bridge", "", (networks.Endpoint("a", ("x",), ("10.0.0.2",)),)),
        ),
    ],
)
def test_networks(texts, expected):
    assert networks.parse(texts) == expected


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["a", "host"],
        ["a", "a"],
        ["a b"],
        ["container:"],
        ["ns:x"],
        ["host:x"],
        ["a:ip=x"],
        ["a:foo=1"],
        ["a:mac=1"],
        ["a:interface_name=a b"],
        ["bridge", "default"],
    ],
)
def test_networks_that_are_none(texts):
    with pytest.raises(BadInput):
        networks.parse(texts)
