"""A pull that is killed: the next one fetches only what was not there whole."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.pull import PullOptions, pull
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import proc_stat
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from images import Image
from scripted import Reply, Server

FAST = PullOptions(validate_certs=False, retries=1, retry_delay=0.0, timeout=20.0)


def killed_pull(session: Session, name: str, finished: int) -> Path:
    """Start a pull, wait until so many layers are whole, kill it; where it staged them."""
    staging = Path(session.store_options.graph_root) / "overlay/staging"
    child = os.fork()
    if not child:
        try:
            pull(session, name, FAST)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 60
    while len(list(staging.glob("*/layer.json"))) < finished and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = children_of(child)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while any(alive(pid) for pid in workers):  # they die with their parent, not at the same moment
        assert time.monotonic() < deadline + 60
        time.sleep(0.01)
    assert len(list(staging.glob("*/layer.json"))) == finished
    return staging


def children_of(parent: int) -> list[int]:
    found = [path.read_text().split() for path in Path(f"/proc/{parent}/task").glob("*/children")]
    return [int(word) for words in found for word in words]


def alive(pid: int) -> bool:
    stat = proc_stat(pid)
    return stat is not None and stat.state != "Z"


def test_finished_layers_are_not_fetched_again(server: Server, session: Session, image: Image) -> None:
    server.put("team/app", image)
    slow = f"/v2/team/app/blobs/{image.layers[1].digest}"
    honest = server.routes[slow]
    server.route(slow, Reply(200, image.layers[1].data, cut=50_000, length=len(image.layers[1].data), hold=30.0))
    name = f"{server.host}/team/app:latest"
    staging = killed_pull(session, name, 2)
    assert session.store.images() == [] and session.store.layers() == []
    server.routes[slow] = honest
    server.seen.clear()
    found = pull(session, name, FAST)
    assert found.id == image.id
    fetched = {seen.path.rpartition("/")[2] for seen in server.requests("/blobs/")}
    assert fetched == {image.config.digest, image.layers[1].digest}
    chain = session.store.layer_chain(found.record.top_layer)
    assert [layer.compressed_digest for layer in chain] == [layer.digest for layer in image.layers]
    for layer, diff in zip(chain, image.diffs):
        assert session.store.layer_tar(layer.id).read() == diff
    assert list(staging.iterdir()) == [] and session.store.check() == []


def test_another_image_with_such_a_layer_goes_on_from_it(server: Server, session: Session, image: Image) -> None:
    from images import build, tar

    server.put("team/app", image)
    slow = f"/v2/team/app/blobs/{image.layers[1].digest}"
    server.route(slow, Reply(200, image.layers[1].data, cut=50_000, length=len(image.layers[1].data), hold=30.0))
    staging = killed_pull(session, f"{server.host}/team/app:latest", 2)
    other = build("other", [image.diffs[2], tar({"new": "one\n"})])
    server.put("team/other", other)
    server.seen.clear()
    pull(session, f"{server.host}/team/other:latest", FAST)
    fetched = {seen.path.rpartition("/")[2] for seen in server.requests("/blobs/")}
    assert fetched == {other.config.digest, other.layers[1].digest}
    assert len(list(staging.iterdir())) == 1  # the first layer still waits for its image
    session.store.repair()
    assert list(staging.iterdir()) == [] and session.store.check() == []
