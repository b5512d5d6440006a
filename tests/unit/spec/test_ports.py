# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.ports import (
    PortMapping,
    canonical,
    fill_free_ports,
    from_libpod,
    parse,
    parse_all,
    to_libpod,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("80", [PortMapping(80)]),
        (80, [PortMapping(80)]),
        ("80/udp", [PortMapping(80, 0, "udp")]),
        ("80/UDP", [PortMapping(80, 0, "udp")]),
        ("8080:80", [PortMapping(80, 8080)]),
        (":80", [PortMapping(80)]),
        ("::80", [PortMapping(80)]),
        ("8080-8082:80-82", [PortMapping(80, 8080, count=3)]),
        ("7000-7001", [PortMapping(7000, count=2)]),
        ("127.0.0.1:8080-8081:80-81/udp", [PortMapping(80, 8080, "udp", "127.0.0.1", 2)]),
        ("127.0.0.1::80", [PortMapping(80, 0, "tcp", "127.0.0.1")]),
        ("0.0.0.0:53:53/udp", [PortMapping(53, 53, "udp", "0.0.0.0")]),
        ("[::1]:8080:80", [PortMapping(80, 8080, "tcp", "::1")]),
        ("[0:0::1]::80", [PortMapping(80, 0, "tcp", "::1")]),
        ("[::]:8080:80/sctp", [PortMapping(80, 8080, "sctp", "::")]),
        ("53:53/tcp,udp", [PortMapping(53, 53), PortMapping(53, 53, "udp")]),
        (" 8080:80 ", [PortMapping(80, 8080)]),
    ],
)
def test_every_spelling(text, wanted):
    assert list(parse(text)) == wanted


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "expected"),
        ("http", "not a container port"),
        ("0", "outside 1 to 65535"),
        ("0:80", "outside 1 to 65535"),
        ("65536:80", "outside"),
        ("80-79", "backwards"),
        ("8080-8082:80-81", "3 host ports cannot be mapped to 2"),
        ("8080-8082:80", "3 host ports cannot be mapped to 1"),
        ("80/icmp", "protocol 'icmp'"),
        ("80/", "protocol ''"),
        ("localhost:8080:80", "not an IP address"),
        ("1.2.3:8080:80", "not an IP address"),
        ("::1:8080:80", "in brackets"),
        ("[1.2.3.4]:8080:80", "not an IPv6 address"),
        ("a:b:c:d", "in brackets"),
        ("8080:80:", "expected"),
        ("-1", "not a container port"),
        ("8080:٨٠", "not a container port"),
        ("80 80", "not a container port"),
        ("8080:80\n", None),
        ("8080:80/tcp\n1:1", "protocol"),
        ("9" * 500, "not a container port"),
    ],
)
def test_bad_spellings(text, cause):
    if cause is None:
        assert parse(text) == parse(text.strip())
        return
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert cause in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["8080:80"], ["0.0.0.0:8080:80/tcp"]),
        (["8080:80", "8081:81"], ["8080-8081:80-81"]),
        (["8081:81", "8080:80"], ["8080-8081:80-81/TCP"]),
        (["8080:80", "8080:80"], ["8080:80"]),
        (["8080-8085:80-85", "8082:82"], ["8080-8085:80-85"]),
        (["53:53/udp", "53:53/tcp"], ["53:53/tcp,udp"]),
        (["[::0]:80:80"], ["[::]:80:80"]),
        (["80", "90"], ["90", "80"]),
    ],
)
def test_two_spellings_of_one_value(one, other):
    assert parse_all(one) == parse_all(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["8080:80"], ["8080:81"]),
        (["8080:80"], ["8080:80/udp"]),
        (["8080:80"], ["127.0.0.1:8080:80"]),
        (["8080:80"], ["80"]),
        (["[::]:8080:80"], ["8080:80"]),
    ],
)
def test_different_values(one, other):
    assert parse_all(one) != parse_all(other)


@pytest.mark.parametrize(
    "texts",
    [["8080:80", "8080:81"], ["8080:80", "127.0.0.1:8080:81"], ["127.0.0.1:1:1", "127.0.0.1:1:2"], ["1-3:1-3", "2:9"]],
)
def test_one_host_port_cannot_lead_to_two_places(texts):
    for order in (texts, texts[::-1]):
        with pytest.raises(BadInput, match="given twice"):
            parse_all(order)


def test_one_host_port_on_two_addresses_is_two_ports():
    assert len(parse_all(["127.0.0.1:8080:80", "192.0.2.1:8080:81"])) == 2
    assert len(parse_all(["127.0.0.1:8080:80", "[::1]:8080:81"])) == 2


def test_free_ports_are_filled_in_order():
    picked = iter([40000, 40010])
    filled = fill_free_ports(parse_all(["80", "9000:90", "81-82"]), lambda mapping: next(picked))
    assert sorted(str(mapping) for mapping in filled) == ["40000:80/tcp", "40010-40011:81-82/tcp", "9000:90/tcp"]


def test_recorded_form_goes_round():
    for mapping in parse_all(["[::1]:8080-8082:80-82/udp", "8080:80"]):
        assert from_libpod(to_libpod(mapping)) == (mapping,)
    assert [m.protocol for m in from_libpod({"container_port": 1, "host_port": 1, "protocol": "tcp,udp"})] == [
        "tcp",
        "udp",
    ]
    with pytest.raises(BadInput):
        from_libpod({"container_port": "80"})


_mapping = st.builds(
    lambda inside, outside, protocol, address, count: PortMapping(
        min(inside, 65536 - count), min(outside, 65536 - count), protocol, address, count
    ),
    st.integers(1, 65535),
    st.integers(1, 65535),
    st.sampled_from(["tcp", "udp", "sctp"]),
    st.sampled_from(["", "127.0.0.1", "::1", "192.0.2.7"]),
    st.integers(1, 20),
)


@given(_mapping)
def test_text_goes_round(mapping):
    assert parse(str(mapping)) == (mapping,)


@given(st.lists(_mapping, max_size=6), st.randoms())
def test_canonical_form_is_stable(mappings, random):
    try:
        once = canonical(mappings)
    except BadInput:
        return
    shuffled = list(mappings)
    random.shuffle(shuffled)
    assert canonical(shuffled) == once
    assert canonical(once) == once
    assert parse_all([str(mapping) for mapping in once]) == once


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused(text):
    try:
        mappings = parse(text)
    except BadInput:
        return
    for mapping in mappings:
        assert parse(str(mapping)) == (mapping,)
