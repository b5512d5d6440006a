"""The parsers that read what strangers wrote, each as a function of bytes.

What is held to: a parser returns a value or raises EngineError, within a second and within 512 MiB. Anything else is a
finding; `corpus/TARGET/` keeps every one that there was, and is read again on each run.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).resolve().parent / "corpus"
ENGINE = "ansible_collections.daemonless.oci.plugins.module_utils.engine"
sys.path[:0] = [path for path in (str(ROOT / "tests"), str(ROOT / "tests/lab")) if path not in sys.path]
__import__("conftest")  # makes the collection importable


class Target(NamedTuple):
    parse: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    words: tuple[str, ...] = ()  # what a mutation may put in
    longest: int = 4096


def _engine(name: str) -> object:
    import importlib

    return importlib.import_module(f"{ENGINE}.{name}")


@cache
def scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))


def _file(data: bytes) -> str:
    path = scratch() / "input"
    path.write_bytes(data)
    return str(path)


def _who() -> object:
    home = scratch() / "home"
    (home / ".config/containers").mkdir(parents=True, exist_ok=True)
    return _engine("host.identity").Identity(1500, 1500, "tester", str(home), str(scratch() / "run"), True, False)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# ---- archives

PAX, GNU = tarfile.PAX_FORMAT, tarfile.GNU_FORMAT
Member = tuple[tarfile.TarInfo, bytes]


def _mended(data: bytes) -> bytes:
    """With the checksums of headers put right: else hardly a mutation gets past them."""
    mended = bytearray(data)
    for start in range(0, len(data) - 511, 512):
        if data[start + 257 : start + 262] == b"ustar":
            block = bytes(data[start : start + 148]) + b" " * 8 + bytes(data[start + 156 : start + 512])
            mended[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    return bytes(mended)


def _tar(data: bytes) -> object:
    tar_reader = _engine("store.tar_reader")
    reader = tar_reader.TarReader(tar_reader.Source(io.BytesIO(_mended(data)).read1), "layer")
    names = []
    while True:
        member = reader.next()
        if member is None:
            break
        names.append(member.name)
        for _piece in () if member.kind == b"g" else reader.body():
            pass
        reader.take_raw()
    return names, sum(len(piece) for piece in reader.rest())


def _layer(data: bytes) -> object:
    """All of it: decompression, the tree, tar-split, and the tar out of both again."""
    store = _engine("store.store").Store(
        _engine("store.conf").StoreOptions(str(scratch() / "root"), str(scratch() / "run")), os.geteuid() != 0
    )
    staged = store.stage_layer(io.BytesIO(_mended(data)))
    store.discard_staged([staged])
    return staged.diff_id


def _tars() -> list[bytes]:
    def member(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **more: object) -> Member:
        info = tarfile.TarInfo(name)
        info.type, info.size, info.mtime = kind, len(data), 1_700_000_000
        for key, value in more.items():
            setattr(info, key, value)
        return info, data

    def pack(how: int, *members: Member) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=how) as archive:
            for info, data in members:
                archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()[:6144]

    xattrs = {"SCHILY.xattr.user.a": "1", "mtime": "1.5", "path": "p/q"}
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "9"}
    return [
        pack(
            PAX, member("d/", tarfile.DIRTYPE), member("d/f", data=b"x" * 30), member("d/.wh.g"), member(".wh..wh..opq")
        ),
        pack(PAX, member("a", data=b"1", pax_headers=xattrs), member("b", tarfile.LNKTYPE, linkname="a")),
        pack(
            PAX, member("l", tarfile.SYMTYPE, linkname="../x"), member("l/f", data=b"1"), member("p", tarfile.FIFOTYPE)
        ),
        pack(GNU, member("n" * 120, data=b"1"), member("s", tarfile.SYMTYPE, linkname="t" * 120)),
        pack(GNU, member("c", tarfile.CHRTYPE, devmajor=1, devminor=3), member("u", uid=1 << 40, data=b"1")),
        pack(PAX, member("GNUSparseFile.0/s", data=b"1\n0\n9\n".ljust(512, b"\0") + b"123456789", pax_headers=sparse)),
    ]


def _packed() -> list[bytes]:
    import bz2
    import gzip
    import lzma

    first = _tars()[0]
    return [*_tars(), gzip.compress(first), lzma.compress(first), bz2.compress(first)]


# ---- documents

KIND = "application/vnd.oci.image"
DOCKER = "application/vnd.docker.distribution"
TYPES = (
    f"{KIND}.manifest.v1+json",
    f"{KIND}.index.v1+json",
    f"{DOCKER}.manifest.v2+json",
    f"{DOCKER}.manifest.list.v2+json",
    "",
    "application/json; charset=utf-8",
)
DIGEST = "sha256:" + "a1" * 32


def _manifest(data: bytes) -> object:
    """The first byte chooses the media type that the transport told."""
    return _engine("spec.manifest").parse(data[1:], TYPES[data[0] % len(TYPES)] if data else "", "image")


def _manifests() -> list[bytes]:
    config = {"mediaType": f"{KIND}.config.v1+json", "digest": DIGEST, "size": 7}
    layer = {
        "mediaType": f"{KIND}.layer.v1.tar+gzip",
        "digest": "sha256:" + "b2" * 32,
        "size": 9,
        "annotations": {"a": "b"},
    }
    one = {"schemaVersion": 2, "mediaType": TYPES[0], "config": config, "layers": [layer], "subject": layer}
    entry = {
        "mediaType": TYPES[0],
        "digest": DIGEST,
        "size": 7,
        "platform": {"architecture": "arm", "os": "linux", "variant": "v7"},
    }
    many = {"schemaVersion": 2, "mediaType": TYPES[1], "manifests": [entry], "annotations": {"x": "y"}}
    docker = {
        "schemaVersion": 2,
        "mediaType": TYPES[2],
        "config": {**config, "mediaType": "application/vnd.docker.container.image.v1+json"},
        "layers": [],
    }
    return [b"\0" + _dump(one), b"\1" + _dump(many), b"\2" + _dump(docker), b"\4" + _dump(one)]


def _config(data: bytes) -> object:
    config = _engine("spec.image_config").parse(data)
    return config, config.platform, config.environment


def _configs() -> list[bytes]:
    run = {
        "User": "1:2",
        "Env": ["A=b", "C"],
        "Cmd": ["sh"],
        "Entrypoint": None,
        "WorkingDir": "/",
        "Volumes": {"/v": {}},
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"a": "b"},
        "StopSignal": "TERM",
        "Shell": ["sh"],
        "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1000000000},
    }
    history = [{"created": "2023-11-14T22:13:20Z", "created_by": "x", "empty_layer": True}]
    whole = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2023-11-14T22:13:20Z",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
        "history": history,
    }
    return [_dump(whole), _dump({"architecture": "arm", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})]


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _archive(transport: str) -> Callable[[bytes], object]:
    def parse(data: bytes) -> object:
        places = _engine("registry.places")
        path = _file(_mended(data))
        source = places.open_place(places.Place(transport, path))
        try:
            return [source.manifest(), *_starts_of_layers(source)]
        finally:
            source.close()

    return parse


def _starts_of_layers(source: object) -> Iterator[bytes]:
    top = source.manifest()
    parsed = _engine("spec.manifest").parse(top.data, top.media_type, "image")
    for layer in getattr(parsed, "layers", ())[:3]:
        try:
            yield source.blob(layer).read(99)
        except _engine("base.errors").EngineError:
            continue


def _archives(write: Callable[[dict[str, bytes]], None]) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        files: dict[str, bytes] = {}
        write(files)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return [buffer.getvalue()[:8192]]

    return seeds


def _docker_archive(files: dict[str, bytes]) -> None:
    layer = bytes(1024)
    config = _dump(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
    )
    files["manifest.json"] = _dump([{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l.tar"]}])
    files["c.json"], files["l.tar"] = config, layer


def _oci_archive(files: dict[str, bytes]) -> None:
    manifest = _manifests()[0][1:]
    digest = hashlib.sha256(manifest).hexdigest()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["index.json"] = _dump(
        {
            "schemaVersion": 2,
            "manifests": [{"mediaType": TYPES[0], "digest": f"sha256:{digest}", "size": len(manifest)}],
        }
    )
    files[f"blobs/sha256/{digest}"] = manifest


def _bare_archive(data: bytes) -> object:
    return _engine("registry.places").guess(_file(_mended(data)))


# ---- names and configuration


def _reference(data: bytes) -> object:
    text = _text(data)
    found = _engine("spec.reference").parse(text)
    assert _engine("spec.reference").parse(str(found)) == found, f"{found} is read as another one"
    return found, found.familiar, found.name


def _place(data: bytes) -> object:
    return _engine("registry.places").parse(_text(data))


def _platform(data: bytes) -> object:
    return _engine("spec.platform").parse(_text(data))


def _toml(data: bytes) -> object:
    return _engine("base.toml").loads(data.decode("utf-8", "replace"))


def _auth(data: bytes) -> object:
    keyring = _engine("registry.auth").Keyring(_who(), _HelperSays(data[:200]), explicit=_file(data))
    reference = _engine("spec.reference")
    found = []
    for name in ("quay.io/a/b:1", "busybox", "127.0.0.1:5000/x"):
        try:
            found.append(keyring.find(reference.parse(name)))
        except _engine("base.errors").EngineError:
            continue
    return found


class _HelperSays:
    """A credential helper that answers what it likes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def run(self, _argv: object, **_more: object) -> object:
        return _engine("host.process").Completed(0, self._answer, b"")


