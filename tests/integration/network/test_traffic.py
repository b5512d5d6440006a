"""Attached namespaces really talk, and really do not where they must not."""

from __future__ import annotations

import pytest


def test_http_udp_and_names_between_containers_and_from_the_host(inside):
    result = inside("""
NETWORKS.create(Draft("web"))
a = Container("a", ["web"], ports=["8080:80", "127.0.0.1:9007:7/udp"], aliases=("front", "www")).serve()
b = Container("b", ["web"]).serve()
backwards = ".".join(reversed(a.ips[0].split("."))) + ".in-addr.arpa"
result = {
    "b_to_a": b.get(a.ips[0]), "b_to_a_udp": b.echo(a.ips[0]),
    "host_to_a": get(a.ips[0]), "published": get("127.0.0.1", 8080), "published_udp": echo("127.0.0.1", 9007),
    "names": [b.resolve(name) == [a.ips[0]] for name in ("a", "front", "www", a.id[:12], "a.dns.podman")],
    "reverse": b.resolve(backwards, "PTR"),
    "unknown": b.resolve("nobody"),
    "status": a.status, "search": a.connection.search, "nameservers": a.connection.nameservers,
}
a.down(); result["a_gone"] = b.resolve("a"); result["port_gone"] = fails(get, "127.0.0.1", 8080, 1)
b.down(netns_first=True)
result["left"] = left_over()
show(result)
""")
    assert result["b_to_a"].startswith("a to 10.89.0.3")
    assert result["b_to_a_udp"] == "a:ping"
    assert result["host_to_a"].startswith("a to ")
    assert result["published"].startswith("a to ")
    assert result["published_udp"] == "a:ping"
    assert all(result["names"])
    assert "a" in [name.split(".")[0] for name in result["reverse"]]
    assert result["unknown"] in ("NXDOMAIN", "TIMEOUT", "2")  # a question for upstream, which this machine lacks
    assert result["nameservers"] == ["10.89.0.1"]
    assert result["search"] == ["dns.podman"]
    assert result["a_gone"] != ["10.89.0.2"]
    assert result["port_gone"]
    assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}


def test_networks_do_not_see_each_other_and_internal_ones_do_not_see_the_world(inside):
    result = inside("""
import subprocess
NETWORKS.create(Draft("red", options={"isolate": "true"}))
NETWORKS.create(Draft("blue", options={"isolate": "true"}))
NETWORKS.create(Draft("inner", internal=True))
NETWORKS.create(Draft("open"))
# another host: a namespace at the end of a wire
other = netns.create("/run/netns/otherhost")
for words in ("link add wire0 type veth peer name wire1", "addr add 198.51.100.1/24 dev wire0", "link set wire0 up",
              "link set wire1 netns otherhost", "-n otherhost addr add 198.51.100.2/24 dev wire1",
              "-n otherhost link set wire1 up", "-n otherhost link set lo up",
              "-n otherhost route add default via 198.51.100.1"):
    subprocess.run(["ip", *words.split()], check=True)
enter = ["nsenter", "--net=/run/netns/otherhost"]
server = subprocess.Popen([*enter, sys.executable, "-c", SERVER, "world"], stdout=subprocess.PIPE)
atexit.register(server.kill)
server.stdout.readline()
red, blue = Container("r", ["red"]).serve(), Container("b", ["blue"]).serve()
inner, inner2 = Container("i", ["inner"]).serve(), Container("i2", ["inner"])
opened = Container("o", ["open"], ports=["8081:80", "198.51.100.1:8082:80", "127.0.0.1:8083:80"]).serve()
def outside(port):
    return netns.visit(other, lambda: get("198.51.100.1", port, 20 if port != 8083 else 2))
result = {
    "red_blue": fails(red.get, blue.ips[0], timeout=1), "blue_red": fails(blue.get, red.ips[0], timeout=1),
    "red_world": red.get("198.51.100.2"), "open_world": opened.get("198.51.100.2"),
    "inner_world": fails(inner.get, "198.51.100.2", timeout=1), "inner_inner": inner2.get(inner.ips[0]),
    "world_8081": outside(8081), "world_8082": outside(8082), "world_8083": fails(outside, 8083),
    "host_8081": get("198.51.100.1", 8081), "host_8083": get("127.0.0.1", 8083),
    "udp_not_published": fails(echo, "127.0.0.1", 8081, 1),
}
for each in (red, blue, inner, inner2, opened):
    each.down()
server.kill(); netns.remove(other)
result["left"] = left_over() == NOTHING_LEFT
show(result)
""")
    assert result.pop("red_world").endswith("to 198.51.100.1")  # masqueraded
    assert result.pop("open_world").endswith("to 198.51.100.1")
    assert result.pop("world_8081").endswith("to 198.51.100.2")  # the real client's address
    assert result.pop("inner_inner").startswith("i to 10.89.")
    for key in ("world_8082", "host_8081", "host_8083"):
        assert result.pop(key).startswith("o to "), key
    assert all(value is True for value in result.values()), result


