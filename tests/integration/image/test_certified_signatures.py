"""Keys that Fulcio or a PKI certified, and what Rekor recorded: podman lets in what we let in, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from certified import Signed
from certified_cases import BAD, GOOD, IMAGE
from machine import USER, Machine

CASES = {**{name: (*case, "") for name, case in GOOD.items()}, **BAD}
#: What podman's version does not tell apart yet or at all, looked at one by one.
DIFFERENT: dict[str, str] = {}
FOR_MODULES = (
    "fulcio",
    "pki",
    "key and log",
    "another issuer",
    "a link is missing",
    "pki: another host",
    "key, but no log",
)
PLACE = "/srv/image"


@pytest.fixture(scope="module")
def host(shared_machine: Machine) -> Iterator[Machine]:
    machine = shared_machine
    machine.write(f"{PLACE}/version", "Directory Transport Version: 1.1\n")
    machine.write(f"{PLACE}/manifest.json", IMAGE.manifest.data)
    for blob in (IMAGE.config, *IMAGE.layers):
        machine.write(f"{PLACE}/{blob.digest[7:]}", blob.data)
    yield machine


def prepare(machine: Machine, requirement: dict[str, object], signed: Signed, user: str | None = None) -> None:
    path = "/etc/containers/policy.json" if user is None else f"/home/{user}/.config/containers/policy.json"
    document = {"default": [{"type": "reject"}], "transports": {"dir": {PLACE: [requirement]}}}
    machine.write(path, json.dumps(document), user=user)
    machine.write(f"{PLACE}/signature-1", signed.blob())


@pytest.mark.parametrize("user", [None, USER])
def test_modules_obey(host: Machine, user: str | None) -> None:
    for name in FOR_MODULES:
        requirement, signed, why = CASES[name]
        prepare(host, requirement, signed, user)
        result = host.task("image", {"name": "localhost/certified:1", "path": f"dir:{PLACE}"}, user, fails=bool(why))
        if why:
            assert "no signature was good enough" in result["msg"], (name, result["msg"])
        else:
            host.task("image", {"name": "localhost/certified:1", "state": "absent"}, user)


def test_the_judge_comes_to_the_same(host: Machine) -> None:
    verdicts = {}
    for name, (requirement, signed, why) in CASES.items():
        prepare(host, requirement, signed)
        done = host.skopeo(["copy", "-q", f"dir:{PLACE}", "dir:/tmp/copied"], check=False)
        if (done.returncode == 0) is bool(why):
            verdicts[name] = done.stderr[-300:]
    assert verdicts.keys() == DIFFERENT.keys(), verdicts
