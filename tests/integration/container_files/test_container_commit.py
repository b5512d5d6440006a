"""container_commit against podman commit, as root and as a plain user."""

from __future__ import annotations

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_commit(machine: Machine, user: str | None) -> None:
    assert machine.registry.port == 5000
    machine.task("secret", {"name": "s", "data": "hidden-value"}, user=user)
    wish = {"name": "c", "image": IMAGE, "stop_timeout": 0, "secrets": ["s,type=env,target=TOLD"]}
    more = {"env": {"A": "b c"}, "label": {"l": "m"}, "workdir": "/srv", "volume": ["data:/data", "/anonymous"]}
    script = "echo new >/srv/new; rm /etc/group; sleep 1000"
    machine.task("container", {**wish, **more, "command": ["sh", "-c", script]}, user=user)
    machine.sh("sleep 0.5")
    asked = {
        "container": "c",
        "image": "made:1",
        "author": "me",
        "commit_message": "why",
        "changes": ["USER 7", "ENV X=y"],
    }
    assert machine.task("container_commit", asked, user=user, check=True)["changed"]
    assert machine.podman(["image", "exists", "localhost/made:1"], user, check=False).returncode == 1
    made = machine.task("container_commit", asked, user=user)
    assert made["changed"]
    assert not machine.task("container_commit", asked, user=user)["changed"]
    assert not machine.task("container_commit", asked, user=user, check=True)["changed"]
    assert machine.podman_json(["inspect", "c"], user)[0]["State"]["Status"] == "running"

    words = ["commit", "-q", "-f", "docker", "-a", "me", "-m", "why", "-c", "USER 7", "-c", "ENV X=y", "c", "theirs:1"]
    machine.podman(words, user)
    ours, theirs = (machine.podman_json(["image", "inspect", name], user)[0] for name in ("made:1", "theirs:1"))
    assert made["image"][0]["Id"] == ours["Id"]
    for document in (ours, theirs):
        document["Config"]["Env"].sort()
        document["Config"]["Env"] = [one for one in document["Config"]["Env"] if not one.startswith("TOLD=")]
        labels = document["Config"]["Labels"]
        document["Config"]["Labels"] = {key: labels[key] for key in labels if not key.startswith("io.buildah")}
    assert ours["Config"] == theirs["Config"]
    assert (ours["Author"], len(ours["RootFS"]["Layers"])) == (theirs["Author"], len(theirs["RootFS"]["Layers"]))
    assert ours["History"][-1]["comment"].startswith("why")
    assert (
        machine.podman(["image", "diff", "made:1"], user).stdout
        == machine.podman(["image", "diff", "theirs:1"], user).stdout
    )
    assert "hidden-value" not in machine.podman(["image", "inspect", "made:1"], user).stdout

    ran = machine.podman(
        ["run", "--rm", "--network=none", "--entrypoint=", "made:1", "cat", "/srv/new"], user, check=False
    )
    assert ran.stdout == "new\n", ran.stderr
    machine.task("container_exec", {"name": "c", "command": "touch /more"}, user=user)
    assert machine.task("container_commit", asked, user=user)["changed"]
    flat = {"container": "c", "image": "flat", "squash": True, "format": "docker"}
    found = machine.task("container_commit", flat, user=user)["image"][0]
    assert (len(found["RootFS"]["Layers"]), found["ManifestType"]) == (
        1,
        "application/vnd.docker.distribution.manifest.v2+json",
    )
    assert not machine.task("container_commit", flat, user=user)["changed"]
    assert "no container" in machine.task("container_commit", {"container": "none"}, user=user, fails=True)["msg"]
    command = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"
    said = machine.run(
        [command, "commit", "-q", "-f", "docker", "-m", "x", "-c", "CMD /bin/id", "c", "cli:1"], user
    ).stdout
    seen = machine.podman_json(["image", "inspect", "cli:1"], user)[0]
    assert (said, seen["Config"]["Cmd"]) == (f"{seen['Id']}\n", ["/bin/sh", "-c", "/bin/id"])
    refused = machine.run([command, "commit", "-m", "x", "c"], user, check=False)
    assert (refused.returncode, "docker image format" in refused.stderr) == (125, True)
