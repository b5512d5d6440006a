"""What a pull would bring, told before it is made: podman's own pull is the judge."""

from __future__ import annotations

import json

import pytest
from machine import Machine

SCRIPT = """
import json, sys
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.options import PullOptions
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.pull import preview
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session

session = Session.open(command=None)
image = preview(session, sys.argv[1], PullOptions(validate_certs=False))
print(json.dumps({
    "id": image.id, "digest": image.digest, "matched": image.matched, "digests": sorted(image.record.digests),
    "environment": list(image.config.env), "stored": len(session.store.images()), "layers": len(session.store.layers()),
}))
session.close()
"""


@pytest.mark.parametrize("name", ["web:latest", "multi:latest", "busybox:docker"])
def test_preview_is_what_podman_pulls(machine: Machine, name: str) -> None:
    full = machine.registry.reference(name)
    told = json.loads(machine.python(SCRIPT, full).stdout.splitlines()[-1])
    assert (told["stored"], told["layers"]) == (0, 0), "nothing was written"
    log = machine.read(machine.registry.log)
    blobs = [line for line in log.splitlines() if "/blobs/" in line and "GET /v2/" in line]
    assert len(blobs) == 1, "the config is the only blob that was fetched"
    machine.podman(["pull", "-q", "--tls-verify=false", full])
    pulled = machine.podman_json(["image", "inspect", full])[0]
    assert (told["id"], told["digest"], told["matched"]) == (pulled["Id"], pulled["Digest"], full)
    assert told["environment"] == pulled["Config"].get("Env", [])
    assert told["digests"] == sorted({entry.partition("@")[2] for entry in pulled["RepoDigests"]})
