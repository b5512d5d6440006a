"""Platforms: spelling, the host's own, and the order in which instances are tried."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.platform import (
    Platform,
    choose,
    host_platform,
    parse,
)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64/v8"),
        ("armv7l", "linux/arm/v7"),
        ("ppc64le", "linux/ppc64le"),
        ("vax", "linux/vax"),
    ],
)
def test_host(machine: str, expected: str) -> None:
    assert str(host_platform(machine)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("aarch64", Platform("linux", "arm64")),
        ("windows/amd64", Platform("windows", "amd64")),
    ],
)
def test_parse(text: str, expected: Platform) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "/", "linux/", "linux//v8", "a/b/c/d"])
def test_refused(text: str) -> None:
    with pytest.raises(BadInput, match="OS/ARCH"):
        parse(text)


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        ("linux/amd64", ["linux/amd64", "linux/amd64/v1"]),
        ("linux/amd64/v2", ["linux/amd64/v2", "linux/amd64/v1", "linux/amd64"]),
        ("linux/arm/v7", ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "linux/arm"]),
        ("linux/arm", ["linux/arm", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm64/v8", ["linux/arm64/v8", "linux/arm64"]),
        ("linux/s390x", ["linux/s390x"]),
        ("linux/riscv64/odd", ["linux/riscv64/odd", "linux/riscv64"]),
    ],
)
def test_candidates(wanted: str, order: list[str]) -> None:
    assert [str(entry) for entry in parse(wanted).candidates()] == order


def test_choose_keeps_the_hosts_variant_only_with_its_architecture() -> None:
    host = Platform("linux", "arm", "v6")
    assert choose(host) == host
    assert choose(host, architecture="arm64") == Platform("linux", "arm64")
    assert choose(host, variant="v7") == Platform("linux", "arm", "v7")
    assert choose(host, os="Windows", architecture="amd64") == Platform("windows", "amd64")
