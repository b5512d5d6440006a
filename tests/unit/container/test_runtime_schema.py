"""Every config.json we write is valid under the JSON schema of the OCI runtime specification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import start_spec, users
from ansible_collections.daemonless.oci.tests.unit.container import recorded

jsonschema = pytest.importorskip("jsonschema")
referencing = pytest.importorskip("referencing")

SCHEMAS = Path(__file__).parent / "data" / "runtime-spec-schema"


@pytest.fixture(scope="module")
def validator():
    documents = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    registry = referencing.Registry()
    for name, document in documents.items():
        document.pop("id", None)
        resource = referencing.Resource.from_contents(document, default_specification=referencing.jsonschema.DRAFT4)
        registry = registry.with_resource(f"http://schema/{name}", resource)
    root = {"$ref": "http://schema/config-schema.json"}
    return jsonschema.Draft4Validator(root, registry=registry)


def complaints(validator, spec):
    """Runtimes take the recursive modes for the root's propagation too; the schema has only the plain ones."""
    return [
        f"{list(error.path)}: {error.message[:200]}"
        for error in validator.iter_errors(spec)
        if not (list(error.path) == ["linux", "rootfsPropagation"] and error.instance == "rslave")
    ]


@pytest.mark.parametrize("name", recorded.names())
def test_stored_spec(validator, name):
    spec = json.loads(json.dumps(recorded.built(name).config["spec"]))
    for device in spec["linux"].get("devices", ()):
        device["fileMode"] &= 0o777  # podman stores the file type along with it, and so do we; the bundle has it right
    assert complaints(validator, spec) == []


@pytest.mark.parametrize("name", recorded.names())
@pytest.mark.parametrize("rootless", [False, True])
def test_started_spec(validator, name, rootless):
    if rootless and name in ("devcg", "cpurt"):
        pytest.skip("not to be had without root")
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import config

    around = recorded.around(name, rootless=rootless, cgroups_v2=True, uid=1000 * rootless, gid=1000 * rootless)
    built = config.build(recorded.wish(name), around, recorded.birth(recorded.row(name)))
    facts = start_spec.StartFacts(
        root="/merged",
        account=users.Account(1000, 1000, (10,), "/home/x", "x", True),
        hostname="h",
        netns="/run/netns/x",
        shared={kind: f"/proc/1/ns/{kind}" for kind in start_spec.container_ids(built.config)},
        bind_mounts={"/etc/hosts": "/run/hosts", "/dev/shm": built.config.get("ShmDir", "/dev/shm")},
        volumes={volume: f"/volumes/{volume}" for volume in built.volumes},
        parts={named["dest"]: "/part" for named in built.config.get("namedVolumes", ()) if named.get("SubPath")},
        all_devices=({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 8576},),
    )
    made, _warnings = start_spec.render(built.config, facts)
    assert complaints(validator, json.loads(json.dumps(made))) == []


def test_the_schema_refuses_what_is_wrong(validator):
    spec = json.loads(json.dumps(recorded.built("plain").config["spec"]))
    spec["process"]["cwd"] = 7
    spec["linux"]["namespaces"].append({"type": "nonsense"})
    assert len(complaints(validator, spec)) == 2
