"""Machines for integration tests.

def test_it(machine): ...                      # the host's Debian, crun
@pytest.mark.machine(os="debian13", cgroups="hybrid")
def test_it(machine): ...                      # the judge root as operating system, runc
def test_it(every_machine): ...                # once on each kind
def test_it(shared_machine): ...               # one for the whole file: for tests that only look, or clean up
def test_it(new_machine): a = new_machine(); b = new_machine(os="debian13")
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import documents
import pytest
from images import Images
from lab import Lab
from machine import Machine, Spec, sweep

#: Modules that write no manifest and no config. Any other one, also one that is to come, is looked after.
NO_DOCUMENTS = (
    "container",
    "container_info",
    "host_info",
    "image_info",
    "network",
    "network_endpoint",
    "network_info",
    "network_reload",
    "volume",
)
KINDS = (
    Spec(),
    Spec(cgroups="hybrid", propagation="private"),
    Spec(os="debian13"),
    Spec(os="debian13", cgroups="hybrid"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("integration tests make machines, which takes root")
    sweep()
    made = Lab.open(Path(tempfile.mkdtemp(prefix="daemonless-lab-")))
    made.base.chmod(0o755)
    yield made
    made.close()


@pytest.fixture(scope="session")
def images(lab: Lab) -> Images:
    """The test images, as files and as values; their paths are the same inside a machine."""
    return lab.images


@pytest.fixture
def new_machine(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Callable[..., Machine]]:
    made: list[Machine] = []

    def make(**kind: str) -> Machine:
        made.append(lab.machine(Spec(**kind)))
        made[-1].bare = request.node.get_closest_marker("delivery") is not None
        return made[-1]

    yield make
    try:
        for each in made:
            judge_documents(request, each)
    finally:
        for each in made:
            each.close()


def judge_documents(request: pytest.FixtureRequest, machine: Machine) -> None:
    """Where images were handled: every manifest, index, config and layout is one by the specification's schemas."""
    handled = any("." not in name and name not in NO_DOCUMENTS for name in machine.modules_run)
    if not handled or request.node.get_closest_marker("odd_documents"):
        return
    assert documents.look(machine) == {}


@pytest.fixture
def machine(request: pytest.FixtureRequest, new_machine: Callable[..., Machine]) -> Machine:
    marker = request.node.get_closest_marker("machine")
    return new_machine(**(marker.kwargs if marker else {}))


@pytest.fixture(params=KINDS, ids=str)
def every_machine(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Machine]:
    made = lab.machine(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_machine(lab: Lab) -> Iterator[Machine]:
    made = lab.machine(Spec())
    yield made
    made.close()
