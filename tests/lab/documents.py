"""Manifests, indexes, configs and layouts that we write, held against the JSON schemas of the OCI image specification.

`complaints` judges one document. `look` finds those of a whole machine: in the stores, in registries, in layouts and in
archives; machines of tests are judged so when they close, if an image module ran there (conftest.py of the integration
tests), so that whoever writes a document of a new kind need not think of it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from machine import Machine

SCHEMAS = Path(__file__).with_name("image-spec-schema")
OCI = "application/vnd.oci.image"
SCHEMA_OF = {
    f"{OCI}.manifest.v1+json": "image-manifest-schema.json",
    f"{OCI}.index.v1+json": "image-index-schema.json",
    f"{OCI}.config.v1+json": "config-schema.json",
    "application/vnd.oci.layout.header.v1+json": "image-layout-schema.json",
}
LAYOUT = "application/vnd.oci.layout.header.v1+json"


@functools.cache
def _validator(name: str) -> Any:
    import jsonschema
    import referencing

    registry = referencing.Registry()
    for path in SCHEMAS.glob("*.json"):
        document = json.loads(path.read_text())
        _drop_ids(document)
        resource = referencing.Resource.from_contents(document, default_specification=referencing.jsonschema.DRAFT4)
        registry = registry.with_resource(f"http://schema/{path.name}", resource)
    return jsonschema.Draft4Validator({"$ref": f"http://schema/{name}"}, registry=registry)


def _drop_ids(value: object) -> None:
    """They name places on the network that references would then be relative to; the files stand side by side."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            del value["id"]
        for inner in value.values():
            _drop_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            _drop_ids(inner)


def kind_of(document: object) -> str:
    """The media type of a parsed document; "" for what is none of the specification's."""
    if not isinstance(document, dict):
        return ""
    named = document.get("mediaType")
    if isinstance(named, str):
        return named
    for key, kind in (("manifests", "index"), ("layers", "manifest"), ("rootfs", "config")):
        if key in document and (kind == "config" or document.get("schemaVersion") == 2):
            return f"{OCI}.{kind}.v1+json"
    return LAYOUT if "imageLayoutVersion" in document else ""


def complaints(data: bytes, kind: str = "") -> list[str]:
    """What a schema has against the document; [] for Docker's types, which have none."""
    document = json.loads(data)
    name = SCHEMA_OF.get(kind or kind_of(document))
    if name is None:
        return []
    return [f"{list(error.path)}: {error.message[:300]}" for error in _validator(name).iter_errors(document)]


_FIND = r"""
import base64, glob, json, os, sys, tarfile
stores = ["/var/lib/containers/storage", *glob.glob("/home/*/.local/share/containers/storage")]
found = {}
def take(where, data):
    if len(data) < 4 << 20 and data[:1] == b"{" and data not in found:
        found[data] = where
def take_file(path):
    with open(path, "rb") as file:
        if file.read(1) == b"{":
            file.seek(0)
            take(path, file.read(4 << 20))
for store in stores:
    for path in glob.glob(f"{store}/overlay-images/*/*"):
        take_file(path)
for path in glob.glob("/run/lab/registry-*/data/docker/registry/v2/blobs/sha256/*/*/data"):
    take_file(path)
for top in ("/tmp", "/srv", "/root", "/home", "/var/tmp", *sys.argv[1:]):
    for directory, names, files in os.walk(top):
        names[:] = [name for name in names if name not in ("overlay", "overlay-images", ".cache", ".ansible")]
        if "oci-layout" in files:
            take_file(f"{directory}/oci-layout")
            take_file(f"{directory}/index.json")
            for path in glob.glob(f"{directory}/blobs/*/*"):
                take_file(path)
        for name in files:
            path = f"{directory}/{name}"
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) < 1024:
                continue
            try:
                with open(path, "rb") as file:
                    file.seek(257)
                    if file.read(5) != b"ustar":
                        continue
                with tarfile.open(path, "r:") as archive:
                    members = archive.getmembers()
                    if not any(member.name == "oci-layout" for member in members):
                        continue
                    for member in members:
                        if member.isreg() and member.size < 4 << 20:
                            take(f"{path}:{member.name}", archive.extractfile(member).read())
            except (OSError, tarfile.TarError):
                continue
print(json.dumps([[where, base64.b64encode(data).decode()] for data, where in found.items()]))
"""
_judged: dict[str, list[str]] = {}


def look(machine: Machine) -> dict[str, list[str]]:
    """Complaints about the documents in a machine, by the place where they lie."""
    done = machine.run(["/usr/bin/python3", "-c", _FIND, str(machine.share)], check=False)
    bad = {}
    for where, packed in json.loads(done.stdout or "[]"):
        data = base64.b64decode(packed)
        digest = hashlib.sha256(data).hexdigest()
        if digest not in _judged:
            try:
                _judged[digest] = complaints(data)
            except ValueError:
                _judged[digest] = []  # a blob that only begins like one
        if _judged[digest]:
            bad[where] = _judged[digest]
    return bad
