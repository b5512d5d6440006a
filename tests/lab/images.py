"""Small images for tests, made here from the distribution's static busybox: no registry is in reach.

All of them hold /bin/busybox with links for its commands, /etc/passwd, /etc/group and /www/index.html. Every file is
the same on every run (fixed times, fixed order), so digests are stable for one version of busybox.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
EPOCH = 1_700_000_000
CREATED = "2023-11-14T22:13:20Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
APPLETS = (
    "sh ash cat chmod chown cp date dd df echo env expr false find free grep head hostname httpd id ifconfig ip kill "
    "killall ln ls md5sum mkdir mkfifo mount mv nc netstat nproc nslookup od pgrep ping ping6 printenv printf ps pwd "
    "readlink rm rmdir route sed seq setsid sha256sum sleep sort stat stty sync tail tar tee test timeout touch tr "
    "traceroute true tty udhcpc umount uname uniq unlink vi wc wget which whoami xargs yes"
).split()
PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nweb:x:1000:1000:web:/home/web:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\nweb:x:1000:\nextra:x:1001:web\n"
OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"


@dataclass(frozen=True)
class Blob:
    """Bytes with their media type; the digest is of these bytes."""

    data: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.data).hexdigest()

    @property
    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


@dataclass(frozen=True)
class Image:
    """One image for one platform: what is pushed, archived and laid out below."""

    name: str
    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]
    diffs: tuple[bytes, ...] = field(repr=False)

    @property
    def id(self) -> str:
        """podman's image ID: the hex part of the config's digest."""
        return self.config.digest.split(":")[1]


def host_architecture() -> str:
    machine = os.uname().machine
    return ARCHITECTURES.get(machine, machine)


def tar(files: Mapping[str, object]) -> bytes:
    """A tar of `files`: path -> text or bytes (a file), None (a directory), ("link", target) or ("fifo", "")."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.mtime = EPOCH
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            elif isinstance(content, tuple):
                kind = tarfile.SYMTYPE if content[0] == "link" else tarfile.FIFOTYPE
                info.type, info.linkname, info.mode = kind, str(content[1]), 0o777
                archive.addfile(info)
            else:
                data = content.encode() if isinstance(content, str) else bytes(content)  # type: ignore[call-overload]
                info.size, info.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def root_files(page: str = "hello from a container\n") -> dict[str, object]:
    files: dict[str, object] = {}
    for directory in ("bin", "dev", "etc", "home", "home/web", "proc", "root", "sys", "tmp", "usr", "var", "www"):
        files[directory] = None
    files["bin/busybox"] = BUSYBOX.read_bytes()
    for applet in APPLETS:
        files[f"bin/{applet}"] = ("link", "busybox")
    files["etc/passwd"] = PASSWD
    files["etc/group"] = GROUP
    files["www/index.html"] = page
    return files


def compress(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return zlib.compress(data, 6, wbits=31)  # the same header from every version of Python
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def build(
    name: str,
    diffs: Sequence[bytes],
    *,
    settings: Mapping[str, object] | None = None,
    compression: str = "gzip",
    kind: str = "oci",
    architecture: str = "",
) -> Image:
    """An image of the layers `diffs` (uncompressed tars). kind: "oci" or "docker" (schema 2)."""
    suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[compression]
    if kind == "oci":
        layer_type, config_type = f"{OCI}.layer.v1.tar{suffix}", f"{OCI}.config.v1+json"
        manifest_type = f"{OCI}.manifest.v1+json"
    else:
        layer_type = f"{DOCKER}.image.rootfs.diff.tar" + (".gzip" if compression == "gzip" else "")
        config_type = f"{DOCKER}.container.image.v1+json"
        manifest_type = f"{DOCKER}.distribution.manifest.v2+json"
    layers = tuple(Blob(compress(diff, compression), layer_type) for diff in diffs)
    config = {
        "created": CREATED,
        "architecture": architecture or host_architecture(),
        "os": "linux",
        "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["/bin/sh"], **(settings or {})},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(diff).hexdigest() for diff in diffs]},
        "history": [{"created": CREATED, "created_by": f"layer {number}"} for number, _diff in enumerate(diffs)],
    }
    config_blob = Blob(json.dumps(config, separators=(",", ":")).encode(), config_type)
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": config_blob.descriptor,
        "layers": [layer.descriptor for layer in layers],
    }
    return Image(name, Blob(json.dumps(manifest).encode(), manifest_type), config_blob, layers, tuple(diffs))


def index(images: Sequence[tuple[Image, str]], kind: str = "oci") -> Blob:
    """A multi-platform index over (image, architecture) pairs."""
    entries = []
    for image, architecture in images:
        entries.append({**image.manifest.descriptor, "platform": {"os": "linux", "architecture": architecture}})
    media_type = f"{OCI}.index.v1+json" if kind == "oci" else f"{DOCKER}.distribution.manifest.list.v2+json"
    return Blob(json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode(), media_type)