def _policy(data: bytes) -> object:
    parsed = _engine("registry.policy").parse(data, "policy.json")
    for transport in ("docker", "oci-archive"):
        try:
            parsed.rule(transport, ["quay.io/a/b:1", "quay.io/a/b", "quay.io"], "image")
        except _engine("base.errors").EngineError:
            continue
    return parsed


def _signature(data: bytes) -> object:
    """As it lies beside a registry, or what a signature signs, or a key; the first byte says which."""
    if data[:1] == b"k":
        return _engine("registry.signatures.pem").first(data[1:], "read a key")
    if data[:1] == b"x":
        block = _engine("registry.signatures.pem").Block("CERTIFICATE", data[1:])
        return _engine("registry.signatures.certificates").parse(block, "read a certificate")
    if data[:1] in (b"s", b"c"):
        payload = _engine("registry.signatures.payload")
        kind = "cosign container image signature" if data[:1] == b"c" else "atomic container signature"
        return payload.read(data[1:], kind, "read it")
    return _engine("registry.signatures.blob").parse(data, "read a signature")


def _signatures() -> list[bytes]:
    critical = {
        "type": "cosign container image signature",
        "image": {"docker-manifest-digest": DIGEST},
        "identity": {"docker-reference": "quay.io/a/b:1"},
    }
    payload = _dump({"critical": critical, "optional": {"creator": "x", "timestamp": 1}})
    bundle = _dump({"mimeType": "application/x", "payload": "eA==", "annotations": {"a": "b"}})
    key = b"-----BEGIN PUBLIC KEY-----\nTUZrd0V3\n-----END PUBLIC KEY-----\n"
    return [
        b"s" + payload,
        b"c" + payload,
        b"\0sigstore-json\n" + bundle,
        b"\x88\x5e\x04",
        b"k" + key,
        b"x" + _certificate(),
    ]


