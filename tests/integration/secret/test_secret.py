"""The module secret, its command, and secrets in containers; podman is the judge, both ways."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
VALUE = "g€heim\n"


def inspected(machine: Machine, name: str, user: str | None) -> dict[str, object]:
    return machine.podman_json(["secret", "inspect", "--showsecret", name], user)[0]


def both(machine: Machine, wish: dict[str, object], user: str | None) -> dict[str, object]:
    """Check mode and the run give the same answer, and the second run has nothing to do."""
    ahead = machine.task("secret", wish, check=True, user=user)
    done = machine.task("secret", wish, user=user)
    for key in ("changed", "actions", "diff"):
        assert ahead.get(key) == done.get(key), key
    assert "heim" not in json.dumps({key: value for key, value in done.items() if key != "invocation"})
    assert machine.task("secret", wish, user=user)["changed"] is False
    return done


@pytest.mark.parametrize("user", [None, USER])
def test_module(machine: Machine, user: str | None) -> None:
    made = both(machine, {"name": "s", "data": VALUE, "labels": {"a": "b c"}}, user)
    assert made["changed"]
    seen = inspected(machine, "s", user)
    assert seen.pop("SecretData") == VALUE
    assert seen == made["secret"] == machine.task("secret_info", {"name": "s"}, user=user)["secrets"][0]
    shown = machine.task("secret_info", {"showsecret": True}, user=user)["secrets"]
    assert [secret["SecretData"] for secret in shown] == [VALUE]
    labelled = both(machine, {"name": "s", "data": VALUE, "labels": {}}, user)
    assert labelled["changed"]
    assert labelled["secret"]["ID"] == made["secret"]["ID"], "labels are changed in place"
    assert machine.task("secret", {"name": "s", "data": "other", "skip_existing": True}, user=user)["changed"] is False
    assert both(machine, {"name": "s", "data": "geheimer"}, user)["secret"]["ID"] != made["secret"]["ID"]
    assert inspected(machine, "s", user)["SecretData"] == "geheimer"

    machine.write("/tmp/value", "from podman", user=user)
    machine.podman(["secret", "create", "theirs", "/tmp/value"], user)
    assert machine.task("secret", {"name": "theirs", "path": "/tmp/value"}, user=user)["changed"] is False
    machine.podman(["secret", "create", "--replace", "theirs", "/tmp/value"], user)
    assert both(machine, {"name": "theirs", "state": "absent"}, user)["changed"]
    assert both(machine, {"name": "s", "state": "absent"}, user)["changed"]
    assert machine.podman(["secret", "ls", "-q"], user).stdout == ""


def test_refusals(machine: Machine) -> None:
    for wish, words in (
        ({"name": "a/b", "data": "x"}, "without '='"),
        ({"name": "a", "data": ""}, "512000"),
        ({"name": "a", "data": "x", "driver": "pass"}, "Use the driver file"),
        ({"name": "a", "path": "/nowhere"}, "No such file"),
        ({"name": "a", "env": "NOWHERE"}, "is not set"),
    ):
        assert words in machine.task("secret", wish, fails=True)["msg"]
        assert words in machine.task("secret", wish, fails=True, check=True)["msg"]


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("user", [None, USER])
def test_in_containers(machine: Machine, user: str | None) -> None:
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    machine.task("secret", {"name": "s", "data": VALUE}, user=user)
    wish = {
        "name": "c",
        "image": IMAGE,
        "command": "sleep 1000",
        "stop_timeout": 0,
        "secrets": ["s,uid=5,gid=6,mode=0440", "s,type=env,target=V", "s,target=/opt/x/y,uid=5,gid=6,mode=0440"],
    }
    made = [machine.task("container", {**wish, "env": {"A": word}}, user=user) for word in ("b", "c")]  # with a diff
    wish["env"] = {"A": "c"}
    assert machine.task("container", wish, user=user)["changed"] is False
    words = machine.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], check=False).stdout
    assert "sleep 1000" in words and "heim" not in words + json.dumps(made)
    look = "cat /run/secrets/s /opt/x/y; echo -n \"$V\"; stat -c '%u:%g %a' /run/secrets/s /opt/x/y"
    expected = VALUE * 2 + VALUE.rstrip("\n")
    for _turn in range(2):
        seen = machine.podman(["exec", "c", "sh", "-c", look], user).stdout
        assert seen.startswith(expected)
        assert seen.split()[-4:] == ["5:6", "440", "5:6", "440"]
        machine.podman(["restart", "-t", "0", "c"], user)  # podman starts what we made
    shown = json.dumps(machine.task("container_info", {"name": ["c"]}, user=user)["containers"])
    assert "heim" not in shown
    assert "V=*******" in shown
    machine.task("secret", {"name": "s", "data": "fresh"}, user=user)
    assert machine.task("container", wish, user=user)["changed"], "a new value makes the container anew"
    assert machine.podman(["exec", "c", "cat", "/run/secrets/s"], user).stdout == "fresh"
    machine.podman(["rm", "-f", "-t", "0", "c"], user)
    other = {**wish, "secrets": ["s", "s,target=other,mode=0400"]}
    warned = machine.task("container", other, user=user)["warnings"]
    assert "one copy" in json.dumps(warned), warned
    assert machine.task("container", {"name": "c", "state": "absent"}, user=user)["changed"]
    gone = {**wish, "secrets": ["nowhere"]}
    assert "no such secret" in machine.task("container", gone, user=user, fails=True)["msg"]


def test_killed_at_every_step(machine: Machine) -> None:
    machine.task("secret_info", {})
    deeds = (
        (None, {"name": "s", "data": "one"}, ("secret-value-written", "secret-named")),
        ("one", {"name": "s", "data": "two"}, ("secret-value-written", "secret-named", "secret-value-dropped")),
        ("one", {"name": "s", "state": "absent"}, ("secret-unnamed", "secret-value-dropped")),
    )
    for before, wish, steps in deeds:
        for step in steps:
            machine.task("secret", {"name": "s", "state": "absent"})
            if before:
                machine.task("secret", {"name": "s", "data": before})
            killed = machine.attempt("secret", wish, step=step)
            assert killed.returncode in (-9, 137), step
            listed = machine.podman(["secret", "ls", "--format", "{{.Name}}"]).stdout.split()
            for name in listed:
                assert inspected(machine, name, None)["SecretData"], step
            machine.task("secret", wish)
            assert machine.task("secret", wish)["changed"] is False
            values = json.loads(machine.read("/var/lib/containers/storage/secrets/filedriver/secretsdata.json"))
            names = json.loads(machine.read("/var/lib/containers/storage/secrets/secrets.json"))["idToName"]
            if "data" in wish:
                assert set(names) <= set(values), step


def test_command(machine: Machine) -> None:
    machine.task("secret", {"name": "other", "data": "o"})
    machine.write("/tmp/a", VALUE)

    def ours(*words: str) -> tuple[int, str, str]:
        done = machine.run(["daemonless", "secret", *words], check=False)
        return done.returncode, done.stdout, done.stderr

    code, printed, _errors = ours("create", "--label", "k=v", "s", "/tmp/a")
    assert code == 0
    assert inspected(machine, "s", None)["ID"] == printed.strip()
    assert ours("create", "s", "/tmp/a")[0] == 125
    for words in (
        ["inspect", "s"],
        ["inspect", "--showsecret", "s"],
        ["inspect", "--pretty", "s"],
        ["ls", "-q"],
        ["inspect", "--format", "{{.Spec.Name}} {{.ID}}", "s"],
        ["exists", "s"],
        ["exists", "no"],
        ["ls", "--filter", "name=s", "--format", "{{.Name}} {{.Driver}}"],
    ):
        theirs = machine.podman(["secret", *words], check=False)
        mine = ours(*words)
        assert mine[0] == theirs.returncode, words
        assert sorted(mine[1].split()) == sorted(theirs.stdout.split()), words
    assert ours("rm", "no")[0] == 125
    assert ours("rm", "-i", "no")[0] == 0
    assert ours("rm", "--all")[0] == 0
    assert machine.podman(["secret", "ls", "-q"]).stdout == ""
