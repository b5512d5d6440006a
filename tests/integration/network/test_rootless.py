"""A plain user's networks: bridges in the shared namespace, pasta, slirp4netns, published ports."""

from __future__ import annotations

import pytest

USER = "tester"


def test_bridge_with_names_and_published_ports(inside, machine):
    result = inside(
        """
NETWORKS.create(Draft("web"))
a = Container("a", ["web"], ports=["8080:80", "127.0.0.1:9007:7/udp"], aliases=("front",)).serve()
b = Container("b", ["web"]).serve()
result = {
    "b_to_a": b.get(a.ips[0]), "name": b.resolve("front") == [a.ips[0]], "udp": b.echo(a.ips[0]),
    "published": get("127.0.0.1", 8080), "published_udp": echo("127.0.0.1", 9007),
    "count": open(os.path.join(CTX.settings.rootless_netns_dir, "ref-count")).read(),
    "info": json.load(open(os.path.join(CTX.settings.rootless_netns_dir, "info.json"))),
    "host_links": [name for _index, name in socket.if_nameindex() if name.startswith(("podman", "veth"))],
}
taken = None
try:
    Container("c", ["web"], ports=["8080:80"])
except errors.Conflict as error:
    taken = str(error)
result["taken"] = taken
pid = int(open(os.path.join(CTX.settings.rootless_netns_dir, "rootless-netns-conn.pid")).read())
b.down()
result["still"] = get("127.0.0.1", 8080)
forwarder = a.connection.helper_pid
a.down()
for _try in range(1000):
    if not os.path.exists(f"/proc/{forwarder}/fd") or open(f"/proc/{forwarder}/stat").read().split(") ")[1][0] == "Z":
        break
    time.sleep(0.02)
else:
    result["forwarder_lives"] = True
result["refused"] = fails(get, "127.0.0.1", 8080, 1)
def lives(pid):
    try:
        return open(f"/proc/{pid}/stat").read().split(") ")[1][0] != "Z"
    except OSError:
        return False
for _try in range(1000):
    if not lives(pid):
        break
    time.sleep(0.02)
result["pasta_lives"] = lives(pid)
result["left"] = [os.listdir(CTX.settings.run_dir), netns.bound_in(CTX.settings.netns_dir),
                  {k: v for k, v in ipam.holders_by_network(CTX.settings.ipam_db).items() if v}]
show(result)
""",
        user=USER,
    )
    assert result["b_to_a"].startswith("a to 10.89.0.3")
    assert result["name"] and result["udp"] == "a:ping"
    assert result["published"] == "a to 10.89.0.2", "a published port must never look like loopback"
    assert result["published_udp"] == "a:ping"
    assert result["count"] == "2"
    assert result["info"]["DnsForwardIps"] == ["169.254.1.1"]
    assert result["host_links"] == []
    assert result["taken"].endswith("already in use by container a")
    assert result["still"].startswith("a to ")
    assert "forwarder_lives" not in result and result["refused"] and not result["pasta_lives"]
    run_dir, namespaces, leases = result["left"]
    assert "rootless-netns" not in run_dir and namespaces == [] and leases == {}


@pytest.mark.parametrize("kind", ["pasta", "slirp4netns"])
@pytest.mark.parametrize("os", ["host", "debian13"])
def test_pasta_and_slirp(new_machine, run_in, kind, os):
    machine = new_machine(os=os)
    result = run_in(
        machine,
        f"""
way = connect.Way({kind!r})
a = Container("a", [], ports=["8080:80", "8081-8082:80-81", "9007:7/udp"], way=way).serve()
result = {{"tcp": get("127.0.0.1", 8080), "range": get("127.0.0.1", 8081), "udp": echo("127.0.0.1", 9007),
          "other": get("192.0.2.10", 8080), "ips": a.ips, "dns": a.connection.nameservers}}
try:
    Container("b", [], ports=["8080:80"], way=way)
except errors.Conflict as error:
    result["taken"] = str(error)
a.down()
result["gone"] = fails(get, "127.0.0.1", 8080, 1)
again = Container("a", [], ports=["8080:80", "9007:7/udp"], way=way).serve("again")
result["again"] = get("127.0.0.1", 8080)
again.down()
result["left"] = [netns.bound_in(CTX.settings.netns_dir),
                  os.path.isdir(CTX.settings.run_dir) and os.listdir(CTX.settings.run_dir)]
show(result)
""",
        user=USER,
    )
    assert result["tcp"].startswith("a to ") and not result["tcp"].endswith("to 127.0.0.1")
    assert result["range"].startswith("a to ") and result["udp"] == "a:ping" and result["other"].startswith("a to ")
    assert result["dns"] == (["169.254.1.1"] if kind == "pasta" else ["10.0.2.3"])
    assert "already in use" in result["taken"]
    assert result["gone"] and result["again"].startswith("again to ")
    assert result["left"][0] == [] and not result["left"][1], result["left"]


