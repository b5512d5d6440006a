"""pull, push, save, load, login and logout from the command line, beside podman's."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.fixture(params=[None, USER], ids=["root", "user"])
def place(request: pytest.FixtureRequest, machine: Machine) -> tuple[Machine, str | None, str]:
    assert machine.registry
    machine.task("network", {"name": "some"}, user=request.param)  # leaves the command
    command = "daemonless" if request.param is None else f"/home/{USER}/.local/bin/daemonless"
    return machine, request.param, command


def test_there_and_back(place: tuple[Machine, str | None, str]) -> None:
    machine, user, command = place

    def ours(*words: str, code: int = 0, stdin: str = "") -> str:
        done = machine.run([command, *words], user, check=False, input=stdin)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    identity = ours("pull", IMAGE)
    assert identity == machine.podman(["pull", "-q", "--tls-verify=false", IMAGE], user).stdout
    assert ours("image", "pull", "-q", "--policy=never", IMAGE) == identity
    assert ours("pull", "-q", "127.0.0.1:5000/nothing:1", code=125) == ""
    assert sorted(ours("pull", "-qa", "127.0.0.1:5000/busybox").split()) == sorted(
        machine.podman(["pull", "-qa", "--tls-verify=false", "127.0.0.1:5000/busybox"], user).stdout.split()
    )

    folder = machine.sh("mktemp -d", user=user)
    ours("push", "--digestfile", f"{folder}/digest", IMAGE, "127.0.0.1:5000/pushed:1")
    there = machine.skopeo(["inspect", "--tls-verify=false", "docker://127.0.0.1:5000/pushed:1"]).stdout
    assert machine.read(f"{folder}/digest") == json.loads(there)["Digest"]
    ours("push", "-q", IMAGE, f"oci-archive:{folder}/pushed.tar")
    assert machine.sh(f"tar -tf {folder}/pushed.tar").count("index.json") == 1
    ours("push", "nothing", "127.0.0.1:5000/pushed:2", code=125)

    ours("save", "-q", "-o", f"{folder}/saved.tar", IMAGE)
    machine.sh(f"{command} save {IMAGE} >{folder}/streamed.tar", user=user)
    assert machine.sh(f"cmp {folder}/saved.tar {folder}/streamed.tar && echo same") == "same"
    machine.podman(["rmi", "-f", IMAGE], user)
    assert ours("load", "-q", "-i", f"{folder}/saved.tar") == f"Loaded image: {IMAGE}\n"
    assert machine.podman(["image", "inspect", "--format", "{{.Id}}", IMAGE], user).stdout == identity
    machine.podman(["rmi", "-f", IMAGE], user)
    streamed = machine.sh(f"{command} load <{folder}/streamed.tar", user=user)
    assert streamed == machine.podman(["load", "-q", "-i", f"{folder}/saved.tar"], user).stdout.strip()
    assert ours("load", "-i", "/nothing", code=125) == ""
    assert ours("save", "-o", f"{folder}/x.tar", "nothing", code=125) == ""
    assert not machine.exists(f"{folder}/x.tar")


def test_logging_in_and_out(place: tuple[Machine, str | None, str]) -> None:
    machine, user, command = place
    registry = machine.start_registry(5005, users={"anna": "a:secret"})
    host = registry.host

    def ours(*words: str, code: int = 0, stdin: str = "") -> tuple[str, str]:
        done = machine.run([command, *words], user, check=False, input=stdin)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout, done.stderr

    said = ours("login", "-u", "anna", "--password-stdin", "--tls-verify=false", host, code=125, stdin="wrong\n")
    assert "secret" not in str(said) and "wrong" not in str(said)
    assert ours("login", "--get-login", host, code=125)[0] == ""
    done = ours("login", "-u", "anna", "--password-stdin", "--tls-verify=false", host, stdin="a:secret\n")
    assert done[0] == "Login Succeeded!\n"
    assert ours("login", "--get-login", host)[0] == machine.podman(["login", "--get-login", host], user).stdout
    assert "Already logged in" in ours("login", "--tls-verify=false", host)[0]
    assert "anna" in machine.podman(["login", "--get-login", host], user).stdout
    theirs = machine.podman(["logout", host], user).stdout
    machine.run([command, "login", "-u", "anna", "-p", "a:secret", "--tls-verify=false", host], user)
    assert ours("logout", host)[0] == theirs
    ours("logout", host, code=125)
    assert machine.podman(["logout", host], user, check=False).returncode == 125
    assert "no terminal" in ours("login", "--tls-verify=false", host, code=125)[1]
