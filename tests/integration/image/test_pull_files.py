"""Archives, layouts and root trees as sources of the image module, as podman and skopeo write them too."""

from __future__ import annotations

import pytest
from images import Images
from machine import Machine


def listed(machine: Machine) -> list:
    return machine.podman_json(["images", "-a", "--no-trunc", "--format", "json"])


def check_store(machine: Machine) -> None:
    assert machine.podman(["system", "check"]).stdout.strip() == ""


@pytest.fixture(params=["docker-archive", "oci-archive", "oci"])
def file(request: pytest.FixtureRequest, images: Images) -> tuple[str, str]:
    """A transport and the file of it."""
    return {
        "docker-archive": ("docker-archive", str(images.docker_archive)),
        "oci-archive": ("oci-archive", str(images.oci_archive)),
        "oci": ("oci", f"{images.layout}:latest"),
    }[request.param]


def test_loaded_by_transport(machine: Machine, images: Images, file: tuple[str, str]) -> None:
    parameters = {"name": "q.example/team/app", "tag": "1", "path": f"{file[0]}:{file[1]}"}
    ahead = machine.task("image", parameters, check=True)
    assert ahead["changed"]
    assert listed(machine) == []
    done = machine.task("image", parameters)
    assert done["changed"]
    assert done["actions"] == ahead["actions"]
    assert done["image"][0]["RepoTags"] == ["q.example/team/app:1"]
    assert (
        done["image"][0]["RootFS"]["Layers"]
        == machine.podman_json(["image", "inspect", "q.example/team/app:1"])[0]["RootFS"]["Layers"]
    )
    assert not machine.task("image", parameters)["changed"]
    assert not machine.task("image", {**parameters, "force": True})["changed"]
    out = machine.podman(["run", "--rm", "--network=none", "q.example/team/app:1", "cat", "/www/index.html"]).stdout
    assert "hello" in out
    check_store(machine)


@pytest.mark.parametrize("which", ["docker_archive", "oci_archive", "layout", "rootfs"])
def test_kind_is_seen(machine: Machine, images: Images, which: str) -> None:
    path = getattr(images, which)
    if which == "layout":
        refused = machine.task("image", {"name": "seen", "path": str(path)}, fails=True)
        assert "holds several images (latest, web)" in refused["msg"]
        return
    done = machine.task("image", {"name": "seen", "path": str(path)})
    verb = "Imported" if which == "rootfs" else "Loaded"
    assert done["actions"][0].startswith(f"{verb} image ")
    assert done["image"][0]["RepoTags"] == ["localhost/seen:latest"]


def test_same_digest_as_podman_load(machine: Machine, images: Images) -> None:
    machine.podman(["load", "-q", "-i", str(images.docker_archive)])
    theirs = listed(machine)[0]
    name = theirs["Names"][0]
    machine.podman(["rmi", name])
    done = machine.task("image", {"name": name, "path": str(images.docker_archive)})
    assert (done["image"][0]["Id"], done["image"][0]["Digest"]) == (theirs["Id"], theirs["Digest"])


def test_short_name_takes_the_archives_own(machine: Machine, images: Images) -> None:
    done = machine.task("image", {"name": "busybox", "path": str(images.docker_archive)})
    assert done["image"][0]["RepoTags"][0].endswith("/busybox:latest")
    assert not machine.task("image", {"name": "busybox", "pull": False})["changed"]


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "docker-dir", "oci-dir"])
def test_what_podman_saves(machine: Machine, images: Images, form: str) -> None:
    machine.task("image", {"name": "x", "path": str(images.docker_archive)})
    machine.podman(["save", "-q", "--format", form, "-o", "/tmp/saved", "localhost/x:latest"])
    config = listed(machine)[0]["Id"]
    machine.podman(["rmi", "-f", "localhost/x:latest"])
    done = machine.task("image", {"name": "y", "path": "/tmp/saved"})
    assert done["image"][0]["RepoTags"] == ["localhost/y:latest"]
    if form.startswith("docker"):
        assert done["image"][0]["Id"] == config
    check_store(machine)


def test_compressed_archive(machine: Machine, images: Images) -> None:
    machine.sh(f"gzip -c {images.docker_archive} >/tmp/a.tar.gz; xz -0 -c {images.oci_archive} >/tmp/b.tar.xz")
    machine.sh(f"bzip2 -c {images.docker_archive} >/tmp/c.tar.bz2; zstd -q -c {images.oci_archive} >/tmp/d.tar.zst")
    conf = "/etc/containers/containers.conf.d/copies.conf"
    machine.write(conf, '[engine]\nimage_copy_tmp_dir = "/nowhere"\n')
    refused = machine.task("image", {"name": "gz", "path": "/tmp/a.tar.gz"}, fails=True)
    assert "/nowhere" in refused["msg"], "it is unpacked where containers.conf says"
    machine.write(conf, '[engine]\nimage_copy_tmp_dir = "storage"\n')
    first = machine.task("image", {"name": "gz", "path": "/tmp/a.tar.gz"})
    assert first["actions"][0].startswith("Loaded image docker-archive:")
    second = machine.task("image", {"name": "xz", "path": "/tmp/b.tar.xz"})
    assert second["actions"][0].startswith("Loaded image oci-archive:")
    for path in ("a.tar.gz", "b.tar.xz", "c.tar.bz2", "d.tar.zst"):
        machine.task("image_load", {"path": f"/tmp/{path}"})
        assert not machine.task("image_load", {"path": f"/tmp/{path}"}, check=True)["changed"]
    machine.write("/etc/containers/containers.conf.d/50-limits.conf", "[daemonless]\nmax_layer_size = 100_000\n")
    assert "max_layer_size" in machine.task("image_load", {"path": "/tmp/c.tar.bz2"}, fails=True)["msg"]
    assert machine.sh("ls /var/tmp").split() == []


