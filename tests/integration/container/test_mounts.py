"""Mounts that take more than a bind: owners, overlays, parts of volumes, images."""

from __future__ import annotations

import contextlib
import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])


@pytest.fixture
def box(new_machine, request):
    user = request.node.callspec.params.get("user") if hasattr(request.node, "callspec") else None
    machine = new_machine()
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    machine.mark()
    return machine


def output(machine, script, who, **options):
    task = {"name": "look", "image": IMAGE, "command": ["sh", "-c", script], "detach": False, "recreate": True}
    return machine.task("container", {**task, **options}, user=who)["stdout"].split()


@USERS
def test_a_bind_is_given_to_the_user_of_the_container(box, user):
    box.sh("mkdir -p /tmp/src/sub; echo x > /tmp/src/sub/file; ln -s /etc/passwd /tmp/src/link; chmod -R a+rX /tmp/src")
    if user:
        box.sh("chown -hR tester: /tmp/src")
    show = "stat -c %u:%g /d /d/sub /d/sub/file"
    assert set(output(box, show, user, user="web", volume=["/tmp/src:/d"])) == {"0:0"}
    assert set(output(box, show, user, user="web", volume=["/tmp/src:/d:U"])) == {"1000:1000"}
    assert box.sh("stat -c %u /etc/passwd") == "0"


@USERS
def test_an_overlay_keeps_the_directory_as_it_is(box, user):
    box.sh("mkdir -p /tmp/s:rc; echo old > /tmp/s:rc/file; chmod -R a+rwX /tmp/s:rc", user)
    script = "cat /d/file; echo new > /d/file; cat /d/file; test -e /d/more || echo gone; touch /d/more"
    mount = ["type=bind,src=/tmp/s:rc,dst=/d"]
    volume = ["data:/d:O"]
    assert output(box, "cat /d/file", user, mount=mount) == ["old"]
    box.sh("mkdir /tmp/src; echo old > /tmp/src/file", user)
    for _turn in (1, 2):  # what was written is gone with the container's end
        assert output(box, script, user, volume=["/tmp/src:/d:O"]) == ["old", "new", "gone"]
        assert box.read("/tmp/src/file") == "old\n"
    output(box, "echo old > /d/file", user, volume=["data:/d"])
    assert output(box, script, user, volume=volume) == ["old", "new", "gone"]
    assert output(box, "cat /d/file", user, volume=["data:/d"]) == ["old"]
    box.task("container", {"name": "look", "state": "absent"}, user=user)
    assert box.leaks(kept=("locks",)) == {}  # the volume's own


@USERS
def test_a_part_of_a_volume(box, user):
    output(box, "mkdir -p /d/a/b; echo part > /d/a/b/file; ln -s /a/b /d/inside", user, volume=["data:/d"])
    part = "type=volume,source=data,target=/d,subpath="
    assert output(box, "cat /d/file", user, mount=[part + "a/b"]) == ["part"]
    assert output(box, "cat /d/file", user, mount=[part + "inside"]) == ["part"]
    failed = box.task(
        "container",
        {"name": "no", "image": IMAGE, "command": ["true"], "mount": [part + "nosuch"]},
        user=user,
        fails=True,
    )
    assert "nosuch in volume data" in failed["msg"]


@USERS
def test_a_link_in_a_volume_leads_nobody_out_to_the_host(box, user):
    box.sh("mkdir -m 777 /tmp/canary; echo hidden-word > /tmp/canary/file; chmod a+r /tmp/canary/file")
    output(box, "ln -s /tmp/canary /d/out; ln -s ../../../../../../../../tmp/canary /d/up", user, volume=["data:/d"])
    for name in ("out", "up"):
        task = {"name": "look", "image": IMAGE, "command": ["cat", "/d/file"], "recreate": True, "detach": False}
        mount = [f"type=volume,source=data,target=/d,subpath={name}"]
        failed = box.task("container", {**task, "mount": mount}, user=user, fails=True)
        assert "hidden-word" not in str(failed)


def logged(box, user, words):
    """What its log tells, once it tells so much."""
    end = time.monotonic() + 60
    while True:
        found = box.podman(["logs", "web"], user).stdout.split()
        if len(found) >= words or time.monotonic() > end:
            return found
        time.sleep(0.1)


