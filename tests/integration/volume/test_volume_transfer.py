"""Volumes out into a tar and back in, by modules and command, podman on the other side; hostile archives; kill -9."""

from __future__ import annotations

import io
import tarfile

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
LIST = "find . -printf '%p %y %m %U:%G %n %l\\n' | sort"


def look(machine: Machine, name: str, user: str | None) -> list[str]:
    """What is in a volume, as its user's containers see it."""
    where = machine.podman_json(["volume", "inspect", name], user)[0]["Mountpoint"]
    return machine.podman(["unshare", "sh", "-c", f"cd {where} && {LIST}"], user).stdout.splitlines() if user else (
        machine.sh(f"cd {where} && {LIST}").splitlines()
    )  # fmt: skip


def both(machine: Machine, module: str, wish: dict[str, object], user: str | None) -> dict[str, object]:
    ahead = machine.task(module, wish, user=user, check=True)
    done = machine.task(module, wish, user=user)
    assert done["changed"] is True
    if module == "volume_import":
        for key in ("actions", "diff"):
            assert ahead[key] == done[key]
    again = machine.task(module, wish, user=user)
    assert again["changed"] is False, again["actions"]
    return done


@USERS
def test_there_and_back(machine: Machine, user: str | None) -> None:
    command = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"
    out = "/tmp/out"
    machine.sh(f"mkdir {out}; chmod 777 {out}")
    view = machine.task("volume", {"name": "data"}, user=user)["volume"]
    fill = (
        f"cd {view['Mountpoint']} && mkdir -p a/b && echo one >a/f && ln a/f a/g && ln -s ../f a/b/l &&"
        " chmod 4750 a/f && echo x >.wh.odd && chown 7:8 . a/b && chmod 1731 ."
    )
    machine.podman(["unshare", "sh", "-c", fill], user) if user else machine.sh(fill)
    both(machine, "volume_export", {"name": "data", "dest": f"{out}/v.tar"}, user)
    machine.run([command, "volume", "export", "data", "-o", f"{out}/cli.tar"], user)
    machine.sh(f"cmp {out}/v.tar {out}/cli.tar; gzip -k {out}/v.tar")
    machine.task("volume", {"name": "back"}, user=user)
    done = both(machine, "volume_import", {"name": "back", "src": f"{out}/v.tar.gz"}, user)
    assert "adjust directory /" in done["actions"] and "link file /a/g" in done["actions"]
    assert look(machine, "back", user) == look(machine, "data", user)
    machine.podman(["volume", "create", "theirs"], user)
    machine.podman(["volume", "import", "theirs", f"{out}/v.tar"], user)
    assert look(machine, "theirs", user)[1:] == look(machine, "data", user)[1:]
    machine.podman(["volume", "export", "theirs", "-o", f"{out}/theirs.tar"], user)
    peer = {"volume": "back", "src": f"{out}/theirs.tar"}
    assert machine.task("image_import", peer, user=user)["changed"] is False
    assert not machine.task("container_export", {"volume": "data", "dest": f"{out}/v.tar"}, user=user)["changed"]
    machine.run([command, "volume", "create", "piped"], user)
    machine.run(["sh", "-c", f"{command} volume export data | {command} volume import piped -"], user)
    assert look(machine, "piped", user) == look(machine, "data", user)
    assert machine.leaks(kept=("locks",)) == {}