def _certificate() -> bytes:
    import certified

    text = certified.certify(certified.Authority.make("r"), certified.new_key().public_key(), certified.Leaf())
    block = _engine("registry.signatures.pem").only(text, "read it")
    return bytes(block.data)


def _registries(data: bytes) -> object:
    who = _who()
    path = Path(who.home) / ".config/containers/registries.conf"
    path.write_bytes(data)
    conf = _engine("registry.registries_conf").load(who, {})
    reference = _engine("spec.reference")
    found = []
    for name in ("busybox", "a/b", "quay.io/a/b:1"):
        try:
            found += [conf.endpoints(ref) for ref in conf.pull_candidates(name)]
            found.append(conf.endpoints(reference.parse(name)))
        except _engine("base.errors").EngineError:
            continue
    return found


def _containers_conf(data: bytes) -> object:
    return _engine("libpod.conf").load(_who(), {"CONTAINERS_CONF": _file(data)}, str(scratch()))


def _storage_conf(data: bytes) -> object:
    return _engine("store.conf").load(_who(), {"CONTAINERS_STORAGE_CONF": _file(data)})


def _challenge(data: bytes) -> object:
    tokens = _engine("registry.tokens")
    return tokens.parse_challenges([data.decode("latin-1")])


JSON = ("null", "true", "-1", "1e999", "{}", "[]", '"\\ud800"', "NaN", '"a":', "9" * 40, "[" * 40)
TOML = ("[[", "]]", '"""', "'''", "\\u", "\\U", "0x", "1979-05-27T07:32:00Z", "inf", "={", "\\\r\n")

