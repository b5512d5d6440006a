"""Attached namespaces really talk, and really do not where they must not."""

from __future__ import annotations

import pytest


def test_http_udp_and_names_between_containers_and_from_the_host(inside):
    result = inside("""
NETWORKS.create(Draft("web"))
a = Container("a", ["web"], ports=["8080:80", "127.0.0.1:9007:7/udp"], aliases=("front", "www")).serve()
b = Container("b", ["web"]).serve()
result = {
    "b_to_a": b.get(a.ips[0]), "b_to_a_udp": b.echo(a.ips[0]),
    "host_to_a": get(a.ips[0]), "published": get("127.0.0.1", 8080), "published_udp": echo("127.0.0.1", 9007),
    "names": [b.resolve(name) == [a.ips[0]] for name in ("a", "front", "www", a.id[:12], "a.dns.podman")],
    "reverse": b.resolve(".".join(reversed(a.ips[0].split("."))) + ".in-addr.arpa", "PTR"),
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