@pytest.fixture
def hostile() -> dict[str, bytes]:
    def tar(*members: tuple[str, bytes, str]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, kind, link in members:
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, link
                if kind == tarfile.REGTYPE:
                    entry.size = 4
                    archive.addfile(entry, io.BytesIO(b"evil"))
                else:
                    archive.addfile(entry)
        return buffer.getvalue()

    file, link, hard = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    return {
        "up": tar(("../../../../../srv/canary/up", file, "")),
        "absolute": tar(("/srv/canary/absolute", file, "")),
        "link": tar(("l", link, "/srv/canary"), ("l/behind", file, "")),
        "hard": tar(("h", hard, "/srv/canary/file"), ("h2", hard, "../../../../../../srv/canary/file")),
        "planted": tar(("planted/x", file, "")),
        "short": tar(("whole", file, ""))[:514],  # in the midst of the content
        "no": b"no archive" * 100,
    }


def test_hostile_archives(machine: Machine, hostile: dict[str, bytes]) -> None:
    machine.sh("mkdir -p /srv/canary; echo untouched >/srv/canary/file")
    where = machine.task("volume", {"name": "data"})["volume"]["Mountpoint"]
    machine.sh(f"ln -s /srv/canary {where}/planted; echo kept >{where}/kept")
    for name, archive in hostile.items():
        machine.write(f"/srv/{name}.tar", archive)
        done = machine.run(["daemonless", "volume", "import", "data", f"/srv/{name}.tar"], check=False)
        assert (done.returncode == 125) is (name in ("link", "hard", "short", "no")), (name, done.stderr)
        assert machine.sh("cd /srv/canary; ls; cat file; stat -c %h file").split() == ["file", "untouched", "1"], name
    assert machine.sh(f"cat {where}/kept {where}/planted/x") == "kept\nevil"
    assert machine.sh(f"ls -A {where}/..; ls -A {where}/../..").split() == ["_data", "data"]


def test_killed_at_every_step(machine: Machine) -> None:
    where = machine.task("volume", {"name": "data"})["volume"]["Mountpoint"]
    machine.sh(
        "mkdir -p /srv/t/d; echo new >/srv/t/d/f; echo new >/srv/t/g; chmod 701 /srv/t; tar -cf /srv/t.tar -C /srv/t ."
    )
    wish = {"name": "data", "src": "/srv/t.tar"}
    steps = ["archive-staging-made", "archive-unpacked", "copy-drafted", "copied", "copy-finished", "volume-top-set"]
    for step in steps:
        machine.sh(f"rm -rf {where}/d; echo old >{where}/g; chmod 755 {where}")
        done = machine.attempt("volume_import", wish, step=step)
        assert done.returncode in (-9, 137), step
        assert machine.sh(f"cat {where}/g") in ("old", "new")
        machine.task("volume_import", wish)
        assert machine.task("volume_import", wish)["changed"] is False
        seen = machine.sh(f"cat {where}/g {where}/d/f; stat -c %a {where}; ls -A {where}; ls -A {where}/../..")
        assert seen.split() == [
            "new", "new", "701", "d", "g", "data",
        ], step  # fmt: skip


def test_the_command_as_podman(machine: Machine) -> None:
    """The same words to both give the same exit codes, and the same output but for what is of the moment."""
    assert machine.registry.port == 5000
    machine.task("container", {"name": "c", "image": IMAGE, "state": "created", "volume": ["used:/v"]})
    for words in (
        "create v3", "create v3", "create --ignore v3", "create a/b", "create -l a=b -o type=tmpfs -o device=tmpfs v4",
        "exists v3", "exists nope", "rm nope", "rm", "rm used", "rm -f nope", "rm v", "mount v3", "mount", "unmount v3",
        "unmount nope", "inspect nope", "inspect", "inspect -f {{.Name}} v4", "ls -q",
        "export nope", "import nope /none",
        "reload", "rm -a", "prune -f", "ls", "rm -f used", "ls -q",
    ):  # fmt: skip
        ours = machine.run(["daemonless", "volume", *words.split()], check=False)
        if words.startswith(("create v", "create -l", "rm -f u", "rm -a", "prune")) and ours.returncode in (0, 2):
            theirs = None  # done already
        else:
            theirs = machine.podman(["volume", *words.split()], check=False)
        if theirs is not None:
            assert (words, ours.returncode, ours.stdout) == (words, theirs.returncode, theirs.stdout), ours.stderr
            assert bool(ours.stderr) == bool(theirs.stderr), words
    assert machine.podman(["ps", "-aq"]).stdout == "" and machine.podman(["volume", "ls", "-q"]).stdout == ""