def test_ipv6_dual_stack_static_addresses_and_several_networks(inside):
    result = inside("""
NETWORKS.create(Draft("dual", subnets=(SubnetDraft("10.77.0.0/24"), SubnetDraft("fd77::/64")), ipv6=True))
NETWORKS.create(Draft("second", subnets=(SubnetDraft("10.78.0.0/24", "10.78.0.254", "10.78.0.64/29"),)))
first = Attachment("dual", static_ips=("10.77.0.20", "fd77::20"), static_mac="02-42-AC-11-00-02")
second = Attachment("second", interface="front0", aliases=("behind",))
a = Container("a", [first, second], ports=["8091:80"]).serve()
b = Container("b", ["dual"]).serve()
c = Container("c", ["second"]).serve()
result = {
    "a": a.status, "b_a4": b.get("10.77.0.20"), "b_a6": b.get("fd77::20"), "b_a6_udp": b.echo("fd77::20"),
    "aaaa": b.resolve("a", "AAAA"), "a4": b.resolve("a"),
    "second": [address for address in a.ips if address.startswith("10.78.")], "c": c.ips,
    "alias_on_second": c.resolve("behind"), "alias_not_on_dual": b.resolve("behind"),
    "published6": get("fd77::1", 8091), "published4": get("127.0.0.1", 8091),
    "mac": a.run("cat", "/sys/class/net/eth0/address", check=False).stdout,
}
for each in (a, b, c):
    each.down()
result["left"] = left_over()
show(result)
""")
    assert result["a"]["dual"]["interfaces"]["eth0"]["mac_address"] == "02:42:ac:11:00:02"
    assert list(result["a"]["second"]["interfaces"]) == ["front0"]
    assert result["second"] == ["10.78.0.65"]
    assert result["c"] == ["10.78.0.66"]
    for key in ("b_a4", "b_a6", "published6", "published4"):
        assert result[key].startswith("a to "), key
    assert result["b_a6_udp"] == "a:ping"
    assert result["aaaa"] == ["fd77::20"]
    assert result["a4"] == ["10.77.0.20"]
    assert result["alias_on_second"] == ["10.78.0.65"]
    assert result["alias_not_on_dual"] != ["10.78.0.65"]
    assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}


def test_the_default_network_and_the_mtu(inside):
    result = inside("""
NETWORKS.create(Draft("small", options={"mtu": "1300"}))
a = Container("a", ["podman"], ports=["8080:80"]).serve()
b = Container("b", ["small"])
result = {"a": a.ips, "get": get("127.0.0.1", 8080), "dns": list(a.connection.nameservers),
          "host": a.connection.host_address, "mtu": b.run("ip", "link", "show", "eth0").stdout,
          "file": os.path.exists("/etc/containers/networks/podman.json")}
a.down(); b.down()
result["left"] = left_over()
show(result)
""")
    assert result["a"] == ["10.88.0.2"]
    assert result["get"].startswith("a to")
    assert result["dns"] == []
    assert result["host"] == "10.88.0.1"
    assert "mtu 1300" in result["mtu"]
    assert not result["file"]
    assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}


