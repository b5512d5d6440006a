"""Networks of other drivers, and changes while somebody is attached."""

from __future__ import annotations


def test_macvlan_reaches_the_wire(inside):
    result = inside("""
other = netns.create("/run/netns/otherhost")
for words in ("link add wire0 type veth peer name wire1", "link set wire0 up", "link set wire1 netns otherhost",
              "-n otherhost addr add 10.60.0.1/24 dev wire1", "-n otherhost link set wire1 up"):
    subprocess.run(["ip", *words.split()], check=True)
server = subprocess.Popen(["nsenter", "--net=/run/netns/otherhost", sys.executable, "-c", SERVER, "world"],
                          stdout=subprocess.PIPE)
atexit.register(server.kill)
server.stdout.readline()
subnets = (SubnetDraft("10.60.0.0/24", "10.60.0.1", "10.60.0.32/27"),)
NETWORKS.create(Draft("lan", driver="macvlan", interface="wire0", subnets=subnets))
made = Container("c", ["lan"])
result = {"ips": made.ips, "answer": made.get("10.60.0.1")}
made.down()
again = Container("d", ["lan"])
again.down(netns_first=True)
result["again"] = again.ips
server.kill(); netns.remove(other)
show({**result, "leases": {k: v for k, v in ipam.holders_by_network(CTX.settings.ipam_db).items() if v}})
""")
    assert result["ips"] == ["10.60.0.33"]
    assert result["answer"] == "world to 10.60.0.33"
    assert result["again"] == ["10.60.0.34"]
    assert result["leases"] == {}


def test_dns_servers_change_under_a_running_resolver(machine, inside):
    machine.task("network", {"name": "web", "dns": ["192.0.2.53"]})
    found = inside('a = Container("a", ["web"])\nshow([a.id, a.netns])')
    entries = "/run/containers/networks/aardvark-dns/web"
    assert "192.0.2.53" in machine.read(entries).splitlines()[0]
    foretold = machine.task("network", {"name": "web", "dns": ["192.0.2.54"]}, check=True)
    done = machine.task("network", {"name": "web", "dns": ["192.0.2.54"]})
    assert done["diff"] == foretold["diff"] == {"before": {"dns": ["192.0.2.53"]}, "after": {"dns": ["192.0.2.54"]}}
    first = machine.read(entries).splitlines()[0]
    assert "192.0.2.54" in first and "192.0.2.53" not in first
    left = inside(f"""
connect.disconnect(CTX, {found[1]!r}, ContainerNet({found[0]!r}, "a", "a", (Attachment("web"),)), connect.Way())
netns.remove({found[1]!r})
show(left_over() == NOTHING_LEFT)
""")
    assert left is True
