"""Many at once: no address twice, nothing left."""

from __future__ import annotations

import pytest

MANY = """
NETWORKS.create(Draft("web"))
def one(number):
    return Container(f"c{number:03}", ["web"], ports=[f"{8100 + number}:80"])
children = []
for group in range(4):  # four processes, as four tasks at once would be
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        made = [one(group * EACH + number) for number in range(EACH)]
        os.write(writer, json.dumps([item.ips[0] for item in made]).encode())
        os.close(writer)
        for item in made:
            item.down(netns_first=group % 2 == 1)
        os._exit(0)
    os.close(writer)
    children.append((pid, reader))
addresses = []
for pid, reader in children:
    data = b""
    while True:
        more = os.read(reader, 65536)
        if not more:
            break
        data += more
    addresses += json.loads(data or b"[]")
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid, _reader in children]
if CTX.settings.rootless:
    left = {"leases": {k: v for k, v in ipam.holders_by_network(CTX.settings.ipam_db).items() if v},
            "namespaces": netns.bound_in(CTX.settings.netns_dir), "shared": rootless_bridge.exists(CTX.settings)}
else:
    left = left_over()
show({"addresses": addresses, "codes": codes, "left": left})
"""


@pytest.mark.parametrize("user", [None, "tester"])
@pytest.mark.parametrize("count", [20, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_many_at_once(inside, machine, user, count):
    result = inside(f"EACH = {count // 4}\n{MANY}", user=user, timeout=12 * count)
    assert result["codes"] == [0] * 4
    assert len(set(result["addresses"])) == count
    if user:
        assert result["left"] == {"leases": {}, "namespaces": [], "shared": False}
    else:
        assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}
    assert machine.leaks() == {}


@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "plain user"])
def test_attached_and_detached_side_by_side(machine, user):
    """Four running containers, each by processes of its own, over and over."""
    assert machine.registry.port == 5000
    machine.task("network", {"name": "home"}, user=user)
    machine.task("network", {"name": "more", "ipv6": True}, user=user)
    names = [f"c{number}" for number in range(4)]
    wish = {"image": "127.0.0.1:5000/busybox:latest", "command": "sleep 1000", "stop_timeout": 0, "network": ["home"]}
    machine.task("containers", {"containers": [{**wish, "name": name, "publish": ["80"]} for name in names]}, user=user)
    command = "daemonless" if user is None else "/home/tester/.local/bin/daemonless"
    one = f"{command} network connect --alias $c more $c && {command} network disconnect more $c"
    machine.sh(
        f"codes=; for c in {' '.join(names)}; do ({one} && {one} && {command} network connect more $c) & "
        'codes="$codes $!"; done; for code in $codes; do wait $code; done',
        user,
    )
    shown = machine.podman_json(["inspect", *names], user=user)
    found = [each["NetworkSettings"]["Networks"]["more"]["IPAddress"] for each in shown]
    assert all(found) and len(set(found)) == len(names), found
    machine.podman(["rm", "-f", "-t", "0", *names], user=user)
    assert machine.leaks() == {}