def test_several_images_in_one_archive(machine: Machine, images: Images) -> None:
    machine.task("image", {"name": "one", "path": str(images.docker_archive)})
    machine.task("image", {"name": "two", "path": str(images.rootfs), "changes": ["CMD true"]})
    machine.podman(["save", "-q", "-m", "-o", "/tmp/both.tar", "localhost/one", "localhost/two"])
    refused = machine.task("image", {"name": "a", "path": "/tmp/both.tar"}, fails=True)
    assert "holds several images" in refused["msg"]
    by_name = machine.task("image", {"name": "a", "path": "docker-archive:/tmp/both.tar:localhost/two"})
    assert by_name["image"][0]["Config"]["Cmd"] == ["/bin/sh", "-c", "true"]
    by_number = machine.task("image", {"name": "b", "path": "docker-archive:/tmp/both.tar:@0"})
    assert by_number["changed"]
    missing = machine.task("image", {"name": "c", "path": "docker-archive:/tmp/both.tar:none"}, fails=True)
    assert "no image tagged" in missing["msg"]


CHANGES = [
    'CMD ["/bin/busybox", "sh"]',
    "ENTRYPOINT /bin/env",
    "ENV A=1 B='two words'",
    "ENV OLD style",
    "LABEL role=tools",
    "EXPOSE 80 53/udp",
    "VOLUME /data",
    "WORKDIR /srv",
    "USER 1000:1000",
    "STOPSIGNAL SIGINT",
]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_root_tree(machine: Machine, images: Images, suffix: str) -> None:
    parameters = {"name": "tools", "path": f"{images.rootfs}{suffix}", "changes": CHANGES, "comment": "made here"}
    done = machine.task("image", parameters)
    assert done["actions"] == [f"Imported image tar:{images.rootfs}{suffix} as localhost/tools:latest"]
    image = machine.podman_json(["image", "inspect", "localhost/tools"])[0]
    assert image == done["image"][0]
    config = image["Config"]
    assert config["Cmd"] == ["/bin/busybox", "sh"]
    assert config["Entrypoint"] == ["/bin/sh", "-c", "/bin/env"]
    assert config["Env"] == ["A=1", "B=two words", "OLD=style"]
    assert config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert (config["User"], config["WorkingDir"], config["StopSignal"]) == ("1000:1000", "/srv", "SIGINT")
    assert image["History"][0]["comment"] == "made here"
    assert not machine.task("image", parameters)["changed"]
    machine.sh(f"cp {images.rootfs}{suffix} /tmp/copy; touch -d '2001-01-01' /tmp/copy")
    assert not machine.task("image", {**parameters, "path": "/tmp/copy"})["changed"], "the same bytes are no change"
    other = machine.task("image", {**parameters, "changes": ["CMD true"]})
    assert other["changed"]
    check_store(machine)


def test_same_layer_as_podman_import(machine: Machine, images: Images) -> None:
    machine.podman(["import", "-q", "--change", "CMD true", str(images.rootfs), "theirs"])
    machine.task("image", {"name": "ours", "path": str(images.rootfs), "changes": ["CMD true"]})
    theirs, ours = (machine.podman_json(["image", "inspect", name])[0] for name in ("theirs", "ours"))
    for key in ("RootFS", "Architecture", "Os", "ManifestType", "GraphDriver"):
        assert ours[key] == theirs[key], key
    assert ours["Config"]["Cmd"] == theirs["Config"]["Cmd"]


def test_plain_user_loads(machine: Machine, images: Images) -> None:
    done = machine.task("image", {"name": "mine", "path": str(images.docker_archive)}, user="tester")
    assert done["changed"]
    out = machine.podman(["run", "--rm", "--network=none", "mine", "id", "-u"], user="tester").stdout
    assert out.strip() == "0"


def test_policy_of_the_transport(machine: Machine, images: Images) -> None:
    machine.write(
        "/etc/containers/policy.json",
        '{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker-archive":{"":[{"type":"reject"}]}}}',
    )
    refused = machine.task("image", {"name": "x", "path": str(images.docker_archive)}, fails=True)
    assert "rejects it" in refused["msg"]
    assert machine.task("image", {"name": "x", "path": str(images.oci_archive)})["changed"]
