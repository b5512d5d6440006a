"""Killed at every named step, by SIGKILL: whoever comes next cleans up with what the container's record says."""

from __future__ import annotations

import pytest

# What a record of the container would hold: the path of its namespace, its networks and ports.
RECORD = """
NETNS = os.path.join(CTX.settings.netns_dir, "netns-00000000-1111-2222-3333-444444444444")
ANY_PATH = netns.new_path
netns.new_path = lambda folder: NETNS if folder == CTX.settings.netns_dir else ANY_PATH(folder)
def record(name="victim"):
    attachments = tuple(Attachment(network) for network in NAMES)
    return ContainerNet((name.encode().hex() * 64)[:64], name, name, attachments, port_values.parse_all(["8080:80"]))
def recover():
    connect.disconnect(CTX, NETNS, record(), connect.Way())
    netns.remove(NETNS)
NAMES = ["one", "two"]
"""
SET_UP = """
NETWORKS.create(Draft("one")); NETWORKS.create(Draft("two"))
Container("earlier", ["one"]).down()  # so that the lease file exists: only then it is changed in steps
show(0)
"""
ATTACH = RECORD + """
Container("victim", NAMES, ports=["8080:80"])
"""
DETACH = RECORD + """
victim = Container("victim", NAMES, ports=["8080:80"])
os.environ["DAEMONLESS_STOP_AT"] = os.environ["LATER_STOP_AT"]
victim.let_go()
connect.disconnect(CTX, NETNS, victim.net, victim.way)
netns.remove(NETNS)
"""
RECOVER = RECORD + """
recover()
recover()
left = left_over() if not CTX.settings.rootless else {}
leases = {k: v for k, v in ipam.holders_by_network(CTX.settings.ipam_db).items() if v}
again = Container("victim", NAMES, ports=["8080:80"]).serve()
answer = get("127.0.0.1", 8080)
again.down()
shared = os.path.exists(CTX.settings.rootless_netns_dir) if CTX.settings.rootless else False
show({"left": left, "leases": leases, "answer": answer, "namespaces": netns.bound_in(CTX.settings.netns_dir),
      "after": {k: v for k, v in ipam.holders_by_network(CTX.settings.ipam_db).items() if v}, "shared": shared})
"""
NOTHING = {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}
ATTACHING = [
    "netns-file-made",
    "netns-bound",
    "ports-reserved",
    "bolt-pages-written",
    "bolt-committed",
    "network-addresses-given",
    "network-attached",
]
DETACHING = ["bolt-pages-written", "bolt-committed", "network-torn-down"]
ROOTLESS = ["rootless-netns-made", "rootless-netns-ready", "rootless-netns-joined", "network-connected"]
ROOTLESS_DETACHING = ["rootless-netns-counted", "rootless-netns-removed"]


@pytest.mark.parametrize("step", ATTACHING)
def test_killed_while_attaching(inside, step):
    inside(SET_UP)
    assert inside(ATTACH, env={"DAEMONLESS_STOP_AT": step}, check=False).returncode == -9
    _expect_recovery(inside(RECOVER))


@pytest.mark.parametrize("step", DETACHING)
def test_killed_while_detaching(inside, step):
    inside(SET_UP)
    assert inside(DETACH, env={"LATER_STOP_AT": step}, check=False).returncode == -9
    _expect_recovery(inside(RECOVER))


@pytest.mark.parametrize("step", ATTACHING + ROOTLESS)
def test_killed_while_attaching_rootless(inside, step):
    inside(SET_UP, user="tester")
    assert inside(ATTACH, user="tester", env={"DAEMONLESS_STOP_AT": step}, check=False).returncode == -9
    _expect_recovery(inside(RECOVER, user="tester"))


@pytest.mark.parametrize("step", DETACHING + ROOTLESS_DETACHING)
def test_killed_while_detaching_rootless(inside, step):
    inside(SET_UP, user="tester")
    assert inside(DETACH, user="tester", env={"LATER_STOP_AT": step}, check=False).returncode == -9
    _expect_recovery(inside(RECOVER, user="tester"))


def _expect_recovery(result):
    assert result["left"] in (NOTHING, {})
    assert result["leases"] == {} and result["after"] == {} and result["namespaces"] == []
    assert result["answer"].startswith("victim to ")
    assert not result["shared"]
