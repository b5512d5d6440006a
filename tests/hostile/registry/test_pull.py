"""Whole pulls into a store: published whole or not at all, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    Corrupt,
    Denied,
    EngineError,
    HostLacks,
    NotFound,
    Unreachable,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image import lookup
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.pull import PullOptions, pull, resolve_for
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.platform import parse as platform
from images import Blob, Image, build, index, tar
from scripted import Reply, Server

FAST = PullOptions(validate_certs=False, retries=1, retry_delay=0.0, timeout=20.0)


def remains(session: Session) -> list[str]:
    """What a failed pull may not leave: records, layer directories, staged trees."""
    graph = Path(session.store_options.graph_root)
    left = [f"image {image.id}" for image in session.store.images()]
    left += [f"layer {layer.id}" for layer in session.store.layers()]
    for part in ("overlay", "overlay/staging", "overlay/l", "overlay-layers", "overlay-images"):
        folder = graph / part
        if folder.is_dir():
            left += [f"{part}/{entry.name}" for entry in folder.iterdir() if entry.name not in KEPT]
    return left


KEPT = ("l", "staging", "layers.lock", "images.lock", "layers.json", "images.json", ".has-mount-program")


def name_of(server: Server, tag: str = "latest") -> str:
    return f"{server.host}/team/app:{tag}"


def test_pulled_whole(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    found = pull(session, name_of(server), FAST)
    assert found.id == image.id
    assert found.names == (name_of(server),)
    assert found.digest == image.manifest.digest
    assert [layer.diff_digest for layer in session.store.layer_chain(found.record.top_layer)] == [
        str(diff) for diff in found.config.diff_ids
    ]
    assert not list((Path(session.store_options.graph_root) / "overlay/staging").iterdir())


def test_nothing_moved_is_one_head(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    pull(session, name_of(server), FAST)
    server.seen.clear()
    found = resolve_for(session, name_of(server), "always", FAST)
    assert (found.would_pull, found.pulled) == (False, False)
    assert [(seen.method, seen.path) for seen in server.seen if seen.path != "/v2/"] == [
        ("HEAD", "/v2/team/app/manifests/latest")
    ]


def test_moved_tag_is_seen_by_check_and_pulled(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    old = pull(session, name_of(server), FAST)
    newer = build("app", [*image.diffs, tar({"c": "new\n"})])
    server.put("team/app", newer)
    server.seen.clear()
    predicted = resolve_for(session, name_of(server), "newer", FAST, check=True)
    assert predicted.would_pull
    assert predicted.image is not None
    assert predicted.image.id == old.id
    assert server.requests("/blobs/") == []
    found = resolve_for(session, name_of(server), "newer", FAST)
    assert found.pulled
    assert found.image is not None
    assert found.image.id == newer.id
    fetched = {seen.path.rpartition("/")[2] for seen in server.requests("/blobs/")}
    assert fetched == {newer.config.digest, newer.layers[3].digest}, "layers that are there are not fetched"
    assert session.store.image(old.id).names == (), "the name moved"  # type: ignore[union-attr]


def test_same_content_under_another_parent_is_not_fetched(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    pull(session, name_of(server), FAST)
    turned = build("app", image.diffs[::-1])
    server.put("team/app", turned, "turned")
    server.seen.clear()
    found = pull(session, name_of(server, "turned"), FAST)
    assert found.id == turned.id
    assert {seen.path.rpartition("/")[2] for seen in server.requests("/blobs/")} == {turned.config.digest}


def test_by_digest(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    text = f"{server.host}/team/app@{image.manifest.digest}"
    found = pull(session, text, FAST)
    assert found.names == (text,)
    server.seen.clear()
    assert not resolve_for(session, text, "always", FAST).would_pull
    assert server.requests("/manifests/") == [], "a digest cannot move"


def test_by_digest_that_the_registry_answers_with_something_else(
    server: Server, session: Session, image: Image
) -> None:
    other = build("app", [tar({"evil": "yes\n"})])
    server.put("team/app", other)
    lie = Reply(200, other.manifest.data, {"Docker-Content-Digest": image.manifest.digest})
    server.route(f"/v2/team/app/manifests/{image.manifest.digest}", lie)
    with pytest.raises(Corrupt, match="has digest"):
        pull(session, f"{server.host}/team/app@{image.manifest.digest}", FAST)
    assert remains(session) == []


def test_header_and_document_disagree(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    server.route(
        "/v2/team/app/manifests/latest",
        Reply(
            200,
            image.manifest.data + b" ",
            {"Content-Type": image.manifest.media_type, "Docker-Content-Digest": image.manifest.digest},
        ),
    )
    with pytest.raises(Corrupt, match="has digest"):
        pull(session, name_of(server), FAST)
    assert remains(session) == []


def changed(image: Image, **change: object) -> Blob:
    document = {**json.loads(image.manifest.data), **change}
    return Blob(json.dumps(document).encode(), image.manifest.media_type)


def broken_layer(server: Server, image: Image) -> None:
    data = image.layers[1].data
    server.route(f"/v2/team/app/blobs/{image.layers[1].digest}", Reply(200, data[:-1] + bytes((data[-1] ^ 1,))))


def missing_layer(server: Server, image: Image) -> None:
    server.route(f"/v2/team/app/blobs/{image.layers[2].digest}", Reply(404))


def truncated_layer(server: Server, image: Image) -> None:
    server.route(f"/v2/team/app/blobs/{image.layers[1].digest}", Reply(200, image.layers[1].data, cut=1000))


def short_layer(server: Server, image: Image) -> None:
    server.route(f"/v2/team/app/blobs/{image.layers[1].digest}", Reply(200, image.layers[1].data[:1000]))


def broken_config(server: Server, image: Image) -> None:
    server.route(f"/v2/team/app/blobs/{image.config.digest}", Reply(200, image.config.data[:-1] + b" "))


def layer_of_another_diff_id(server: Server, image: Image) -> None:
    config = json.loads(image.config.data)
    config["rootfs"]["diff_ids"][1] = "sha256:" + "0" * 64
    blob = Blob(json.dumps(config).encode(), image.config.media_type)
    server.put_blob("team/app", blob)
    server.put_manifest("team/app", changed(image, config=blob.descriptor), "latest")


def fewer_layers_than_diff_ids(server: Server, image: Image) -> None:
    layers = [layer.descriptor for layer in image.layers[:2]]
    server.put_manifest("team/app", changed(image, layers=layers), "latest")


def layer_that_is_no_tar(server: Server, image: Image) -> None:
    other = build("app", [image.diffs[0], b"not a tar at all" * 100])
    server.put("team/app", other)


def foreign_layer(server: Server, image: Image) -> None:
    layers = [{**image.layers[0].descriptor, "urls": [f"{server.url}/secret"]}]
    server.put_manifest("team/app", changed(image, layers=layers), "latest")


def huge_config(server: Server, image: Image) -> None:
    config = {**image.config.descriptor, "size": 1 << 40}
    server.put_manifest("team/app", changed(image, config=config), "latest")


def index_of_another_size(server: Server, image: Image) -> None:
    from images import host_architecture

    made = json.loads(index([(image, host_architecture())]).data)
    made["manifests"][0]["size"] += 1
    server.put_manifest("team/app", Blob(json.dumps(made).encode(), made["mediaType"]), "latest")


def index_in_an_index(server: Server, image: Image) -> None:
    from images import host_architecture

    inner = index([(image, host_architecture())])
    entry = {**inner.descriptor, "mediaType": image.manifest.media_type}
    entry["platform"] = {"os": "linux", "architecture": host_architecture()}
    outer = {"schemaVersion": 2, "mediaType": inner.media_type, "manifests": [entry]}
    server.put_manifest("team/app", inner)
    server.put_manifest("team/app", Blob(json.dumps(outer).encode(), inner.media_type), "latest")


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (broken_layer, Corrupt),
        (missing_layer, NotFound),
        (truncated_layer, Unreachable),
        (short_layer, Corrupt),
        (broken_config, Corrupt),
        (layer_of_another_diff_id, Corrupt),
        (fewer_layers_than_diff_ids, Corrupt),
        (layer_that_is_no_tar, Corrupt),
        (foreign_layer, Corrupt),
        (huge_config, Corrupt),
        (index_of_another_size, Corrupt),
        (index_in_an_index, Corrupt),
    ],
)
def test_failed_pull_leaves_nothing_and_the_next_one_works(
    server: Server,
    session: Session,
    image: Image,
    damage: Callable[[Server, Image], None],
    kind: type[EngineError],
) -> None:
    server.put("team/app", image)
    damage(server, image)
    with pytest.raises(kind) as caught:
        pull(session, name_of(server), FAST)
    assert caught.type is kind
    assert remains(session) == []
    assert server.requests("/secret") == []
    server.put("team/app", image)
    assert pull(session, name_of(server), FAST).id == image.id


def test_layer_cut_at_every_byte_leaves_nothing(server: Server, session: Session) -> None:
    small = build("small", [tar({"a": "first\n"})])
    (layer,) = small.layers
    server.put("team/app", small)
    path = f"/v2/team/app/blobs/{layer.digest}"
    honest = server.routes[path]
    once = FAST._replace(retries=0)
    for cut in range(len(layer.data)):
        # Kept short by the server, or by the connection.
        server.route(path, Reply(200, layer.data[:cut]) if cut % 2 else Reply(200, layer.data, cut=cut))
        with pytest.raises((Corrupt, Unreachable)):
            pull(session, name_of(server), once)
        assert remains(session) == [], cut
    server.routes[path] = honest
    assert pull(session, name_of(server), once).id == small.id


def test_platforms(server: Server, session: Session, image: Image) -> None:
    arm = build("app", [tar({"arm": "yes\n"})], architecture="arm64")
    both = index([(image, json.loads(image.config.data)["architecture"]), (arm, "arm64")])
    for entry in (image, arm):
        server.put("team/app", entry, "x")
    server.put_manifest("team/app", both, "latest")
    found = pull(session, name_of(server), FAST)
    assert found.id == image.id
    assert set(found.record.digests) == {image.manifest.digest, both.digest}
    assert not resolve_for(session, name_of(server), "always", FAST).would_pull
    other = PullOptions(validate_certs=False, platform=platform("linux/arm64"))
    assert resolve_for(session, name_of(server), "missing", other).pulled
    assert lookup.find(session, name_of(server)).id == arm.id  # type: ignore[union-attr]
    assert resolve_for(session, name_of(server), "always", FAST).image.id == image.id  # type: ignore[union-attr]
    none = PullOptions(validate_certs=False, platform=platform("linux/vax"))
    with pytest.raises(NotFound, match="no image for linux/vax; it has: linux/.*, linux/arm64"):
        pull(session, name_of(server), none)


def test_policy_rejects(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    policy = Path(session.identity.home) / ".config/containers/policy.json"
    accept, reject = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
    scopes = {"docker": {server.host: reject, f"{server.host}/team/app": accept}}
    policy.write_text(json.dumps({"default": reject, "transports": scopes}))
    assert pull(session, name_of(server), FAST).id == image.id
    with pytest.raises(Denied, match="rejects it"):
        pull(session, f"{server.host}/other/app", FAST)
    assert server.requests("/v2/other") == [], "refused before anybody was asked"


@pytest.mark.parametrize("kind", ["signedBy", "sigstoreSigned"])
def test_policy_that_cannot_be_checked_means_no(server: Server, session: Session, image: Image, kind: str) -> None:
    server.put("team/app", image)
    policy = Path(session.identity.home) / ".config/containers/policy.json"
    key = {"keyType": "GPGKeys"} if kind == "signedBy" else {}
    policy.write_text(json.dumps({"default": [{"type": kind, "keyPath": "/x", **key}]}))
    with pytest.raises(Denied, match=kind):
        pull(session, name_of(server), FAST)
    assert remains(session) == []


def test_no_policy_means_no(server: Server, session: Session, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import policy as policies

    server.put("team/app", image)
    monkeypatch.setattr(policies, "SYSTEM", ("/nonexistent/policy.json",))
    (Path(session.identity.home) / ".config/containers/policy.json").unlink()
    with pytest.raises(HostLacks, match="without a policy no image is accepted"):
        pull(session, name_of(server), FAST)
    assert server.seen == []


def registries(session: Session, text: str) -> None:
    (Path(session.identity.home) / ".config/containers/registries.conf").write_text(text)


def test_mirror_then_registry(server: Server, other: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    registries(
        session,
        f"""
        [[registry]]
        prefix = "registry.example/team"
        location = "{server.host}/team"
        insecure = true
        [[registry.mirror]]
        location = "{other.host}/copy"
        insecure = true
        """,
    )
    options = PullOptions(retries=0, timeout=20.0)
    other.route("/v2/", Reply(200))
    found = pull(session, "registry.example/team/app", options)
    assert found.names == ("registry.example/team/app:latest",)
    assert other.requests("/v2/copy/app/manifests/latest")
    other.put("copy/app", image, "latest")
    server.seen.clear()
    assert not resolve_for(session, "registry.example/team/app", "always", options).would_pull
    assert server.seen == [], "the mirror answered"


def test_blocked(server: Server, session: Session) -> None:
    registries(session, f'[[registry]]\nlocation = "{server.host}"\nblocked = true\n')
    with pytest.raises(Denied, match="blocked"):
        pull(session, name_of(server), FAST)
    assert server.seen == []


def test_short_names(server: Server, other: Server, session: Session, image: Image) -> None:
    for place in (server, other):
        place.route("/v2/", Reply(200))
    other.put("app", image, "latest")
    head = f'unqualified-search-registries = ["{server.host}", "{other.host}"]\n'
    with pytest.raises(NotFound, match="no unqualified-search-registries"):
        pull(session, "app", FAST)
    registries(session, head + 'short-name-mode = "enforcing"\n')
    with pytest.raises(EngineError, match="may mean"):
        pull(session, "app", FAST)
    registries(session, head + 'short-name-mode = "permissive"\n')
    found = pull(session, "app", FAST)
    assert found.names == (f"{other.host}/app:latest",)
    server.seen.clear()
    assert not resolve_for(session, "app", "always", FAST).would_pull
    assert server.seen == [], "the local image's own name is asked for, not each search registry again"
    with pytest.raises(NotFound):
        pull(session, "nothing-of-the-kind", FAST)


def test_alias(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    registries(session, f'[aliases]\n"tool" = "{server.host}/team/app"\n')
    assert pull(session, "tool", FAST).names == (name_of(server),)
    assert lookup.find(session, "tool").id == image.id  # type: ignore[union-attr]


def test_newer_is_content_when_nobody_answers(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    pull(session, name_of(server), FAST)
    server.close()
    assert resolve_for(session, name_of(server), "newer", FAST).image is not None
    with pytest.raises(Unreachable):
        resolve_for(session, name_of(server), "always", FAST)
    assert resolve_for(session, name_of(server), "missing", FAST).image is not None
    assert resolve_for(session, name_of(server), "never", FAST).image is not None


def test_never(session: Session) -> None:
    with pytest.raises(NotFound, match="never"):
        resolve_for(session, "q.example/app", "never", FAST)


def test_full_disk(server: Server, session: Session, image: Image, tmp_path: Path) -> None:
    import subprocess

    from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions

    server.put("team/app", image)
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", small], check=True)
    try:
        session._store_options = StoreOptions(str(small / "graph"), str(tmp_path / "runroot"))
        with pytest.raises(HostLacks, match="No space left"):
            pull(session, name_of(server), FAST)
        assert remains(session) == []
        subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
        assert pull(session, name_of(server), FAST).id == image.id
    finally:
        subprocess.run(["umount", "-l", small], check=True)