def test_what_fails_leaves_nothing(inside, machine):
    result = inside("""
NETWORKS.create(Draft("net", subnets=(SubnetDraft("10.77.0.0/30"),)))
NETWORKS.create(Draft("net2"))
a = Container("a", ["net"], ports=["8080:80"])
def refused(*words, **more):
    try:
        Container(*words, **more).down()
    except errors.EngineError as error:
        return type(error).__name__ + ": " + str(error)
    return "not refused"
busy = socket.socket(); busy.bind(("127.0.0.1", 9090)); busy.listen()
result = {
    "full": refused("b", ["net"]),
    "taken": refused("b", ["net"], static_ips=("10.77.0.2",)),
    "gateway": refused("b", ["net"], static_ips=("10.77.0.1",)),
    "outside": refused("b", ["net"], static_ips=("10.99.0.1",)),
    "missing": refused("b", ["nonet"]),
    "twice": refused("b", ["net", "net"]),
    "port": refused("b", ["podman"], ports=["8080:80"]),
    "host_port": refused("b", ["podman"], ports=["9090:80"]),
    "no_such_address": refused("b", ["podman"], ports=["203.0.113.9:9091:80"]),
    "alias": refused("b", ["net"], aliases=("bad name",)),
    "mac": refused("b", ["podman"], static_mac="nonsense"),
    "interface": refused("b", [Attachment("podman", interface="waytoolonginterfacename")]),
    "any_ipv6": refused("b", ["podman"], ports=["[::]:8098:80"]),
    "netavark": refused("b", ["podman", Attachment("net2", static_mac="01:00:5e:00:00:01")], ports=["8099:80"]),
}
a.down()
result["left"] = left_over()
show(result)
""")
    assert result["full"].startswith("Conflict: give an address on network net: no free address")
    assert "10.77.0.2 is taken by container 61616161" in result["taken"]
    assert "is the network's gateway" in result["gateway"]
    assert "10.99.0.1 is not in its subnets (10.77.0.0/30)" in result["outside"]
    assert result["missing"].startswith("NotFound: ") and "network nonet does not exist" in result["missing"]
    assert "given twice" in result["twice"]
    assert result["port"].startswith("Conflict: publish 0.0.0.0:8080/tcp: already in use by ")
    assert "python3" in result["host_port"]
    assert "this host has no address 203.0.113.9" in result["no_such_address"]
    assert "not a host name" in result["alias"]
    assert "not one as 02:42" in result["mac"]
    words = machine.sh("/usr/lib/podman/netavark --version").split()
    new = tuple(int(part) for part in words[-1].split(".")[:2]) >= (1, 6)
    assert result["any_ipv6"] == "not refused" if new else "too old for the address [::]" in result["any_ipv6"]
    assert "is no interface name" in result["interface"]
    assert result["netavark"].startswith("ToolFailed: attach container b to its networks: netavark: ")
    assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}


