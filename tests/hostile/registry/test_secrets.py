"""Credentials reach the registry they belong to, over TLS or this machine's own loopback, and nobody else."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, Denied, Unreachable
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import connections, tokens
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.auth import Credentials
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.connections import Origin
from images import Image
from scripted import Certificates, Reply, Server, bearer, needs, serving, token

SECRET = Credentials("user", "s3cret")
BASIC = "Basic " + base64.b64encode(b"user:s3cret").decode()
ASK_BASIC = Reply(401, b"{}", {"WWW-Authenticate": 'Basic realm="here"'})
MANIFEST = "/v2/team/app/manifests/latest"


def manifest_of(image: Image) -> Reply:
    return Reply(200, image.manifest.data, {"Content-Type": image.manifest.media_type})


def sent(server: Server) -> set[str]:
    return {seen.headers["authorization"] for seen in server.seen if "authorization" in seen.headers}


def test_basic(server: Server, connect: Callable, image: Image) -> None:
    server.route("/v2/", ASK_BASIC)
    server.route(MANIFEST, needs(BASIC, ASK_BASIC, manifest_of(image)))
    assert connect(server, credentials=SECRET).source.manifest().data == image.manifest.data
    assert "authorization" not in server.requests(MANIFEST)[0].headers, "not before it was asked for"


def test_basic_without_credentials(server: Server, connect: Callable) -> None:
    server.route(MANIFEST, ASK_BASIC)
    with pytest.raises(Denied, match="wants other credentials"):
        connect(server).source.manifest()


def test_basic_with_wrong_credentials_is_tried_once(server: Server, connect: Callable) -> None:
    server.route("/v2/", Reply(200))
    server.route(MANIFEST, ASK_BASIC)
    with pytest.raises(Denied, match="401"):
        connect(server, credentials=SECRET).source.manifest()
    assert len(server.requests(MANIFEST)) == 2


def test_anonymous_token(server: Server, connect: Callable, image: Image) -> None:
    server.route("/token", token("abc"))
    server.route(MANIFEST, needs("Bearer abc", bearer(f"{server.url}/token"), manifest_of(image)))
    assert connect(server).source.manifest().data == image.manifest.data
    asked = server.requests("/token")
    assert len(asked) == 1
    assert "scope=repository%3Ateam%2Fapp%3Apull" in asked[0].path, "our scope, not the one the challenge names"
    assert "authorization" not in asked[0].headers


def test_token_for_credentials(server: Server, connect: Callable, image: Image) -> None:
    server.route("/token", needs(BASIC, Reply(401), token("abc")))
    server.route(MANIFEST, needs("Bearer abc", bearer(f"{server.url}/token"), manifest_of(image)))
    assert connect(server, credentials=SECRET).source.manifest().data == image.manifest.data


def test_identity_token_goes_in_the_body(server: Server, connect: Callable, image: Image) -> None:
    server.route("/token", token("abc"))
    server.route(MANIFEST, needs("Bearer abc", bearer(f"{server.url}/token"), manifest_of(image)))
    connect(server, credentials=Credentials(identity_token="idtok")).source.manifest()
    asked = server.requests("/token", "POST")
    assert b"refresh_token=idtok" in asked[0].body
    assert "idtok" not in asked[0].path


def test_token_that_ends_on_the_way_is_renewed(server: Server, connect: Callable, image: Image) -> None:
    server.route("/token", token("one"), token("two"))
    again = bearer(f"{server.url}/token")
    path = f"/v2/team/app/blobs/{image.config.digest}"
    server.route(MANIFEST, needs("Bearer one", again, manifest_of(image)))
    server.route(path, needs("Bearer two", again, Reply(200, image.config.data)))
    source = connect(server).source
    source.manifest()
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import Digest
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.descriptor import Descriptor

    wanted = Descriptor(image.config.media_type, Digest.parse(image.config.digest), len(image.config.data))
    assert source.blob(wanted).read(1 << 20) == image.config.data


def test_redirect_to_another_origin_goes_without(
    server: Server, other: Server, connect: Callable, image: Image
) -> None:
    other.route("/store/x", manifest_of(image))
    away = Reply(307, headers={"Location": f"{other.url}/store/x"})
    server.route("/v2/", ASK_BASIC)
    server.route(MANIFEST, needs(BASIC, ASK_BASIC, away))
    assert connect(server, credentials=SECRET).source.manifest().data == image.manifest.data
    assert sent(server) == {BASIC}
    assert sent(other) == set()


def test_redirect_within_the_origin_keeps_it(server: Server, connect: Callable, image: Image) -> None:
    server.route("/v2/", ASK_BASIC)
    server.route("/elsewhere", needs(BASIC, Reply(403), manifest_of(image)))
    server.route(MANIFEST, needs(BASIC, ASK_BASIC, Reply(302, headers={"Location": "/elsewhere"})))
    assert connect(server, credentials=SECRET).source.manifest().data == image.manifest.data


@pytest.mark.parametrize("challenge", ["basic", "bearer"])
def test_redirect_target_that_asks_for_a_log_in(
    server: Server, other: Server, connect: Callable, challenge: str
) -> None:
    other.route("/x", ASK_BASIC if challenge == "basic" else bearer(f"{other.url}/token"))
    other.route("/token", token())
    server.route("/v2/", Reply(200))
    server.route(MANIFEST, Reply(307, headers={"Location": f"{other.url}/x"}))
    with pytest.raises(Denied, match="to which the registry redirected"):
        connect(server, credentials=SECRET).source.manifest()
    assert sent(other) == set()
    assert other.requests("/token") == []


def test_redirect_without_end(server: Server, connect: Callable) -> None:
    server.route("/v2/", Reply(200))
    server.route(MANIFEST, Reply(307, headers={"Location": MANIFEST}))
    with pytest.raises(Corrupt, match="redirects"):
        connect(server).source.manifest()
    assert len(server.requests(MANIFEST)) < 10


@pytest.mark.parametrize(
    "target",
    [
        "",
        "x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://",
        "http://u:p@127.0.0.1/",
        "//",
        "http://[::1",
        "/a b",
        "http://127.0.0.1:99999/",
        "javascript:alert(1)",
    ],
)
def test_redirect_to_nonsense(server: Server, connect: Callable, target: str) -> None:
    server.route("/v2/", Reply(200))
    server.route(MANIFEST, Reply(307, headers={"Location": target}))
    with pytest.raises((Denied, Unreachable, Corrupt)):
        connect(server, retries=0).source.manifest()


def test_redirect_from_tls_to_plain_http(
    certificates: Certificates, other: Server, connect: Callable, image: Image
) -> None:
    with serving(certificates.context("good")) as secure:
        other.route("/x", manifest_of(image))
        secure.route(MANIFEST, Reply(307, headers={"Location": f"{other.url}/x"}))
        with pytest.raises(Denied, match="from TLS to plain http"):
            connect(secure, certs=str(certificates.folder)).source.manifest()
        assert other.seen == []


def test_token_server_of_another_party_gets_nothing(server: Server, connect: Callable) -> None:
    # localhost and 127.0.0.1 are one machine here but two names, as any two strangers are.
    stranger = f"http://localhost:{server.port}/token"
    server.route("/token", token("abc"))
    server.route(MANIFEST, bearer(stranger))
    with pytest.raises(Denied, match="not evidently its own"):
        connect(server, credentials=SECRET).source.manifest()
    assert server.requests("/token") == []
    assert sent(server) == set()


def test_token_server_of_another_party_with_the_users_consent(server: Server, connect: Callable, image: Image) -> None:
    stranger = f"localhost:{server.port}"
    server.route("/token", needs(BASIC, Reply(401), token("abc")))
    server.route(MANIFEST, needs("Bearer abc", bearer(f"http://{stranger}/token"), manifest_of(image)))
    both = {server.host: SECRET, stranger: SECRET}
    assert connect(server, credentials=both).source.manifest().data == image.manifest.data


def test_token_server_of_another_party_without_credentials_is_asked(
    server: Server, connect: Callable, image: Image
) -> None:
    server.route("/token", token("abc"))
    server.route(MANIFEST, needs("Bearer abc", bearer(f"http://localhost:{server.port}/token"), manifest_of(image)))
    assert connect(server).source.manifest().data == image.manifest.data


def test_token_server_that_redirects(server: Server, other: Server, connect: Callable) -> None:
    server.route("/token", Reply(302, headers={"Location": f"{other.url}/token"}))
    server.route(MANIFEST, bearer(f"{server.url}/token"))
    with pytest.raises(Denied, match="redirects"):
        connect(server, credentials=SECRET).source.manifest()
    assert other.seen == []


def test_token_server_without_tls_for_a_registry_with_it(
    certificates: Certificates, other: Server, connect: Callable
) -> None:
    with serving(certificates.context("good")) as secure:
        secure.route(MANIFEST, bearer(f"{other.url}/token"))
        with pytest.raises(Denied, match="without TLS"):
            connect(secure, credentials=SECRET, certs=str(certificates.folder)).source.manifest()
        assert other.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token":1}',
        b'{"token":""}',
        b'{"token":"a\\r\\nX: y"}',
        b'{"token":"a b"}',
        b'{"token":"' + b"x" * 2_000_000 + b'"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_token_that_is_none(server: Server, connect: Callable, body: bytes) -> None:
    server.route("/token", Reply(200, body))
    server.route(MANIFEST, bearer(f"{server.url}/token"))
    with pytest.raises(Corrupt):
        connect(server).source.manifest()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        'Bearer realm=""',
        'Bearer realm="nonsense"',
        'Bearer realm="http://"',
        "Negotiate",
        "\x00",
        '"',
        "Bearer realm=" + "x" * 60_000,
        'Bearer realm="http://u:p@127.0.0.1/"',
    ],
)
def test_challenges_of_nonsense(server: Server, connect: Callable, header: str) -> None:
    server.route("/v2/", Reply(200))
    server.route(MANIFEST, Reply(401, b"{}", {"WWW-Authenticate": header}))
    with pytest.raises(Denied):
        connect(server, credentials=SECRET, retries=0).source.manifest()
    assert sent(server) == set()


def plain_and_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the servers of the tests count as far away."""
    monkeypatch.setattr(connections.Origin, "loopback", property(lambda self: False))


