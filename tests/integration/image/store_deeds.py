"""Runs inside a test machine: deeds on the machine's own store, called with the deed's name and its arguments."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import time

from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import Digest, digest_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.ids import new_id
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.records import (
    ContainerDraft,
    IdMap,
    ImageDraft,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.store import Store
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.values import Wanted

OCI = "application/vnd.oci.image"


class Slow(io.BytesIO):
    """A blob that comes when the file COMES_WITH is there."""

    def read(self, size: int | None = -1) -> bytes:
        gate = os.environ.get("COMES_WITH")
        while gate and not os.path.exists(gate):
            time.sleep(0.05)
        return super().read(size)


def store() -> Store:
    """The default store of whom we are: root, or inside a user's namespace (podman unshare)."""
    if os.environ.get("_CONTAINERS_ROOTLESS_UID"):
        home, uid = os.environ["HOME"], os.environ["_CONTAINERS_ROOTLESS_UID"]
        graph = f"{home}/.local/share/containers/storage"
        return Store(StoreOptions(graph, f"/run/user/{uid}/containers"), True)
    return Store(StoreOptions("/var/lib/containers/storage", "/run/containers/storage"), False)


def pull(layout: str, *names: str) -> str:
    """Take the first image of an OCI layout into the store; its id."""

    def blob(digest: str) -> bytes:
        with open(os.path.join(layout, "blobs", *digest.split(":")), "rb") as file:
            return file.read()

    with open(os.path.join(layout, "index.json"), "rb") as file:
        chosen = json.load(file)["manifests"][0]["digest"]
    manifest = blob(chosen)
    parsed = json.loads(manifest)
    config = blob(parsed["config"]["digest"])
    diff_ids = [Digest.parse(text) for text in json.loads(config)["rootfs"]["diff_ids"]]
    here = store()
    staged = []
    for layer_id, diff_id, layer in zip(here.chain_ids(diff_ids), diff_ids, parsed["layers"]):
        if here.layer(layer_id):
            staged.append(diff_id)
            continue
        wanted = Wanted(Digest.parse(layer["digest"]), layer["size"], diff_id)
        staged.append(here.stage_layer(Slow(blob(layer["digest"])), wanted))
    draft = ImageDraft(
        digest_of(config).hex, names, "", config, ((chosen, manifest),), json.loads(config).get("created", "")
    )
    return here.commit_image(staged, draft).id


def build(name: str, text: str) -> str:
    """An image of layers given as JSON: a list of path -> content."""
    here = store()
    staged = []
    for files in json.loads(text):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, content in files.items():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content.encode()))
        staged.append(here.stage_layer(io.BytesIO(buffer.getvalue())))
    diff_ids = [str(layer.diff_id) for layer in staged]
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()
    layers = [
        {"mediaType": f"{OCI}.layer.v1.tar", "digest": str(layer.source), "size": layer.source_size} for layer in staged
    ]
    described = {"mediaType": f"{OCI}.config.v1+json", "digest": str(digest_of(config)), "size": len(config)}
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": described, "layers": layers}
    ).encode()
    draft = ImageDraft(digest_of(config).hex, (name,), "", config, ((str(digest_of(manifest)), manifest),))
    return here.commit_image(staged, draft).id


def create(name: str, image: str, volatile: str = "", shift: str = "") -> str:
    here = store()
    found = here.image(image)
    if found is None:
        raise SystemExit(f"no image {image}")
    ids = (IdMap(0, int(shift), 65536),) if shift else ()
    metadata = json.dumps({"image-name": image, "image-id": found.id, "name": name, "created-at": 1})
    return here.create_container(
        ContainerDraft(new_id(), (name,), found.id, metadata, "", "", bool(volatile), ids, ids)
    ).id


def rename(name: str, new: str) -> str:
    here = store()
    found = here.container(name)
    return here.rename_container(found.id, new).id if found else ""


def remove(name: str) -> str:
    here = store()
    found = here.container(name)
    return str(here.remove_container(found.id)) if found else "False"


def rmi(image: str) -> str:
    here = store()
    found = here.image(image)
    return " ".join(here.remove_image(found.id)) if found else ""


def tag(image: str, *names: str) -> str:
    here = store()
    for name in names:
        found = here.image(image)
        if found is None:
            raise SystemExit(f"no image {image}")
        here.add_names(found.id, [name])
    return ""


def mount(name: str) -> str:
    return store().mount(name)


def unmount(name: str) -> str:
    return str(store().unmount(name))


def mounted_tree(name: str) -> str:
    """Mount, list every path, unmount: in one process, since a plain user's mount ends with its namespace."""
    here = store()
    top = here.mount(name)
    found = []
    for directory, names, files in os.walk(top):
        found += [os.path.relpath(os.path.join(directory, entry), top) for entry in names + files]
    here.unmount(name)
    return json.dumps(sorted(found))


def changes(name: str, path: str) -> str:
    with open(path, "wb") as file:
        file.writelines(store().changes_tar(name))
    return ""


def images() -> str:
    return json.dumps({image.id: image.names for image in store().images()})


def repair() -> str:
    return json.dumps([problem.kind for problem in store().repair()])


def check() -> str:
    return json.dumps([list(problem) for problem in store().check()])


def tar_digests(image: str) -> str:
    """Every layer's tar, put together again, digested; "ok" when all are what the records say."""
    here = store()
    found = here.image(image)
    for layer in here.layer_chain(found.top_layer if found else ""):
        reader = here.layer_tar(layer.id)
        if str(digest_of(reader.read())) != layer.diff_digest:
            return f"layer {layer.id} differs"
    return "ok"


if __name__ == "__main__":
    deed, *given = sys.argv[1:]
    sys.stdout.write(globals()[deed](*given))
