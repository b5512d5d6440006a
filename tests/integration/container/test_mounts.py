"""Mounts that take more than a bind: owners, overlays, parts of volumes; and images, which are refused."""

from __future__ import annotations

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
    assert {kind: found for kind, found in box.leaks().items() if kind != "locks"} == {}  # the volume's own


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


def test_an_image_cannot_be_mounted_and_that_is_said(box):
    task = {"name": "web", "image": IMAGE, "command": ["true"], "mount": [f"type=image,source={IMAGE},target=/i"]}
    for check in (True, False):
        failed = box.task("container", task, check=check, fails=True)
        assert "images cannot be mounted into containers" in failed["msg"]
    assert box.task("container_info", {})["containers"] == []


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