def test_no_password_over_plain_http(server: Server, connect: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_and_far(monkeypatch)
    server.route("/v2/", ASK_BASIC)
    server.route(MANIFEST, ASK_BASIC)
    with pytest.raises(Denied, match="without TLS"):
        connect(server, credentials=SECRET, insecure=True).source.manifest()
    assert sent(server) == set()


def test_no_password_to_a_plain_token_server(
    server: Server, connect: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_and_far(monkeypatch)
    server.route("/token", token())
    server.route(MANIFEST, bearer(f"{server.url}/token"))
    with pytest.raises(Denied, match="without TLS"):
        connect(server, credentials=SECRET, insecure=True).source.manifest()
    assert sent(server) == set()
    assert server.requests("/token") == []


@pytest.mark.parametrize("name", ["wrong", "expired"])
def test_certificates_that_do_not_fit(certificates: Certificates, connect: Callable, name: str) -> None:
    with serving(certificates.context(name)) as secure, pytest.raises(Denied, match="certificate of .* is not valid"):
        connect(secure, certs=str(certificates.folder), credentials=SECRET).source.manifest()


def test_certificate_of_an_unknown_authority(certificates: Certificates, connect: Callable) -> None:
    with serving(certificates.context("good")) as secure:
        with pytest.raises(Denied, match="is not valid"):
            connect(secure).source.manifest()
        assert secure.seen == []


def test_certificate_is_looked_up_by_host(
    certificates: Certificates, connect: Callable, image: Image, identity: object
) -> None:
    from pathlib import Path

    with serving(certificates.context("good")) as secure:
        folder = Path(identity.home) / ".config/containers/certs.d" / secure.host  # type: ignore[attr-defined]
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(certificates.ca.read_bytes())
        secure.route(MANIFEST, manifest_of(image))
        assert connect(secure).source.manifest().data == image.manifest.data


def test_client_certificate(certificates: Certificates, connect: Callable, image: Image, tmp_path: object) -> None:
    import shutil
    import ssl

    context = certificates.context("good")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(certificates.ca))
    folder = tmp_path / "certs"  # type: ignore[operator]
    folder.mkdir()
    shutil.copy(certificates.ca, folder / "ca.crt")
    with serving(context) as secure:
        secure.route(MANIFEST, manifest_of(image))
        with pytest.raises(Unreachable):
            connect(secure, certs=str(folder), retries=0).source.manifest()
        shutil.copy(certificates.folder / "client.crt", folder / "client.cert")
        shutil.copy(certificates.folder / "client.pem", folder / "client.key")
        assert connect(secure, certs=str(folder)).source.manifest().data == image.manifest.data


def test_insecure_takes_any_certificate_and_keeps_tls(
    certificates: Certificates, connect: Callable, image: Image
) -> None:
    with serving(certificates.context("wrong")) as secure:
        secure.route("/v2/", ASK_BASIC)
        secure.route(MANIFEST, needs(BASIC, ASK_BASIC, manifest_of(image)))
        found = connect(secure, insecure=True, credentials=SECRET).source.manifest()
        assert found.data == image.manifest.data


def test_plain_http_is_not_tried_unless_allowed(server: Server, connect: Callable) -> None:
    with pytest.raises(Unreachable, match="does not speak TLS"):
        connect(server, insecure=False, retries=0).source.manifest()
    assert server.seen == []


@pytest.mark.parametrize(
    ("registry", "realm", "same"),
    [
        ("registry-1.docker.io", "auth.docker.io", True),
        ("registry.gitlab.com", "gitlab.com", True),
        ("ghcr.io", "ghcr.io", True),
        ("registry.corp.example", "login.corp.example", True),
        ("registry.example", "evil.test", False),
        ("docker.io.evil.test", "auth.docker.io", False),
        ("shop.co.uk", "evil.co.uk", False),
        ("registry.shop.co.uk", "auth.shop.co.uk", True),
        ("registry.shop.co.uk", "evil.co.uk", False),
        ("10.0.0.1", "20.0.0.1", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("localhost", "evil.localhost", False),
        ("registry", "auth", False),
        ("::1", "::2", False),
    ],
)
def test_same_party(registry: str, realm: str, same: bool) -> None:
    assert tokens.same_party(registry, realm) is same


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1.evil.test", False),
        ("127.evil", False),
        ("localhost.evil.test", False),
        ("0.0.0.0", False),
        ("192.168.0.1", False),
    ],
)
def test_loopback(host: str, here: bool) -> None:
    assert Origin("http", host, 80).loopback is here


def test_the_secret_is_not_in_any_text() -> None:
    assert "s3cret" not in repr(SECRET)
    assert "s3cret" not in repr(SECRET._replace(identity_token="s3cret"))
