"""Uploads to a registry that moves them, breaks off, lies about what arrived, or sends them to somebody else."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import digest_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Denied, EngineError, Unreachable
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.auth import ANONYMOUS, Credentials
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.connections import Connections, Trust
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.destination import Rereadable
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.docker import Wire
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.docker_push import RegistryDestination
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.failures import Patience
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.descriptor import OCI_LAYER, Descriptor
from scripted import Reply, Seen, Server, bearer, needs, token

SECRET = Credentials("user", "s3cret")
BASIC = "Basic " + base64.b64encode(b"user:s3cret").decode()
ASK_BASIC = Reply(401, b"{}", {"WWW-Authenticate": 'Basic realm="here"'})
DATA = random.Random(3).randbytes(9_000_000)
BLOB = Descriptor(OCI_LAYER + "+gzip", digest_of(DATA), len(DATA))
UPLOADS, PLACE = "/v2/team/app/blobs/uploads/", "/v2/team/app/blobs/uploads/1"
Pushing = Callable[..., RegistryDestination]
PAUSES: list[float] = []  # what was slept instead of sleeping


@pytest.fixture
def pushing(identity: Identity) -> Pushing:
    PAUSES.clear()

    def make(
        server: Server, credentials: Credentials = ANONYMOUS, siblings: tuple[str, ...] = ()
    ) -> RegistryDestination:
        connections = Connections(Trust(identity, verify=False), {}, 20.0)
        wire = Wire(
            connections,
            lambda ref: credentials if ref.domain == server.host else ANONYMOUS,
            Patience(2, None, PAUSES.append),
        )
        ref = reference.parse(f"{server.host}/team/app:latest")
        return RegistryDestination(ref, wire, insecure=True, siblings=siblings)

    return make


class Uploads:
    """An honest place for one upload; what PATCH brings is kept, and `refusals` come first."""

    def __init__(self, server: Server, *refusals: Callable[[Seen], Reply] | Reply) -> None:
        self.data = b""
        self.refusals = list(refusals)
        self.begun = 0
        server.route("/v2/", Reply(200, b"{}"))
        server.route(UPLOADS, self.begin)
        server.route(PLACE, self.take)

    def begin(self, seen: Seen) -> Reply:
        self.begun += 1
        self.data = b""
        return Reply(202, b"", {"Location": PLACE})

    def take(self, seen: Seen) -> Reply:
        if seen.method == "GET":
            return Reply(204, b"", {"Range": f"0-{max(len(self.data) - 1, 0)}"}, length=0)
        if seen.method == "PUT":
            return Reply(201)
        if self.refusals:
            refusal = self.refusals.pop(0)
            return refusal if isinstance(refusal, Reply) else refusal(seen)
        self.data += seen.body
        return Reply(202, b"", {"Location": PLACE})


def push(destination: RegistryDestination) -> None:
    destination.put_blob(BLOB, Rereadable(lambda: io.BytesIO(DATA)))


def secrets(server: Server) -> list[str]:
    return [seen.headers["authorization"] for seen in server.seen if "authorization" in seen.headers]


def test_an_honest_upload(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server)
    push(pushing(server))
    assert uploads.data == DATA and uploads.begun == 1
    assert f"digest={BLOB.digest}" in server.requests(PLACE, "PUT")[0].path.replace("%3A", ":")


def test_an_upload_that_broke_off_goes_on(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server)

    def half(seen: Seen) -> Reply:
        uploads.data = seen.body[:4_000_000]
        return Reply(503, b"{}")

    uploads.refusals = [half]
    push(pushing(server))
    assert uploads.data == DATA and uploads.begun == 1
    again = server.requests(PLACE, "PATCH")[1]
    assert again.headers["content-range"] == f"4000000-{len(DATA) - 1}" and len(again.body) == len(DATA) - 4_000_000


@pytest.mark.parametrize("told", ["0-99999999999", "5-10", "nonsense", "0--3", ""])
def test_a_lie_about_what_arrived_begins_anew(server: Server, pushing: Pushing, told: str) -> None:
    uploads = Uploads(server, Reply(500, b"{}"))
    lie = Reply(204, b"", {"Range": told}, length=0)
    server.route(PLACE, lambda seen: lie if seen.method == "GET" else uploads.take(seen))
    push(pushing(server))
    assert uploads.data == DATA and uploads.begun == 2


def test_a_body_that_is_too_large_goes_in_chunks(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server, Reply(413, b"{}"))
    push(pushing(server))
    assert uploads.data == DATA
    parts = server.requests(PLACE, "PATCH")[1:]
    assert len(parts) > 1 and all("content-range" in part.headers for part in parts)


def test_a_registry_that_always_fails_is_given_up(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server)
    server.route(PLACE, Reply(500, b"{}"))
    with pytest.raises(Unreachable, match="500"):
        push(pushing(server))
    assert uploads.begun == 3


class Made:
    """A blob that is being made: of `DATA`, and nobody knows its digest before."""

    what = "a layer"
    digest, size = digest_of(b""), 0

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._data = io.BytesIO(DATA)

    def read(self, size: int = -1) -> bytes:
        data = self._data.read(size)
        if not data:
            self.digest, self.size = BLOB.digest, BLOB.size
        return data

    def finish(self) -> None:
        self.digest, self.size = BLOB.digest, BLOB.size


def test_a_blob_is_sent_while_it_is_made(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server)
    pushing(server).put_flow(Made())
    assert uploads.data == DATA and uploads.begun == 1
    assert server.requests(PLACE, "PATCH")[0].headers["transfer-encoding"] == "chunked"
    assert f"digest={BLOB.digest}" in server.requests(PLACE, "PUT")[0].path.replace("%3A", ":")


def test_what_broke_off_while_it_was_made_goes_on(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server)

    def half(seen: Seen) -> Reply:
        uploads.data = seen.body[:4_000_000]
        return Reply(503, b"{}")

    uploads.refusals = [half]
    pushing(server).put_flow(Made())
    assert uploads.data == DATA and uploads.begun == 1
    assert len(server.requests(PLACE, "PATCH")[1].body) == len(DATA) - 4_000_000


@pytest.mark.parametrize("status", [400, 404, 411, 413, 501])
def test_a_server_that_takes_no_unknown_length_is_told_it(server: Server, pushing: Pushing, status: int) -> None:
    uploads = Uploads(server, Reply(status, b"{}"))
    pushing(server).put_flow(Made())
    assert uploads.data == DATA and uploads.begun == 2
    assert "transfer-encoding" not in server.requests(PLACE, "PATCH")[1].headers


class Expiring:
    """Takes the token `one` until the method `at` has been asked for `nth` times, and from then on only `two`."""

    def __init__(self, server: Server, uploads: Uploads, at: str, nth: int = 1) -> None:
        self.server = server
        self.at = at
        self.left = nth
        self.valid = "one"
        server.route("/v2/", self.guard(Reply(200, b"{}")))
        server.route("/token", token("one"), token("two"))
        server.route(UPLOADS, self.guard(uploads.begin))
        server.route(PLACE, self.guard(uploads.take))

    def guard(self, then: Callable[[Seen], Reply] | Reply) -> Callable[[Seen], Reply]:
        def give(seen: Seen) -> Reply:
            if seen.method == self.at and self.valid == "one":
                self.left -= 1
                self.valid = "one" if self.left else "two"
            return needs(f"Bearer {self.valid}", bearer(f"{self.server.url}/token"), then)(seen)

        return give


@pytest.mark.parametrize("flow", [False, True], ids=["known", "made on the way"])
@pytest.mark.parametrize("at", ["PATCH", "PUT"])
def test_a_token_that_expires_on_the_way_is_renewed(server: Server, pushing: Pushing, at: str, flow: bool) -> None:
    uploads = Uploads(server)
    Expiring(server, uploads, at)
    destination = pushing(server)
    destination.put_flow(Made()) if flow else push(destination)
    assert uploads.data == DATA and uploads.begun == 1 and PAUSES == []
    assert len(server.requests("/token")) == 2
    assert len(server.requests(PLACE, "PUT")) == (2 if at == "PUT" else 1)


def test_a_token_that_expires_between_chunks_costs_one_chunk(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server, Reply(413, b"{}"))
    Expiring(server, uploads, "PATCH", 3)
    push(pushing(server))
    assert uploads.data == DATA and uploads.begun == 2
    assert len(server.requests("/token")) == 2
    ranges = [seen.headers.get("content-range") for seen in server.requests(PLACE, "PATCH")]
    assert ranges[-2] == ranges[-1] == f"8388608-{len(DATA) - 1}" and len(ranges) == 4


def test_a_token_that_is_never_good_enough_is_not_asked_for_for_ever(server: Server, pushing: Pushing) -> None:
    uploads = Uploads(server)
    expiring = Expiring(server, uploads, "PATCH")
    server.route("/token", token("one"), token("three"))
    with pytest.raises(Denied, match="401"):
        push(pushing(server))
    assert len(server.requests("/token")) == 2 and expiring.valid == "two"


@pytest.mark.parametrize("flow", [False, True], ids=["known", "made on the way"])
def test_a_pause_that_is_asked_for_in_the_middle_is_made(server: Server, pushing: Pushing, flow: bool) -> None:
    uploads = Uploads(server)

    def enough(seen: Seen) -> Reply:
        uploads.data = seen.body[:5_000_000]
        return Reply(429, b"{}", {"Retry-After": "7"})

    uploads.refusals = [enough]
    destination = pushing(server)
    destination.put_flow(Made()) if flow else push(destination)
    assert uploads.data == DATA and uploads.begun == 1 and PAUSES == [7.0]
    uploads.refusals = [Reply(429, b"{}", {"Retry-After": "100000"})]
    with pytest.raises(Unreachable, match="pause of 100000 s"):
        push(pushing(server))


def test_a_mount_asks_for_both_repositories_in_one_token(server: Server, pushing: Pushing) -> None:
    """And a registry that grants only the one to push to gets the bytes."""
    scopes = []

    def give(seen: Seen) -> Reply:
        scopes.append(parse_qs(urlsplit(seen.path).query)["scope"])
        return token("both")

    def mount(seen: Seen) -> Reply:
        fields = parse_qs(urlsplit(seen.path).query)
        assert fields == {"mount": [str(BLOB.digest)], "from": ["team/base"]}
        return Reply(201)

    challenge = bearer(f"{server.url}/token")
    server.route("/v2/", challenge)
    server.route("/token", give)
    server.route(f"/v2/team/app/blobs/{BLOB.digest}", needs("Bearer both", challenge, Reply(404, b"{}")))
    server.route(UPLOADS, needs("Bearer both", challenge, mount))
    assert pushing(server, SECRET, ("team/base",)).has_blob(BLOB.digest, BLOB.size)
    assert scopes == [["repository:team/app:pull,push", "repository:team/base:pull"]]
    uploads = Uploads(server)
    server.route(UPLOADS, Reply(403, b"{}"), uploads.begin)
    destination = pushing(server, SECRET, ("team/base",))
    assert not destination.has_blob(BLOB.digest, BLOB.size)
    push(destination)
    assert uploads.data == DATA


def test_credentials_do_not_follow_an_upload_to_another_host(server: Server, other: Server, pushing: Pushing) -> None:
    """Neither by themselves, nor when that host asks for them, nor by a token service that it names."""
    server.route("/v2/", ASK_BASIC)
    server.route(UPLOADS, needs(BASIC, ASK_BASIC, Reply(202, b"", {"Location": f"{other.url}/elsewhere"})))
    goes_on = Reply(202, b"", {"Location": f"{other.url}/elsewhere"})
    other.route("/elsewhere", lambda seen: goes_on if seen.method == "PATCH" else Reply(201))
    push(pushing(server, SECRET))
    assert secrets(server) and secrets(other) == []

    for demand in (ASK_BASIC, bearer(f"{other.url}/token")):
        other.seen.clear()
        other.route("/elsewhere", demand)
        other.route("/token", Reply(200, b'{"token":"t"}'))
        with pytest.raises(Denied):
            push(pushing(server, SECRET))
        assert secrets(other) == [] and other.requests("/token") == []


def test_nor_does_what_a_host_asks_on_the_way_count_for_the_registry(
    server: Server, other: Server, pushing: Pushing
) -> None:
    """A mount that failed leaves an upload at the other host, which names a token service when it is cancelled."""
    server.route("/v2/", Reply(200, b"{}"))
    server.route(UPLOADS, Reply(202, b"", {"Location": f"{other.url}/elsewhere"}))
    server.route(f"/v2/team/app/blobs/{BLOB.digest}", Reply(404, b"{}"))
    other.route("/elsewhere", bearer(f"{other.url}/token"))
    other.route("/token", Reply(200, b'{"token":"t"}'))
    destination = pushing(server, SECRET, ("team/base", "team/more"))
    assert not destination.has_blob(BLOB.digest, BLOB.size)
    destination.close()
    destination = pushing(server, SECRET, ("team/base", "team/more"))
    assert not destination.has_blob(BLOB.digest, BLOB.size)
    assert not destination.has_blob(digest_of(b"another"), 7)  # asked at the registry, after the other had its say
    with pytest.raises(EngineError):
        push(destination)
    assert other.requests("/elsewhere") and other.requests("/token") == [] and secrets(other) == []
