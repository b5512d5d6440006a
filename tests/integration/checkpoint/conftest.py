"""Machines on which containers can be frozen: by runc on this Debian with the judge's CRIU, by crun on Debian 13."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from machine import Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"


def able(machine: Machine) -> Machine:
    """Debian 12's own CRIU is too old for new kernels; a program of the administrator's comes first on the PATH."""
    if machine.spec.os == "host":
        machine.sh("ln -s /opt/judge/bin/criu /usr/local/sbin/criu; iptables -V >/dev/null")
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE})
    return machine


@pytest.fixture
def freezer(new_machine: Callable[..., Machine]) -> Machine:
    return able(new_machine(cgroups="hybrid"))


@pytest.fixture
def freezers(new_machine: Callable[..., Machine]) -> Callable[..., Machine]:
    return lambda **kind: able(new_machine(**{"cgroups": "hybrid", **kind}))


@pytest.fixture(scope="module")
def shared_freezer(lab) -> Iterator[Machine]:  # type: ignore[no-untyped-def]
    made = lab.machine(Spec(cgroups="hybrid"))
    yield able(made)
    made.close()


@pytest.fixture(params=["runc", "crun"])
def each_runtime(request: pytest.FixtureRequest, new_machine: Callable[..., Machine]) -> Machine:
    """crun of Debian 12 was built without CRIU, so it is Debian 13's."""
    return able(new_machine(cgroups="hybrid") if request.param == "runc" else new_machine(os="debian13"))
