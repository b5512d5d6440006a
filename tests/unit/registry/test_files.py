"""Archives and directories as sources: good ones, and such as want something else."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    BadInput,
    Corrupt,
    EngineError,
    NotFound,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import places
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.root_tree import Recipe, RootTreeSource
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.source import open_blob
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import manifest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.manifest import Manifest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.platform import Platform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import Image, build, compress, pack, tar, write_layout


@pytest.fixture(scope="module")
def image() -> Image:
    return build("app", [tar({"a": "1\n"}), tar({"b": "2\n" * 5000})])


def archive(path: Path, members: dict[str, object]) -> Path:
    """bytes are files, ("link", x) and ("hard", x) are links."""
    with tarfile.open(path, "w") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                info.type = tarfile.SYMTYPE if content[0] == "link" else tarfile.LNKTYPE
                info.linkname = str(content[1])
                file.addfile(info)
            else:
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return path


def docker_archive(path: Path, image: Image, **change: object) -> Path:
    entry = {"Config": f"{image.id}.json", "RepoTags": ["q.io/app:1"], "Layers": ["0/layer.tar", "1/layer.tar"]}
    members: dict[str, object] = {f"{image.id}.json": image.config.data}
    for number, diff in enumerate(image.diffs):
        members[f"{number}/layer.tar"] = diff
    members["manifest.json"] = [{**entry, **change}]
    return archive(path, members)


def whole(text: str) -> list[bytes]:
    """Every layer of the image at a place, verified."""
    place = places.parse(text) or places.guess(text)
    source = places.open_place(place)
    try:
        top = source.manifest()
        parsed = manifest.parse(top.data, top.media_type, source.what)
        assert isinstance(parsed, Manifest)
        found = []
        for entry in (parsed.config, *parsed.layers):
            reader = open_blob(source, entry)
            data = b""
            while True:
                part = reader.read(7000)
                if not part:
                    break
                data += part
            found.append(data)
        return found
    finally:
        source.close()


def test_oci_layout_and_its_archive(tmp_path: Path, image: Image) -> None:
    write_layout(tmp_path / "layout", {"x": image})
    pack(tmp_path / "layout", tmp_path / "layout.tar")
    expected = [image.config.data, *(layer.data for layer in image.layers)]
    for text in ("oci:{}/layout", "oci:{}/layout:x", "oci-archive:{}/layout.tar", "oci-archive:{}/layout.tar:x"):
        assert whole(text.format(tmp_path)) == expected
    assert whole(str(tmp_path / "layout")) == expected
    assert whole(str(tmp_path / "layout.tar")) == expected
    with pytest.raises(NotFound, match="no image named 'y'"):
        whole(f"oci:{tmp_path}/layout:y")


def test_docker_archive(tmp_path: Path, image: Image) -> None:
    path = docker_archive(tmp_path / "a.tar", image)
    expected = [image.config.data, *image.diffs]
    for text in (str(path), f"docker-archive:{path}", f"docker-archive:{path}:q.io/app:1", f"docker-archive:{path}:@0"):
        assert whole(text) == expected
    for ref in ("q.io/app:2", "@1", "@x", "@-1"):
        with pytest.raises(NotFound):
            whole(f"docker-archive:{path}:{ref}")


def test_docker_archive_with_links_and_compressed_layers(tmp_path: Path, image: Image) -> None:
    entry = {"Config": "c.json", "RepoTags": None, "Layers": ["0/layer.tar", "1/layer.tar"]}
    path = archive(
        tmp_path / "a.tar",
        {
            "x.tar": compress(image.diffs[0], "gzip"),
            "0/layer.tar": ("link", "../x.tar"),
            "y.tar": image.diffs[1],
            "1/layer.tar": ("hard", "y.tar"),
            "c.json": image.config.data,
            "manifest.json": [entry],
        },
    )
    assert whole(f"docker-archive:{path}") == [image.config.data, *image.diffs]


def test_dir(tmp_path: Path, image: Image) -> None:
    (tmp_path / "manifest.json").write_bytes(image.manifest.data)
    (tmp_path / "version").write_text("Directory Transport Version: 1.1\n")
    for blob in (image.config, *image.layers):
        (tmp_path / blob.digest[7:]).write_bytes(blob.data)
    assert whole(f"dir:{tmp_path}") == whole(str(tmp_path)) == [image.config.data, *(b.data for b in image.layers)]


@pytest.mark.parametrize("how", ["none", "gzip", "zstd"])
def test_root_tree(tmp_path: Path, image: Image, how: str) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(compress(image.diffs[1], how))
    source = RootTreeSource(str(path), Recipe(Platform("linux", "arm64", "v8"), {"Cmd": ["x"]}, "why"))
    assert str(source.diff_id) == json.loads(image.config.data)["rootfs"]["diff_ids"][1]
    top = source.manifest()
    parsed = manifest.parse(top.data, top.media_type, "x")
    assert isinstance(parsed, Manifest)
    config = json.loads(open_blob(source, parsed.config).read(1 << 20))
    assert (config["architecture"], config["variant"], config["config"]) == ("arm64", "v8", {"Cmd": ["x"]})
    assert config["history"][0]["comment"] == "why"
    assert source.blob(parsed.layers[0]).read(1 << 20) == path.read_bytes()
    again = RootTreeSource(str(path), Recipe(Platform("linux", "arm64", "v8"), {"Cmd": ["x"]}, "why"))
    assert again.digest() == source.digest()
    for opened in (source, again):
        opened.close()


def no_config(base: Path, image: Image) -> str:
    return f"docker-archive:{docker_archive(base / 'a.tar', image, Config='none.json')}"


def escaping_config(base: Path, image: Image) -> str:
    return f"docker-archive:{docker_archive(base / 'a.tar', image, Config='../../../../../etc/passwd')}"


def escaping_link(base: Path, image: Image) -> str:
    entry = {"Config": "c.json", "Layers": []}
    path = archive(base / "a.tar", {"c.json": ("link", "/etc/passwd"), "manifest.json": [entry]})
    return f"docker-archive:{path}"


def circle(base: Path, image: Image) -> str:
    entry = {"Config": "c.json", "Layers": []}
    path = archive(base / "a.tar", {"c.json": ("link", "d"), "d": ("link", "c.json"), "manifest.json": [entry]})
    return f"docker-archive:{path}"


def fewer_layers(base: Path, image: Image) -> str:
    return f"docker-archive:{docker_archive(base / 'a.tar', image, Layers=['0/layer.tar'])}"


def swapped_layers(base: Path, image: Image) -> str:
    return f"docker-archive:{docker_archive(base / 'a.tar', image, Layers=['1/layer.tar', '0/layer.tar'])}"


def list_of_nonsense(base: Path, image: Image) -> str:
    return f"docker-archive:{archive(base / 'a.tar', {'manifest.json': [1, {}]})}"


def empty_list(base: Path, image: Image) -> str:
    return f"docker-archive:{archive(base / 'a.tar', {'manifest.json': []})}"


def cut_archive(base: Path, image: Image) -> str:
    path = docker_archive(base / "a.tar", image)
    os.truncate(path, path.stat().st_size - 10240 - 20000)
    return f"docker-archive:{path}"


def no_archive(base: Path, image: Image) -> str:
    (base / "x").write_bytes(b"hello" * 1000)
    return f"docker-archive:{base / 'x'}"


def fifo(base: Path, image: Image) -> str:
    os.mkfifo(base / "x")
    return f"docker-archive:{base / 'x'}"


def fifo_as_blob(base: Path, image: Image) -> str:
    write_layout(base / "layout", {"x": image})
    blob = base / "layout/blobs/sha256" / image.layers[0].digest[7:]
    blob.unlink()
    os.mkfifo(blob)
    return f"oci:{base / 'layout'}"


def link_out_of_the_layout(base: Path, image: Image) -> str:
    write_layout(base / "layout", {"x": image})
    (base / "secret").write_bytes(image.config.data)
    blob = base / "layout/blobs/sha256" / image.config.digest[7:]
    blob.unlink()
    blob.symlink_to(base / "secret")
    return f"oci:{base / 'layout'}"


def changed_blob(base: Path, image: Image) -> str:
    write_layout(base / "layout", {"x": image})
    blob = base / "layout/blobs/sha256" / image.layers[0].digest[7:]
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    return f"oci:{base / 'layout'}"


def digest_with_a_path(base: Path, image: Image) -> str:
    write_layout(base / "layout", {"x": image})
    index = json.loads((base / "layout/index.json").read_bytes())
    index["manifests"][0]["digest"] = "sha256:../../../../etc/passwd"
    (base / "layout/index.json").write_text(json.dumps(index))
    return f"oci:{base / 'layout'}"


def relative(base: Path, image: Image) -> str:
    return "docker-archive:some/where.tar"


def missing(base: Path, image: Image) -> str:
    return f"oci-archive:{base}/none.tar"


def huge_member_list(base: Path, image: Image) -> str:
    path = docker_archive(base / "a.tar", image)
    with open(path, "r+b") as file:
        file.seek(124)
        file.write(b"77777777777\0")
    return f"docker-archive:{path}"


@pytest.mark.parametrize(
    "make",
    [
        no_config,
        escaping_config,
        escaping_link,
        circle,
        fewer_layers,
        swapped_layers,
        list_of_nonsense,
        empty_list,
        cut_archive,
        no_archive,
        fifo,
        fifo_as_blob,
        link_out_of_the_layout,
        changed_blob,
        digest_with_a_path,
        relative,
        missing,
        huge_member_list,
    ],
)
def test_refused(tmp_path: Path, image: Image, make: object) -> None:
    with pytest.raises((Corrupt, NotFound, BadInput)) as caught:
        whole(make(tmp_path, image))  # type: ignore[operator]
    assert isinstance(caught.value, EngineError)
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"x" * 2000, b"\x1f\x8b\x08broken", b"BZh91AY&SY"])
def test_no_root_tree(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(content)
    with pytest.raises((Corrupt, BadInput)):
        RootTreeSource(str(path), Recipe(Platform()))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("docker-archive:/a.tar:q.io/x:1", places.Place("docker-archive", "/a.tar", "q.io/x:1")),
        ("oci:/a", places.Place("oci", "/a")),
        ("dir:/a:b", places.Place("dir", "/a:b")),
        ("tar:/a:b.tar", places.Place("tar", "/a:b.tar")),
        ("docker://q.io/x", None),
        ("q.io/x:1", None),
        ("oci", None),
        ("/a/b.tar", None),
    ],
)
def test_places(text: str, place: places.Place | None) -> None:
    assert places.parse(text) == place
    if place is not None:
        assert str(place) == text


@pytest.fixture(scope="module")
def good_archive(tmp_path_factory: pytest.TempPathFactory, image: Image) -> bytes:
    return docker_archive(tmp_path_factory.mktemp("good") / "a.tar", image).read_bytes()


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.lists(st.tuples(st.integers(0, 60_000), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4))
def test_changed_archive_is_read_or_refused(
    tmp_path: Path, good_archive: bytes, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(good_archive)
    for at, new in changes:
        at %= len(data)
        data[at : at + len(new)] = new
    path = tmp_path / "a.tar"
    path.write_bytes(data)
    try:
        whole(f"docker-archive:{path}")
    except EngineError:
        pass
