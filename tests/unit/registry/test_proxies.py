"""Proxy variables, by the rules of Go's net/http."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.proxies import Proxy, proxy_for


@pytest.mark.parametrize(
    ("host", "port", "exceptions", "direct"),
    [
        ("q.io", 443, "", False),
        ("localhost", 443, "", True),
        ("127.0.0.1", 5000, "", True),
        ("::1", 5000, "", True),
        ("q.io", 443, "q.io", True),
        ("sub.q.io", 443, "q.io", True),
        ("sub.q.io", 443, ".q.io", True),
        ("q.io", 443, ".q.io", False),
        ("sub.q.io", 443, "*.q.io", True),
        ("xq.io", 443, "q.io", False),
        ("q.io", 443, "a.io, q.io", True),
        ("q.io", 443, "q.io:443", True),
        ("q.io", 443, "q.io:80", False),
        ("q.io", 443, "Q.IO", True),
        ("q.io", 443, "*", True),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("11.1.2.3", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("fd00::1", 443, "fd00::/8", True),
        ("fd00::1", 443, "fd00::1", True),
        ("fd00::1", 443, "[fd00::1]:443", True),
        ("q.io", 443, "10.0.0.0/99,,", False),
        ("q.io", 443, "a.io q.io", False),
        ("10.1.2.3", 443, "2.3", False),
        ("10.1.2.3", 443, "10.1.2.3:80", False),
        ("10.1.2.3", 443, "10.1.2.3:443", True),
        ("10.1.2.3", 443, "::ffff:10.1.2.3", True),
        ("q.io", 443, ":443", False),
        ("q.io", 443, "*.q.io", False),
        ("sub.q.io", 5000, ".q.io:5000", True),
        ("q.io", 443, "none.example,*", True),
    ],
)
def test_exceptions(host: str, port: int, exceptions: str, direct: bool) -> None:
    env = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": exceptions}
    assert (proxy_for("https", host, port, env) is None) is direct


def test_variables() -> None:
    assert proxy_for("https", "q.io", 443, {"HTTP_PROXY": "http://p:1"}) is None
    assert proxy_for("http", "q.io", 80, {"http_proxy": "p:1"}) == Proxy("p", 1)
    assert proxy_for("https", "q.io", 443, {"https_proxy": "http://p"}) == Proxy("p", 80)
    both = {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"}
    assert proxy_for("https", "q.io", 443, both) == Proxy("upper", 1)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://p", Proxy("p", 443, "https")),
        ("https://u:p@p:8443", Proxy("p", 8443, "https", "u", "p")),
        ("socks5://p", Proxy("p", 1080, "socks5")),
        ("socks5h://u:s%3Acret@[fd00::1]:9", Proxy("fd00::1", 9, "socks5", "u", "s:cret")),
    ],
)
def test_kinds(address: str, found: Proxy) -> None:
    assert proxy_for("https", "q.io", 443, {"HTTPS_PROXY": address}) == found
    assert "cret" not in repr(found)


def test_its_own_credentials() -> None:
    found = proxy_for("https", "q.io", 443, {"HTTPS_PROXY": "http://u:p%40w@proxy:3128"})
    assert found is not None
    assert found.headers == {"Proxy-Authorization": "Basic dTpwQHc="}
    assert "dTpw" not in repr(found)


@pytest.mark.parametrize(
    "address", ["ftp://p:1", "socks4://p:1", "http://", "http://p:999999", f"socks5://{'u' * 256}@p"]
)
def test_refused(address: str) -> None:
    with pytest.raises(BadInput, match="HTTPS_PROXY"):
        proxy_for("https", "q.io", 443, {"HTTPS_PROXY": address})