@USERS
def test_an_image_is_mounted(box, user):
    """Read-only, to be written with what is written thrown away, and a part of it; it stays while it is mounted."""
    other = "localhost/files:1"
    content = "mkdir -p /w/f/sub; echo in-image > /w/f/sub/file; ln -s /srv/canary /w/f/out; ln -s sub /w/f/in"
    box.sh("mkdir -p -m 755 /srv/canary; echo hidden-word > /srv/canary/file; chmod a+r /srv/canary/file")
    box.sh(f"mkdir /tmp/w; cd /tmp/w; {content.replace('/w/', '/tmp/w/')}; tar -cf /tmp/files.tar f", user)
    box.podman(["import", "-q", "/tmp/files.tar", other], user)
    mount = [
        f"type=image,source={other},target=/ro",
        f"type=image,source={other},target=/rw,rw=true",
        f"type=image,source={other},target=/part,subpath=f/sub",
        f"type=image,source={other},target=/linked,subpath=f/in",
    ]
    script = "cat /ro/f/sub/file /part/file /linked/file; touch /ro/x || echo read-only"
    script += "; test -e /rw/x || echo new; touch /rw/x"
    wish = {"name": "web", "image": IMAGE, "command": ["sh", "-c", f"{script}; exec sleep 100"], "mount": mount}
    made = box.task("container", wish, user=user)["container"]
    assert box.task("container", wish, user=user)["changed"] is False
    shown = box.podman_json(["inspect", "web"], user)[0]["Mounts"]
    keys = ("Type", "Source", "Destination", "RW", "SubPath")
    ours, theirs = (
        [{key: mount.get(key) for key in keys} for mount in found if mount["Type"] == "image"]
        for found in (made["Mounts"], shown)
    )
    assert sorted(ours, key=str) == sorted(theirs, key=str) and len(ours) == 4
    told = ["in-image"] * 3 + ["read-only", "new"]
    assert logged(box, user, len(told)) == told

    # while it is mounted its image stays, whoever asks; what was written goes with the end, whoever starts it again
    gone = {"name": other, "state": "absent", "force": True}
    assert "has it mounted" in box.task("image", gone, user=user, fails=True)["msg"]
    box.task("container", {"name": "web", "state": "restarted"}, user=user)
    assert logged(box, user, len(told) * 2) == told * 2
    box.podman(["stop", "-t", "0", "web"], user)
    box.task("container", {"name": "web", "state": "absent"}, user=user)

    # a link in an image leads nobody out, and what is not there is said before anything is made
    task = {**wish, "mount": [f"type=image,source={other},target=/i,subpath=f/out"]}
    failed = box.task("container", task, user=user, fails=True)["msg"]
    assert f"f/out in image {other}" in failed
    missing = box.task(
        "container", {**wish, "mount": ["type=image,source=localhost/no:1,target=/i"]}, user=user, fails=True
    )
    assert "image localhost/no:1, which it mounts, is not here" in missing["msg"]
    assert box.task("container_info", {}, user=user)["containers"] == []
    assert box.leaks() == {}
    assert box.task("image", gone, user=user)["changed"] is True


@USERS
def test_mtab_is_there_as_podman_makes_it(box, user):
    show = "ls -l /etc/mtab | sed 's/.* //'; cat /etc/mtab | head -c 1 | wc -c"
    for options in ({}, {"read_only": True}, {"user": "5"}):
        assert output(box, show, user, **options) == ["/proc/mounts", "1"]
    box.podman(["run", "--name", "theirs", IMAGE, "true"], user)
    assert [box.podman(["diff", name], user).stdout for name in ("look", "theirs")] == ["C /etc\n"] * 2
    images = {
        "none": "rm -rf etc",
        "dangling": "ln -s /nowhere etc/mtab",
        "away": "rm -rf etc; ln -s /srv/canary etc",
    }
    box.sh("mkdir -p -m 777 /srv/canary")
    folder = box.sh("mktemp -d", user)
    box.sh(f"mkdir {folder}/bin {folder}/etc; cp /bin/busybox {folder}/bin/", user)
    for name, change in images.items():
        box.sh(f"cd {folder}; rm -rf etc; mkdir etc; {change}; tar -cf /tmp/{name}.tar .", user)
        box.podman(["import", "-q", f"/tmp/{name}.tar", f"localhost/{name}"], user)
    task = {"name": "look", "command": ["/bin/busybox", "readlink", "/etc/mtab"], "detach": False, "recreate": True}
    found = {
        name: box.task("container", {**task, "image": f"localhost/{name}"}, user=user)["stdout"]
        for name in ("none", "dangling")
    }
    assert found == {"none": "/proc/mounts\n", "dangling": "/nowhere\n"}
    with contextlib.suppress(AssertionError):  # whether such a tree can run is the runtime's to say
        box.task("container", {**task, "image": "localhost/away"}, user=user)
    assert box.sh("ls -A /srv/canary") == ""


def test_a_container_with_secrets_of_podman_is_started_with_them(box):
    box.sh("printf hidden > /tmp/secret")
    box.podman(["secret", "create", "word", "/tmp/secret"])
    given = ["--secret", "word", "--secret", "word,type=env,target=W"]
    box.podman(["create", "--name", "web", *given, IMAGE, "sleep", "9"])
    started = box.task("container", {"name": "web", "state": "started"})
    assert "hidden" not in str(started)
    seen = box.podman(["exec", "web", "sh", "-c", 'cat /run/secrets/word; echo "$W"']).stdout
    assert seen.strip() == "hiddenhidden"
    box.podman(["rm", "-f", "-t", "0", "web"])
