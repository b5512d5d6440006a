"""Twenty at once: no address twice, nothing left; and what the deeds cost."""

from __future__ import annotations

import pytest

MANY = """
NETWORKS.create(Draft("web"))
def one(number):
    return Container(f"c{number:02}", ["web"], ports=[f"{8100 + number}:80"])
children = []
for group in range(4):  # four processes of five, as four tasks at once would be
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        made = [one(group * 5 + number) for number in range(5)]
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
def test_twenty_at_once(inside, machine, user):
    result = inside(MANY, user=user)
    assert result["codes"] == [0] * 4
    assert len(set(result["addresses"])) == 20
    if user:
        assert result["left"] == {"leases": {}, "namespaces": [], "shared": False}
    else:
        assert result["left"] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}
    assert machine.leaks() == {}
