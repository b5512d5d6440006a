"""registry_login, _logout and _login_info; podman and skopeo are the judges of who is logged in."""

from __future__ import annotations

import json

import pytest
from machine import USER, USER_ID, Machine

HELPER = """#!/usr/bin/python3
import json, os, sys
path = "/tmp/kept.json"
kept = json.load(open(path)) if os.path.exists(path) else {}
with open("/tmp/asked", "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
data = sys.stdin.read()
verb = sys.argv[1]
if verb == "store":
    entry = json.loads(data)
    kept[entry["ServerURL"]] = entry
elif verb == "list":
    print(json.dumps({host: entry["Username"] for host, entry in kept.items()}))
elif data not in kept:
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(json.dumps(kept[data]))
else:
    del kept[data]
json.dump(kept, open(path, "w"))
"""


def judged(machine: Machine, registry: str, user: str | None = None, *options: str) -> str:
    """Whom podman takes us for, "" for nobody."""
    found = machine.podman(["login", "--get-login", *options, registry], user, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""


@pytest.mark.parametrize("user", [None, USER])
def test_in_and_out(machine: Machine, user: str | None) -> None:
    registry = machine.start_registry(5001, users={"me": "s3cret-word"}, empty=True).host
    path = "/run/containers/0/auth.json" if user is None else f"/run/user/{USER_ID}/containers/auth.json"
    wish = {"registry": registry, "username": "me", "password": "s3cret-word", "validate_certs": False}
    for wrong, why in (({"password": "guess"}, "401"), ({"username": None, "password": None}, "no user name")):
        assert why in machine.task("registry_login", {**wish, **wrong}, user, fails=True)["msg"]
    assert not machine.exists(path)
    ahead = machine.task("registry_login", wish, user, check=True)
    assert not machine.exists(path)
    done = machine.task("registry_login", wish, user)
    assert ahead["changed"] and done["changed"] and ahead["diff"] == done["diff"]
    assert done["login"] == {"registry": registry, "username": "me", "logged_in": True, "auth_file": path}
    assert "s3cret-word" not in json.dumps({key: value for key, value in done.items() if key != "invocation"})
    assert machine.sh(f"stat -c %a {path}") == "600"
    assert judged(machine, registry, user) == "me"
    assert not machine.task("registry_login", wish, user)["changed"]
    again = machine.task("registry_login", {"registry": registry, "validate_certs": False}, user)
    assert not again["changed"] and "Already logged in" in again["stdout"]
    info = machine.task("registry_login_info", {"registry": registry}, user)
    assert info["login"] == {"registry": registry, "username": "me", "logged_in": True}
    assert machine.task("registry_logout", {"registry": registry}, user, check=True)["changed"]
    assert judged(machine, registry, user) == "me"
    out = machine.task("registry_logout", {"registry": registry}, user)
    assert out["changed"] and out["registries"] == [registry]
    assert judged(machine, registry, user) == ""
    assert not machine.task("registry_logout", {"registry": registry}, user)["changed"]
    assert not machine.task("registry_login_info", {"registry": registry}, user)["login"]["logged_in"]


def test_files_parts_and_what_podman_stored(machine: Machine) -> None:
    wish = {"username": "u", "password": "p1", "verify": False}
    machine.write("/srv/auth.json", json.dumps({"auths": {"q.io": {"auth": "YTpi"}}, "extra": {"kept": 1}}))
    for registry in ("registry.lab/team", "registry.lab", "docker.io"):
        assert machine.task("registry_login", {**wish, "registry": registry, "auth_file": "/srv/auth.json"})["changed"]
        assert judged(machine, registry, None, "--authfile", "/srv/auth.json") == "u"
    content = json.loads(machine.read("/srv/auth.json"))
    assert sorted(content["auths"]) == ["docker.io", "q.io", "registry.lab", "registry.lab/team"]
    assert content["extra"] == {"kept": 1}
    other = machine.task("registry_login", {**wish, "registry": "q.io", "auth_file": "/srv/auth.json"})
    assert other["diff"]["before"] == {"q.io": {"username": "a", "password": "(what it was)"}}
    assert other["diff"]["after"] == {"q.io": {"username": "u", "password": "(another one)"}}
    docker = {"compat_auth_file": "/root/.docker/config.json"}
    assert machine.task("registry_login", {**wish, **docker, "registry": "docker.io"})["changed"]
    assert list(json.loads(machine.read("/root/.docker/config.json"))["auths"]) == ["https://index.docker.io/v1/"]
    assert not machine.task("registry_login", {**wish, **docker, "registry": "index.docker.io"})["changed"]
    assert judged(machine, "docker.io") == "u"
    left = machine.task("registry_logout", {"registry": "docker.io"}, fails=True)
    assert "another tool has stored credentials" in left["msg"]
    assert not machine.task("registry_logout", {"registry": "docker.io", "ignore_docker_credentials": True})["changed"]
    assert machine.task("registry_logout", {**docker, "registry": "docker.io"})["changed"]
    gone = machine.task("registry_logout", {"all": True, "auth_file": "/srv/auth.json"})
    assert gone["registries"] == ["docker.io", "q.io", "registry.lab", "registry.lab/team"]
    assert json.loads(machine.read("/srv/auth.json")) == {"auths": {}, "extra": {"kept": 1}}
    assert not machine.task("registry_logout", {"all": True, "auth_file": "/srv/auth.json"})["changed"]
    registry = machine.start_registry(5001, users={"me": "pw"}, empty=True).host
    machine.podman(["login", "--tls-verify=false", "-u", "me", "--password-stdin", registry], input="pw")
    wish = {"registry": registry, "username": "me", "password": "pw", "validate_certs": False}
    assert not machine.task("registry_login", wish)["changed"]
    assert machine.task("registry_logout", {"registry": registry})["changed"]
    machine.run(["sh", "-c", "printf pw-of-secret | /opt/judge/bin/podman secret create token -"])
    wish = {"registry": "r.lab", "username": "u", "secret": "token", "verify": False, "auth_file": "/srv/secret.json"}
    assert machine.task("registry_login", wish)["changed"]
    assert json.loads(machine.read("/srv/secret.json"))["auths"]["r.lab"]["auth"] == "dTpwdy1vZi1zZWNyZXQ="


@pytest.mark.parametrize("kind", ["credHelpers", "credsStore", "registries.conf"])
def test_credential_helpers(machine: Machine, kind: str) -> None:
    machine.write("/usr/local/bin/docker-credential-lab", HELPER, 0o755)
    registry = machine.start_registry(5001, users={"me": "pw"}, empty=True).host
    if kind == "registries.conf":
        machine.write("/etc/containers/registries.conf.d/50-helper.conf", 'credential-helpers = ["lab"]\n')
    else:
        value = {registry: "lab"} if kind == "credHelpers" else "lab"
        machine.write("/run/containers/0/auth.json", json.dumps({kind: value}))
    wish = {"registry": registry, "username": "me", "password": "pw", "validate_certs": False}
    assert machine.task("registry_login", wish, check=True)["changed"]
    assert not machine.exists("/tmp/kept.json") or json.loads(machine.read("/tmp/kept.json")) == {}
    assert machine.task("registry_login", wish)["changed"]
    assert json.loads(machine.read("/tmp/kept.json"))[registry]["Secret"] == "pw"
    if machine.exists("/run/containers/0/auth.json"):
        assert "bWU6cHc=" not in machine.read("/run/containers/0/auth.json")
    assert not machine.task("registry_login", wish)["changed"]
    assert machine.task("registry_login_info", {"registry": registry})["login"]["username"] == "me"
    if kind != "credsStore":  # podman does not know it
        assert judged(machine, registry) == "me"
    assert machine.task("registry_logout", {"registry": registry})["changed"]
    assert json.loads(machine.read("/tmp/kept.json")) == {}
    assert machine.task("registry_login", wish)["changed"]
    assert machine.task("registry_logout", {"all": True})["changed"]
    assert json.loads(machine.read("/tmp/kept.json")) == {}
    assert set(machine.read("/tmp/asked").split()) <= {"get", "store", "erase", "list"}


def test_killed_at_every_step(machine: Machine) -> None:
    """The file is the old one or the new one, no password stays beside it, and the deed done again ends well."""
    machine.write("/usr/local/bin/docker-credential-lab", HELPER, 0o755)
    plain, helped = "/srv/logins/auth.json", "/srv/helped/auth.json"
    machine.write(plain, json.dumps({"auths": {"q.io": {"auth": "YTpi"}}}), 0o600)
    machine.write(helped, json.dumps({"credHelpers": {"r.lab": "lab"}}), 0o600)
    password = {"username": "u", "password": "s3cret-word", "verify": False}
    deeds = {
        "login": ("registry_login", {**password, "auth_file": plain}, ["logins-written", "logins-replaced"]),
        "helper": ("registry_login", {**password, "auth_file": helped}, ["login-stored"]),
        "logout": ("registry_logout", {"auth_file": plain}, ["logins-written", "logins-replaced"]),
    }
    for name, (module, how, stops) in deeds.items():
        wish = {**how, "registry": "r.lab"}
        for stop in stops:
            if name == "logout":
                machine.task("registry_login", {**password, "auth_file": plain, "registry": "r.lab"})
            killed = machine.attempt(module, wish, step=stop)
            assert killed.returncode != 0, (name, stop)
            where = how["auth_file"]
            assert judged(machine, "q.io", None, "--authfile", where) == ("a" if where == plain else "")
            seen = judged(machine, "r.lab", None, "--authfile", where) == "u"
            assert seen is ((stop != "logins-written") is (name != "logout")), (name, stop)
            assert machine.task(module, wish)["changed"] is (stop == "logins-written")
            assert not machine.task(module, wish)["changed"]
            assert (judged(machine, "r.lab", None, "--authfile", where) == "u") is (name != "logout")
            assert machine.sh("ls -A /srv/logins /srv/helped | grep -c json") == "2", "nothing half written stays"
            if name == "login":
                machine.task("registry_logout", {"auth_file": plain, "registry": "r.lab"})