TARGETS = {
    "tar": Target(_tar, _tars, ("ustar", "\\x80", "path=", "size=", "SCHILY.xattr.", "GNU.sparse."), 8192),
    "layer": Target(
        _layer, _packed, ("ustar", ".wh.", ".wh..wh..opq", "../", "\\x1f\\x8b", "\\x28\\xb5\\x2f\\xfd"), 8192
    ),
    "docker-archive": Target(
        _archive("docker-archive"), _archives(_docker_archive), (*JSON, "Config", "Layers"), 10240
    ),
    "oci-archive": Target(_archive("oci-archive"), _archives(_oci_archive), (*JSON, "manifests", "digest"), 10240),
    "bare-archive": Target(_bare_archive, _tars, ("manifest.json", "oci-layout", "blobs"), 8192),
    "manifest": Target(_manifest, _manifests, (*JSON, '"mediaType"', '"size"', '"layers"', '"platform"', '"urls"')),
    "config": Target(_config, _configs, (*JSON, '"config"', '"rootfs"', '"diff_ids"', '"Env"', '"history"')),
    "reference": Target(
        _reference,
        lambda: [
            b"busybox",
            b"quay.io/a/b:1",
            b"h:5000/a__b.c@" + DIGEST.encode(),
            b"[::1]:5/x",
            b"a/b:1@" + DIGEST.encode(),
        ],
        ("@sha256:", "localhost", "docker.io/", "library/", "__", "..", "[::1]"),
        400,
    ),
    "place": Target(
        _place, lambda: [b"docker://a", b"oci:/a:b", b"docker-archive:/a:b:c", b"dir:/x"], ("oci-archive:", "@0"), 200
    ),
    "platform": Target(_platform, lambda: [b"linux/amd64", b"linux/arm/v7", b"arm64"], ("linux/", "v8"), 60),
    "toml": Target(
        _toml,
        lambda: [
            b'a = 1\n[b.c]\nd = ["x", {e=1.5}]\n',
            b"[[t]]\nk='''x\n'''\n[[t.u]]\n",
            b'"q\\u00e9" = 1979-05-27T07:32:00Z\n',
        ],
        TOML,
    ),
    "auth": Target(
        _auth,
        lambda: [
            _dump(
                {
                    "auths": {"quay.io": {"auth": "YTpi"}, "https://index.docker.io/v1/": {"identitytoken": "t"}},
                    "credHelpers": {"quay.io": "x"},
                    "credsStore": "y",
                }
            )
        ],
        (*JSON, '"auths"', '"auth"', '"credHelpers"'),
    ),
    "policy": Target(
        _policy,
        lambda: [
            _dump(
                {
                    "default": [{"type": "reject"}],
                    "transports": {
                        "docker": {
                            "quay.io": [
                                {
                                    "type": "signedBy",
                                    "keyType": "GPGKeys",
                                    "keyPath": "/k",
                                    "signedIdentity": {"type": "matchRepository"},
                                }
                            ],
                            "*.io": [{"type": "sigstoreSigned", "keyPath": "/k"}],
                            "": [{"type": "insecureAcceptAnything"}],
                        }
                    },
                }
            )
        ],
        (*JSON, '"type"', '"signedIdentity"', '"remapIdentity"', '"exactReference"'),
    ),
    "signature": Target(_signature, _signatures, (*JSON, '"critical"', '"optional"', '"annotations"', "-----BEGIN ")),
    "registries": Target(
        _registries,
        lambda: [
            b'unqualified-search-registries = ["quay.io"]\nshort-name-mode="enforcing"\n[[registry]]\nprefix="*.io"\n'
            b'location="h:1/p"\nblocked=false\n[[registry.mirror]]\nlocation="m"\ninsecure=true\n'
            b'pull-from-mirror="digest-only"\n[aliases]\n"busybox"="docker.io/library/busybox"\n'
        ],
        (*TOML, "prefix", "location", "[[registry]]", "[aliases]", "credential-helpers"),
    ),
    "containers-conf": Target(
        _containers_conf,
        lambda: [
            b'[containers]\nenv=["A=b",{append=true}]\nlog_size_max=5\n[engine.runtimes]\ncrun=["/x"]\n[network]\n'
            b'default_subnet_pools=[{base="10.89.0.0/16",size=24}]\n[daemonless]\nmax_layer_size="5g"\n'
        ],
        (*TOML, "[engine]", "[containers]", "append=true"),
    ),
    "storage-conf": Target(
        _storage_conf,
        lambda: [
            b'[storage]\ndriver="overlay"\ngraphroot="/x/$UID"\nrunroot="/y"\n[storage.options]\n'
            b'additionalimagestores=["/z"]\n[storage.options.overlay]\nmountopt="nodev,metacopy=on"\n'
        ],
        (*TOML, "[storage]", "${HOME}", "mount_program"),
    ),
    "challenge": Target(
        _challenge,
        lambda: [
            b'Bearer realm="https://a/t",service="s",scope="repository:x:pull",Basic realm="x"',
            b"Negotiate abc==",
        ],
        ('realm="', "Bearer ", "Basic ", '\\"', ", "),
        600,
    ),
}


def check(target: Target, data: bytes) -> None:
    """Raises whatever the invariant does not allow."""
    try:
        target.parse(data)
    except _engine("base.errors").EngineError:
        pass


def kept(name: str) -> list[Path]:
    """What was found in the past."""
    return sorted((CORPUS / name).glob("*"))
