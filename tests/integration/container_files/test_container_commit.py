"""container_commit against podman commit, as root and as a plain user."""

from __future__ import annotations

import json

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
    wait = {"name": "c", "timeout": 60, "argv": ["sh", "-c", "while test -e /etc/group; do sleep 0.1; done"]}
    machine.task("container_exec", wait, user=user)
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


OVER = {
    "User": "5",
    "ExposedPorts": {"53/udp": {}},
    "Env": ["A=over", "MORE=1=2"],
    "Entrypoint": ["/bin/env"],
    "Volumes": {"/kept": {}},
    "WorkingDir": "/tmp",
    "Labels": {"l": "over", "k": "v"},
    "StopSignal": "SIGUSR1",
    "Hostname": "told",
    "OnBuild": ["RUN true"],
    "Shell": ["/bin/sh", "-e"],
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5000000000, "Retries": 2},
    "Unknown": 7,
}


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_a_configuration_is_laid_over(machine: Machine, form: str) -> None:
    assert machine.registry.port == 5000
    wish = {"name": "c", "image": IMAGE, "state": "created", "command": ["sleep", "1"], "env": {"A": "b", "B": "c"}}
    machine.task("container", {**wish, "label": {"l": "m"}, "expose": ["80"]})
    machine.write("/tmp/over.json", json.dumps(OVER))
    words = ["commit", "-q", "-f", form, "--config", "/tmp/over.json", "-c", "ENV LAST=x", "c"]
    machine.run(["daemonless", *words, "ours:1"])
    machine.podman([*words, "theirs:1"])
    ours, theirs = (machine.podman_json(["image", "inspect", f"localhost/{name}:1"])[0] for name in ("ours", "theirs"))
    for document in (ours, theirs):
        document["Config"]["Env"].sort()
        labels = document["Config"]["Labels"]
        document["Config"]["Labels"] = {key: labels[key] for key in labels if not key.startswith("io.buildah")}
    assert ours["Config"] == theirs["Config"]
    assert ours.get("Healthcheck") == theirs.get("Healthcheck")
    for text, said in (("{", "no JSON"), ("[]", "no object"), ('{"Env": "A=b"}', "Env is not of the type")):
        machine.write("/tmp/over.json", text)
        refused = machine.run(["daemonless", *words, "ours:2"], check=False)
        assert refused.returncode == 125 and said in refused.stderr, refused.stderr
    missing = machine.run(["daemonless", "commit", "--config", "/none", "c", "ours:2"], check=False)
    assert missing.returncode == 125 and "/none: No such file" in missing.stderr