@pytest.mark.machine(os="debian13")
def test_the_same_with_netavark_of_debian_13(inside):
    result = inside("""
NETWORKS.create(Draft("web", ipv6=True))
a = Container("a", ["web"], ports=["8080:80", "9007:7/udp", "[::]:8090:80"], aliases=("front",)).serve()
b = Container("b", ["web"]).serve()
gateway6 = a.status["web"]["interfaces"]["eth0"]["subnets"][1]["gateway"]
backwards = ".".join(reversed(a.ips[0].split("."))) + ".in-addr.arpa"
result = {"get": b.get(a.ips[0]), "get6": b.get(a.ips[1]), "any6": get(gateway6, 8090),
          "published": get("127.0.0.1", 8080), "udp": echo("127.0.0.1", 9007),
          "name": b.resolve("front") == [a.ips[0]], "reverse": b.resolve(backwards, "PTR")}
a.down(netns_first=True)
result["port_gone"] = fails(get, "127.0.0.1", 8080, 1)
b.down(netns_first=True)
left = left_over()
tables = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
in_nft = [line.strip() for line in tables.splitlines() if "8080" in line or "10.89.0.2" in line]
show({**result, "left": left, "in_nft": in_nft})
""")
    assert result["get"].startswith("a to ") and result["get6"].startswith("a to ")
    assert result["published"].startswith("a to ") and result["any6"].startswith("a to ")
    assert result["udp"] == "a:ping"
    assert result["name"]
    assert any(name.startswith(("a.", "front.")) or name in ("a", "front") for name in result["reverse"])
    assert result["port_gone"]
    assert result["in_nft"] == []
    assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}


def test_who_comes_back_under_its_address_is_reached_at_once(inside):
    result = inside("""
NETWORKS.create(Draft("web"))
reader = Container("reader", ["web"])
first = Container("a", ["web"], ports=["8080:80"], static_ips=("10.89.0.40",)).serve("first")
before = [reader.get("10.89.0.40"), get("127.0.0.1", 8080)]
first.down()
second = Container("a", ["web"], ports=["8080:80"], static_ips=("10.89.0.40",)).serve("second")
started = time.monotonic()
after = [reader.get("10.89.0.40", timeout=20), get("127.0.0.1", 8080, 20)]
seconds = time.monotonic() - started
second.down(); reader.down()
show([*before, *after, seconds])
""")
    assert [text.split()[0] for text in result[:4]] == ["first", "first", "second", "second"]
    assert result[4] < 7, "a hardware address that is remembered wrongly costs eight seconds"


DROPPED = """
NETWORKS.create(Draft("plain", dns_enabled=False))
NETWORKS.create(Draft("closed", dns_enabled=False, internal=True))
def traces():
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
    rules = [line for line in rules.splitlines() if "counter" not in line] + firewall()
    files = [os.path.join(at, name) for at, _folders, names in os.walk(CTX.settings.run_dir) for name in names]
    links = lambda: [name for _index, name in socket.if_nameindex() if name.startswith("veth")]
    deadline = time.monotonic() + 30  # the kernel clears the links of a namespace a moment later
    while len(links()) > len(NAMES) and time.monotonic() < deadline:
        time.sleep(0.05)
    leases = {name: sorted(held) for name, held in ipam.holders_by_network(CTX.settings.ipam_db).items()}
    return [rules, sorted(files), len(links()), leases]
calls = []
real = setup.run_netavark
def counted(ctx, verb, *more):
    calls.append(verb)
    return real(ctx, verb, *more)
setup.run_netavark = counted
NAMES = ["plain", "closed", "podman"]
first = Container("first", NAMES)
before = traces()
for alone in (False, True):
    calls.clear()
    second = Container("second", NAMES)
    second.let_go()
    connect.disconnect(CTX, second.netns, second.net, second.way, alone=alone)
    netns.remove(second.netns)
    assert traces() == before, (alone, traces(), before)
    assert calls == ["setup"] + ["teardown"] * (not alone), calls
calls.clear()
first.let_go()
connect.disconnect(CTX, first.netns, first.net, first.way, alone=True)
netns.remove(first.netns)
show({"left": left_over(), "calls": calls})
"""


@pytest.mark.parametrize("os", ["host", "debian13"])
def test_one_whose_links_are_all_it_has_leaves_without_netavark(new_machine, run_in, os):
    result = run_in(new_machine(os=os), DROPPED)
    assert result["calls"] == ["teardown"], "the last one takes the network along"
    assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}