def test_a_low_port_is_explained(inside, machine):
    done = inside('Container("a", [], ports=["80:80"], way=connect.Way("pasta"))', user=USER, check=False)
    assert "net.ipv4.ip_unprivileged_port_start=80 (now 1024)" in done.stderr


STREAMS = """
import hashlib, socket, threading
def serve(client):
    digest = hashlib.sha256()
    while True:
        data = client.recv(65536)
        if not data:
            break
        digest.update(data)
    client.sendall(digest.hexdigest().encode() + b"x" * 3_000_000)
    client.close()
server = socket.create_server(("0.0.0.0", 5000), backlog=256)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def test_large_transfers_half_close_and_many_clients_through_the_forwarder(inside, machine):
    """What goes in comes out whole, in both directions, whoever closes first."""
    result = inside(
        f"STREAMS = {STREAMS!r}"
        """
import hashlib, threading
NETWORKS.create(Draft("web"))
a = Container("a", ["web"], ports=["8500:5000", "8501:5001"])
server = subprocess.Popen(["nsenter", f"--net={a.netns}", sys.executable, "-c", STREAMS], stdout=subprocess.PIPE)
atexit.register(server.kill)
server.stdout.readline()
payload = os.urandom(1 << 20) * 10
wanted = hashlib.sha256(payload).hexdigest().encode()
def client():
    with socket.create_connection(("127.0.0.1", 8500), 30) as sock:
        sock.sendall(payload)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            data = sock.recv(1 << 20)
            if not data:
                return answer == wanted + b"x" * 3_000_000
            answer += data
answers = []
threads = [threading.Thread(target=lambda: answers.append(client()), daemon=True) for _number in range(20)]
started = time.time()
for thread in threads: thread.start()
for thread in threads: thread.join(100)
seconds = time.time() - started
status = open(f"/proc/{a.connection.helper_pid}/status").read()
peak = int(status.split("VmHWM:")[1].split()[0])
for _try in range(1000):  # it closes a connection a moment after the client has
    fds = len(os.listdir(f"/proc/{a.connection.helper_pid}/fd"))
    if fds < 20:
        break
    time.sleep(0.02)
def closed_port():
    with socket.create_connection(("127.0.0.1", 8501), 5) as sock:
        return sock.recv(1)
refused = fails(closed_port)
server.kill(); a.down()
show({"answers": answers, "peak": peak, "fds": fds, "refused": refused, "MB/s": 20 * 13 / seconds})
""",
        user=USER,
    )
    assert result["answers"] == [True] * 20
    assert result["refused"], "nobody listens inside, so the client is told"
    assert result["peak"] < 80_000, result
    assert result["fds"] < 20, result


CGI = "/www/cgi-bin/who"
WHO = f"mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho; echo $REMOTE_ADDR\\n' >{CGI}; chmod +x {CGI}; "
GET = """
import sys, time, urllib.request
deadline = time.monotonic() + 60
while True:
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode().strip())
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.1)
"""


@pytest.mark.machine(os="debian13")
def test_which_client_a_server_sees(machine):
    """What docs/networks.md says of it, from another host: root's bridges and pasta tell the client's own address."""
    assert machine.registry.port == 5000
    machine.sh(
        "ip netns add other; ip link add wire0 type veth peer name wire1 netns other; ip link set wire0 up;"
        "ip addr add 198.51.100.1/24 dev wire0; ip -n other addr add 198.51.100.2/24 dev wire1;"
        "ip -n other link set wire1 up; ip -n other link set lo up; ip -n other route add default via 198.51.100.1"
    )
    served = {"image": "127.0.0.1:5000/busybox:latest", "stop_timeout": 0}
    served["command"] = ["sh", "-c", WHO + "exec httpd -f -p 80 -h /www"]
    seen = {}
    for name, user, network, port in (
        ("root", None, "bridge", 8081),
        ("pasta", USER, "pasta", 8082),
        ("bridge", USER, "bridge", 8083),
        ("slirp", USER, "slirp4netns", 8084),
    ):
        machine.task("container", {**served, "name": name, "network": [network], "publish": [f"{port}:80"]}, user=user)
        url = f"http://198.51.100.1:{port}/cgi-bin/who"
        outside = ["nsenter", "--net=/run/netns/other", "/usr/bin/python3", "-c", GET, url]
        seen[name] = machine.run(outside).stdout.strip().replace("[::ffff:", "").rstrip("]")
    inside = machine.podman_json(["inspect", "bridge"], user=USER)[0]["NetworkSettings"]["Networks"]["podman"]
    assert seen == {
        "root": "198.51.100.2",
        "pasta": "198.51.100.2",
        "bridge": inside["IPAddress"],
        "slirp": "10.0.2.100",
    }
