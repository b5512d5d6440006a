"""docker-daemon: with Docker's own engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from machine import Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
SOCKET = "/run/docker.sock"


@pytest.fixture
def docker(machine: Machine) -> Iterator[Machine]:
    """A machine with a registry and an engine that has no image."""
    assert machine.registry
    engine = machine.spawn(
        ["dockerd", "--data-root", "/srv/docker", "--exec-root", "/run/docker-exec", "-H", f"unix://{SOCKET}"]
        + ["-p", "/run/dockerd.pid", "--iptables=false", "--bridge=none", "--storage-driver=vfs"]
    )
    end = time.monotonic() + 90
    while "Api" not in ask(machine, "/version") and time.monotonic() < end:
        time.sleep(0.2)
    assert "Api" in ask(machine, "/version"), machine.read("/run/lab/spawned.log")[-3000:]
    yield machine
    engine.signal(15)
    engine.wait(60)


def ask(machine: Machine, path: str) -> str:
    code = (
        "import http.client, socket, sys\n"
        "link = http.client.HTTPConnection('docker'); link.sock = socket.socket(socket.AF_UNIX)\n"
        f"link.sock.connect({SOCKET!r}); link.request('GET', {path!r}); print(link.getresponse().read().decode())"
    )
    return machine.run(["/usr/bin/python3", "-c", code], check=False).stdout


def copied(machine: Machine, source: str, target: str, **more: object) -> dict[str, object]:
    """Foreseen, done, and then not done again."""
    wish = {"src": source, "dest": target, "src_validate_certs": False, "dest_validate_certs": False, **more}
    assert machine.task("image_copy", wish, check=True)["changed"]
    done = machine.task("image_copy", wish)
    assert done["changed"]
    assert not machine.task("image_copy", wish)["changed"]
    assert not machine.task("image_copy", wish, check=True)["changed"]
    return done


def test_there_and_back(docker: Machine) -> None:
    machine = docker
    copied(machine, f"docker://{IMAGE}", "docker-daemon:handed/over:1")
    theirs = json.loads(ask(machine, "/images/handed/over:1/json"))
    ours = machine.task("image", {"name": IMAGE})["image"][0]
    assert theirs["Id"] == f"sha256:{ours['Id']}"
    assert theirs["RootFS"]["Layers"] == ours["RootFS"]["Layers"]

    machine.task("image", {"name": IMAGE, "state": "absent"})
    copied(machine, "docker-daemon:handed/over:1", "containers-storage:localhost/back:1")
    back = machine.task("image_info", {"name": "localhost/back:1"})["images"][0]
    assert back["Id"] == ours["Id"] and back["RootFS"]["Layers"] == ours["RootFS"]["Layers"]
    assert machine.podman(["run", "--rm", "--network", "none", "localhost/back:1", "echo", "runs"]).stdout == "runs\n"

    copied(machine, "containers-storage:localhost/back:1", "docker-daemon:handed/over:2")
    tags = [tag for image in json.loads(ask(machine, "/images/json")) for tag in image["RepoTags"]]
    assert sorted(tags) == ["handed/over:1", "handed/over:2"]
    copied(machine, "docker-daemon:handed/over:2", "docker://127.0.0.1:5000/from-docker:1")
    inspected = ["inspect", "--tls-verify=false", "--config", "--raw", "docker://127.0.0.1:5000/from-docker:1"]
    assert json.loads(machine.skopeo(inspected).stdout)["rootfs"]["diff_ids"] == ours["RootFS"]["Layers"]


def test_what_is_not_there_is_said(docker: Machine) -> None:
    gone = docker.task("image_copy", {"src": "docker-daemon:no/such:1", "dest": "dir:/srv/x"}, fails=True)
    assert "no/such" in gone["msg"] and gone["error"] == "NotFound"
    assert not docker.exists("/srv/x")
    wish = {"src": "docker-daemon:no/such:1", "dest": "dir:/srv/x", "src_docker_host": "unix:///run/nobody.sock"}
    assert "/run/nobody.sock" in docker.task("image_copy", wish, fails=True)["msg"]
