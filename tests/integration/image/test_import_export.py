"""image_import and image_export, podman judging what comes out."""

from __future__ import annotations

import hashlib

import pytest
from machine import USER, Machine

BASE = "localhost/busybox:latest"
SERVE = """
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved.tar":
            self.send_response(302); self.send_header("Location", "/rootfs.tar"); self.end_headers(); return
        if self.path == "/cut.tar":
            self.send_response(200); self.send_header("Content-Length", "99999"); self.end_headers()
            self.wfile.write(b"short"); self.close_connection = True; return
        super().do_GET()
    def log_message(self, *words):
        with open("/tmp/asked", "a") as log: log.write(str(words))
os.chdir(sys.argv[1])
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


@pytest.fixture(params=[None, USER], ids=["root", "rootless"])
def user(request: pytest.FixtureRequest) -> str | None:
    return request.param


def again(machine: Machine, module: str, user: str | None, **options: object) -> dict:
    """In check mode, for real, and once more: the same answer, then no change."""
    told = machine.task(module, options, user, check=True)
    done = machine.task(module, options, user)
    assert told["changed"] and done["changed"]
    assert told["diff"] == done["diff"] and told["actions"] == done["actions"]
    assert not machine.task(module, options, user)["changed"]
    assert not machine.task(module, options, user, check=True)["changed"]
    return done


def test_import(machine: Machine, user: str | None) -> None:
    machine.sh(
        f"cp {machine.lab.images.rootfs} /tmp/rootfs.tar; cd /tmp; for c in gzip bzip2 xz; do $c -k rootfs.tar; done"
    )
    machine.sh("chmod 644 /tmp/rootfs.tar*")
    changes = [{"CMD": ["/bin/sh"]}, "ENV A=b", {"LABEL": "x=y", "USER": "1000"}]
    options = {"name": "made:1", "changes": changes, "commit_message": "why", "arch": "arm64"}
    done = again(machine, "image_import", user, src="/tmp/rootfs.tar", **options)
    words = ["-c", 'CMD ["/bin/sh"]', "-c", "ENV A=b", "-c", "LABEL x=y", "-c", "USER 1000", "-m", "why"]
    machine.podman(["import", "-q", *words, "--arch", "arm64", "/tmp/rootfs.tar", "theirs:1"], user)
    names = ("localhost/made:1", "localhost/theirs:1")
    ours, theirs = (machine.podman_json(["image", "inspect", name], user)[0] for name in names)
    assert [entry["Id"] for entry in done["image"]] == [ours["Id"]]
    for key in ("Config", "RootFS", "Os", "Architecture", "Comment"):
        assert ours[key] == theirs[key], key
    # a later time of the same file is no change, a compressed one neither; other settings are
    machine.sh("touch /tmp/rootfs.tar")
    assert not machine.task("image_import", {"src": "/tmp/rootfs.tar", **options}, user)["changed"]
    for suffix in ("gz", "bz2", "xz"):
        assert not machine.task("image_import", {"src": f"/tmp/rootfs.tar.{suffix}", **options}, user)["changed"]
    again(machine, "image_import", user, src="/tmp/rootfs.tar.xz", name="small:1", changes=["LABEL from=xz"])
    small = machine.podman_json(["image", "inspect", "localhost/small:1"], user)[0]
    assert small["RootFS"] == ours["RootFS"]
    options["commit_message"] = "other"
    assert machine.task("image_import", {"src": "/tmp/rootfs.tar", **options}, user)["changed"]
    nameless = again(machine, "image_import", user, src="/tmp/rootfs.tar", changes=["LABEL nameless=1"])
    assert nameless["image"][0]["RepoTags"] == []
    assert machine.podman(["system", "check"], user, check=False).returncode == 0
    machine.task("image_import", {"src": "/tmp/rootfs.tar", "checksum": "sha256:" + "0" * 64}, user, fails=True)
    machine.task("image_import", {"src": "/tmp/nothing.tar"}, user, fails=True)
    machine.task("image_import", {"src": "/tmp/rootfs.tar", "changes": ["FROM x"]}, user, fails=True)


def test_import_from_a_web_server(machine: Machine) -> None:
    machine.sh(f"mkdir /tmp/web; cp {machine.lab.images.rootfs} /tmp/web/rootfs.tar; touch -d '2 hours ago' /tmp/web/*")
    machine.write("/tmp/serve.py", SERVE)
    server = machine.spawn(["/usr/bin/python3", "/tmp/serve.py", "/tmp/web"])
    machine.sh("until grep -q :1FA3 /proc/net/tcp; do sleep 0.05; done")
    try:
        address = "http://127.0.0.1:8099/moved.tar"
        again(machine, "image_import", None, src=address, name="web:1")
        checksum = "sha256:" + hashlib.sha256(machine.lab.images.rootfs.read_bytes()).hexdigest()
        machine.sh("rm -f /tmp/asked")
        assert not machine.task("image_import", {"src": address, "name": "web:1", "checksum": checksum})["changed"]
        assert not machine.exists("/tmp/asked")
        wrong = {"src": address, "name": "web:2", "checksum": "sha256:" + "0" * 64}
        assert "not sha256:000" in machine.task("image_import", wrong, fails=True)["msg"]
        assert "404" in machine.task("image_import", {"src": "http://127.0.0.1:8099/no.tar"}, fails=True)["msg"]
        assert machine.sh("ls /var/tmp") == ""
    finally:
        server.kill()
    inspected = machine.podman_json(["image", "inspect", "localhost/web:1"])[0]
    assert inspected["RootFS"]["Layers"] == [checksum]


def test_export(machine: Machine, user: str | None) -> None:
    """podman imports what we export, and finds in it what it finds in a container of the image."""
    machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)], user)
    deeds = """mkdir -p /new/deep; echo 1 >/new/deep/one; ln /new/deep/one /new/two; ln -s two /new/three
        chmod 4711 /new/two; rm /www/index.html; rm -r /root; mkdir /root; echo x >/root/only; chown 1:2 /etc/group
        mkfifo /new/p
        touch "$(printf '/new/odd \\377')" """
    machine.podman(["run", "--name", "step", "--network", "none", BASE, "sh", "-c", deeds], user)
    machine.podman(["commit", "-q", "step", "localhost/changed:1"], user)
    done = again(machine, "image_export", user, image="changed:1", dest="/tmp/tree.tar")["export"]
    assert done["digest"] == "sha256:" + machine.sh("sha256sum /tmp/tree.tar").split()[0]
    assert machine.sh("stat -c %a /tmp/tree.tar") == "600"
    machine.podman(["create", "--name", "whole", "--network", "none", "localhost/changed:1"], user)
    machine.podman(["export", "-o", "/tmp/theirs.tar", "whole"], user)
    ours, theirs = (listed(machine, path) for path in ("/tmp/tree.tar", "/tmp/theirs.tar"))
    made = {"dev/", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf", "proc/", "run/", "sys/", "etc/"}
    made |= {"run/.containerenv", "etc/mtab", "./", "dev/pts/", "dev/shm/"}
    assert {key: value for key, value in ours.items() if key not in made} == {
        key: value for key, value in theirs.items() if key not in made
    }
    # a file of other content is replaced unless that is unwanted
    machine.sh("echo more >>/tmp/tree.tar", user)
    kept = {"image": "changed:1", "dest": "/tmp/tree.tar", "force": False}
    assert not machine.task("image_export", kept, user)["changed"]
    again(machine, "image_export", user, image="changed:1", dest="/tmp/tree.tar")
    machine.podman(["import", "-q", "/tmp/tree.tar", "back:1"], user)
    machine.task("image_info", {"name": ["changed:1"], "diff_to": "localhost/back:1"}, user)
    for wrong in ({"image": "nothing", "dest": "/tmp/x"}, {"image": BASE, "dest": "/tmp/none/x"}):
        machine.task("image_export", wrong, user, fails=True)
    machine.task("image_export", {"image": BASE, "dest": "/tmp"}, user, fails=True)


def listed(machine: Machine, path: str) -> dict[str, tuple[str, ...]]:
    """Name to mode, owner, size or link target, and date; of hard links only that they are there."""
    found = {}
    for line in machine.sh(f"TZ=UTC tar --numeric-owner -tvf {path}").splitlines():
        mode, owner, size, day, hour, name = line.split(None, 5)
        name = name.removeprefix("./") or "./"
        if " link to " in name:
            found[name.split(" link to ")[0]] = ("link",)
        elif mode[0] == "d":  # a commit keeps no times of directories that it only passes through
            found[name] = (mode, owner)
        else:
            found[name] = (mode, owner, size, day, hour)
    return found


def test_equal_images_give_equal_bytes(new_machine: object) -> None:
    """On two machines, pulled at different times, as root and as a plain user."""
    digests = set()
    for user in (None, USER):
        machine: Machine = new_machine()  # type: ignore[operator]
        path = f"docker-archive:{machine.lab.images.docker_archive}"
        machine.task("image", {"name": BASE, "path": path}, user)
        done = machine.task("image_export", {"image": BASE, "dest": "/tmp/tree.tar"}, user)
        digests.add((done["export"]["digest"], done["export"]["size"]))
    assert len(digests) == 1, digests
