"""Credentials: which file, which entry, which helper."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    BadInput,
    Corrupt,
    EngineError,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import Completed
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.auth import (
    ANONYMOUS,
    Credentials,
    Keyring,
    auth_files,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference


class Helpers:
    """Credential helpers by program name: what they answer for which host."""

    def __init__(self, answers: dict[tuple[str, str], Completed]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def run(self, argv: Sequence[str], *, input: bytes | None = None, timeout: float | None = None) -> Completed:
        key = (argv[0], (input or b"").decode())
        self.asked.append(key)
        assert list(argv[1:]) == ["get"]
        return self.answers.get(key, Completed(1, b"credentials not found in native keychain", b""))


def entry(user: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:pw-{user}".encode()).decode()}


def file(path: Path, **content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return Identity(1000, 1000, "u", str(tmp_path / "home"), str(tmp_path / "run"), True, False)


def find(identity: Identity, name: str, programs: Helpers | None = None, **more: object) -> Credentials:
    keyring = Keyring(identity, programs or Helpers({}), **more)  # type: ignore[arg-type]
    return keyring.find(reference.parse(name))


def test_files_in_order(identity: Identity) -> None:
    home = identity.home
    expected = [
        f"{identity.runtime_dir}/containers/auth.json",
        f"{home}/.config/containers/auth.json",
        f"{home}/.docker/config.json",
        f"{home}/.dockercfg",
    ]
    assert [path for path, _legacy in auth_files(identity, {})] == expected
    root = identity._replace(rootless=False, uid=0)
    assert auth_files(root, {})[0][0] == "/run/containers/0/auth.json"
    assert auth_files(identity, {"XDG_CONFIG_HOME": "/c"})[1][0] == "/c/containers/auth.json"
    assert auth_files(identity, {"DOCKER_CONFIG": "/d"}) == [("/d/config.json", False)]


def test_first_file_with_an_entry(identity: Identity, tmp_path: Path) -> None:
    file(tmp_path / "home/.docker/config.json", auths={"q.io": entry("docker"), "r.io": entry("other")})
    file(tmp_path / "home/.config/containers/auth.json", auths={"q.io": entry("config")})
    file(tmp_path / "run/containers/auth.json", auths={"x.io": entry("run")})
    assert find(identity, "q.io/app").username == "config"
    assert find(identity, "r.io/app").username == "other"
    assert find(identity, "z.io/app") == ANONYMOUS


def test_named_file_is_the_only_one(identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path / "home/.docker/config.json", auths={"q.io": entry("docker")})
    named = file(tmp_path / "named.json", auths={"x.io": entry("named")})
    assert find(identity, "q.io/app", explicit=named) == ANONYMOUS
    assert find(identity, "x.io/app", explicit=named).username == "named"
    monkeypatch.setenv("REGISTRY_AUTH_FILE", named)
    assert find(identity, "x.io/app").username == "named"
    with pytest.raises(BadInput, match="does not exist"):
        find(identity, "x.io/app", explicit="/nonexistent/auth.json")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("q.io/team/app", "repository"),
        ("q.io/team/other", "namespace"),
        ("q.io/teams/app", "host"),
        ("q.io:5000/team/app", ""),
        ("xq.io/team/app", ""),
        ("busybox", "hub"),
        ("old.io/app", "address"),
    ],
)
def test_longest_entry(identity: Identity, tmp_path: Path, name: str, user: str) -> None:
    auths = {
        "q.io": entry("host"),
        "q.io/team": entry("namespace"),
        "q.io/team/app": entry("repository"),
        "https://index.docker.io/v1/": entry("hub"),
        "http://old.io/v2": entry("address"),
    }
    file(tmp_path / "home/.docker/config.json", auths=auths)
    found = find(identity, name)
    assert found.username == user
    assert found.password == (f"pw-{user}" if user else "")


def test_oldest_format(identity: Identity, tmp_path: Path) -> None:
    file(tmp_path / "home/.dockercfg", **{"https://q.io/v1/": entry("ancient")})
    assert find(identity, "q.io/app").username == "ancient"


def test_identity_token(identity: Identity, tmp_path: Path) -> None:
    file(tmp_path / "home/.docker/config.json", auths={"q.io": {"auth": "", "identitytoken": "tok"}})
    assert find(identity, "q.io/app") == Credentials(identity_token="tok")


def test_empty_entry_is_none(identity: Identity, tmp_path: Path) -> None:
    file(tmp_path / "home/.docker/config.json", auths={"q.io": {}})
    assert find(identity, "q.io/app") == ANONYMOUS


def answer(user: str, secret: str) -> Completed:
    return Completed(0, json.dumps({"ServerURL": "x", "Username": user, "Secret": secret}).encode(), b"")


def test_helper_of_the_file_before_its_entries(identity: Identity, tmp_path: Path) -> None:
    file(tmp_path / "home/.docker/config.json", auths={"q.io": entry("stored")}, credHelpers={"q.io": "vault"})
    helpers = Helpers({("docker-credential-vault", "q.io"): answer("kept", "s")})
    assert find(identity, "q.io/app", helpers) == Credentials("kept", "s")
    assert helpers.asked == [("docker-credential-vault", "q.io")]


def test_helpers_of_registries_conf_in_order(identity: Identity, tmp_path: Path) -> None:
    file(tmp_path / "home/.docker/config.json", auths={"q.io": entry("stored")})
    helpers = Helpers({("docker-credential-b", "r.io"): answer("<token>", "idtok")})
    order = ("a", "containers-auth.json", "b")
    assert find(identity, "q.io/app", helpers, helpers=order).username == "stored"
    assert find(identity, "r.io/app", helpers, helpers=order) == Credentials(identity_token="idtok")


@pytest.mark.parametrize(
    "done",
    [
        Completed(2, b"boom", b""),
        Completed(0, b"", b""),
        Completed(0, b"[]", b""),
        Completed(0, b'{"Username":"u"}', b""),
    ],
)
def test_helper_that_fails_is_an_error(identity: Identity, done: Completed) -> None:
    helpers = Helpers({("docker-credential-a", "q.io"): done})
    with pytest.raises(EngineError):
        find(identity, "q.io/app", helpers, helpers=("a",))


def test_helper_by_path_is_refused(identity: Identity) -> None:
    with pytest.raises(BadInput, match="not given by path"):
        find(identity, "q.io/app", helpers=("../evil",))


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"auths":[]}',
        '{"auths":{"q.io":"x"}}',
        '{"auths":{"q.io":{"auth":"%%%"}}}',
        '{"auths":{"q.io":{"auth":"bm9jb2xvbg=="}}}',
        '{"credHelpers":1}',
    ],
)
def test_damaged_file(identity: Identity, tmp_path: Path, content: str) -> None:
    path = tmp_path / "auth.json"
    path.write_text(content)
    with pytest.raises(Corrupt, match="auth.json"):
        find(identity, "q.io/app", explicit=str(path))


def test_empty_file_is_none(identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text("\n")
    assert find(identity, "q.io/app", explicit=str(tmp_path / "auth.json")) == ANONYMOUS