@dataclass(frozen=True)
class Images:
    """The set that every machine sees, in `directory` at the same path inside.

    Files there: busybox.docker.tar (docker-archive, busybox:latest), busybox.oci.tar (oci-archive),
    layout/ (OCI layout with tags latest and web), rootfs.tar, rootfs.tar.gz.
    In the registry: busybox:latest (= busybox:1, gzip, OCI), busybox:docker (schema 2), busybox:plain (uncompressed),
    busybox:zstd, web:latest (three layers with whiteouts, Cmd httpd on 8080, User web, Env, Labels, Volumes,
    ExposedPorts, StopSignal), web:2 (another page), multi:latest (index: this architecture and two foreign ones).
    """

    directory: Path
    images: Mapping[str, Image]
    indexes: Mapping[str, tuple[Blob, tuple[Image, ...]]]

    def __getitem__(self, reference: str) -> Image:
        return self.images[reference]

    @property
    def docker_archive(self) -> Path:
        return self.directory / "busybox.docker.tar"

    @property
    def oci_archive(self) -> Path:
        return self.directory / "busybox.oci.tar"

    @property
    def layout(self) -> Path:
        return self.directory / "layout"

    @property
    def rootfs(self) -> Path:
        return self.directory / "rootfs.tar"

    @classmethod
    def make(cls, directory: Path) -> Images:
        directory.mkdir(parents=True)
        root = tar(root_files())
        busybox = build("busybox:latest", [root])
        web = build("web:latest", web_layers(root, "first page\n"), settings=WEB_SETTINGS)
        images = {
            "busybox:latest": busybox,
            "busybox:1": busybox,
            "busybox:docker": build("busybox:docker", [root], kind="docker"),
            "busybox:plain": build("busybox:plain", [root], compression="none"),
            "web:latest": web,
            "web:1": web,
            "web:2": build("web:2", web_layers(root, "second page\n"), settings=WEB_SETTINGS),
        }
        if shutil.which("zstd"):
            images["busybox:zstd"] = build("busybox:zstd", [root], compression="zstd")
        small = tar({"etc": None, "etc/foreign": "another architecture\n"})
        foreign = [(build("multi", [small], architecture=name), name) for name in ("riscv64", "mips64le")]
        members = [*foreign, (build("multi", [root]), host_architecture())]
        indexes = {"multi:latest": (index(members), tuple(image for image, _name in members))}
        (directory / "rootfs.tar").write_bytes(root)
        (directory / "rootfs.tar.gz").write_bytes(compress(root, "gzip"))
        write_layout(directory / "layout", {"latest": busybox, "web": web})
        write_layout(directory / "layout-archive", {"latest": busybox})
        pack(directory / "layout-archive", directory / "busybox.oci.tar")
        write_docker_archive(directory / "busybox.docker.tar", busybox, "busybox:latest")
        return cls(directory, images, indexes)


WEB_SETTINGS: Mapping[str, object] = {
    "Cmd": ["httpd", "-f", "-p", "8080", "-h", "/www"],
    "User": "web",
    "WorkingDir": "/www",
    "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "FLAVOUR=plain"],
    "Labels": {"org.example.team": "web", "org.example.tier": "front"},
    "ExposedPorts": {"8080/tcp": {}},
    "Volumes": {"/data": {}},
    "StopSignal": "SIGKILL",
}


def web_layers(root: bytes, page: str) -> list[bytes]:
    second = tar({"etc/old": "gone in the next layer\n", "data": None, "data/seed": "seed\n", "www/index.html": page})
    third = tar({"etc/.wh.old": b"", "tmp/.wh..wh..opq": b"", "etc/release": "test\n"})
    return [root, second, third]


def write_layout(directory: Path, tags: Mapping[str, Image]) -> None:
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    entries = []
    for tag, image in tags.items():
        for blob in (image.manifest, image.config, *image.layers):
            (blobs / blob.digest.split(":")[1]).write_bytes(blob.data)
        annotations = {"org.opencontainers.image.ref.name": tag}
        entries.append({**image.manifest.descriptor, "annotations": annotations})
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def pack(directory: Path, archive: Path) -> None:
    with tarfile.open(archive, "w") as out:
        for path in sorted(directory.rglob("*")):
            out.add(path, str(path.relative_to(directory)), recursive=False)


def write_docker_archive(archive: Path, image: Image, name: str) -> None:
    """As `docker save` writes it: uncompressed layers, manifest.json."""
    names = [hashlib.sha256(diff).hexdigest() + ".tar" for diff in image.diffs]
    manifest = [{"Config": f"{image.id}.json", "RepoTags": [name], "Layers": names}]
    files: dict[str, object] = {f"{image.id}.json": image.config.data, "manifest.json": json.dumps(manifest)}
    files.update(zip(names, image.diffs))
    archive.write_bytes(tar(files))
