"""Images that mean harm: what is in them never reaches, or changes, anything outside the container."""

from __future__ import annotations

import pytest
from images import build, root_files, tar

CANARY = "/srv/canary"
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])


@pytest.fixture
def box(new_machine):
    machine = new_machine()
    machine.sh(f"mkdir -p {CANARY}; echo untouched >{CANARY}/file; chmod 0777 {CANARY}; chmod 0666 {CANARY}/file")
    return machine


def run(box, files, user, command=("cat", "/proc/self/status"), settings=None, fails=False, options=None):
    """Run a command in an image made of busybox and `files`; the task's result."""
    base = {path: content for path, content in root_files().items() if path not in files}
    image = build("evil:latest", [tar({**base, **files})], settings=settings or {})
    box.registry.push("evil:latest", image)
    task = {
        "name": "evil",
        "image": "127.0.0.1:5000/evil:latest",
        "command": list(command),
        "detach": False,
        "rm": True,
    }
    return box.task("container", {**task, **(options or {})}, user=user, fails=fails)


def untouched(box):
    return box.sh(f"find {CANARY} | sort; cat {CANARY}/file").split() == [CANARY, f"{CANARY}/file", "untouched"]


@USERS
def test_working_directory_behind_a_link_is_made_inside(box, user):
    result = run(box, {"a": ("link", CANARY)}, user, ["pwd"], {"WorkingDir": "/a/made"})
    assert result["stdout"].strip() in ("/a/made", f"{CANARY}/made")
    assert untouched(box)


@USERS
def test_working_directory_in_proc_is_not_a_way_out(box, user):
    result = run(
        box, {}, user, ["cat", "../../../../../../srv/canary/file"], {"WorkingDir": "/proc/self/fd/7"}, fails=True
    )
    assert "untouched" not in result.get("stdout", "")
    assert untouched(box)


@USERS
@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_system_directories_that_are_links_are_refused(name, box, user):
    result = run(box, {name: ("link", CANARY)}, user, fails=True)
    assert f"/{name} of its image is a symbolic link" in result["msg"]
    assert untouched(box)


@USERS
def test_mount_target_behind_a_link_stays_inside(box, user):
    files = {"mnt": ("link", CANARY), "srv": None, "srv/canary": None}
    run(box, files, user, ["sh", "-c", "mount | grep canary/made"], options={"tmpfs": {"/mnt/made": "size=1m"}})
    assert untouched(box)


@USERS
def test_passwd_that_leads_outside_is_read_inside(box, user):
    box.sh("echo 'host:x:4242:4242::/:/bin/sh' >>/etc/passwd")
    result = run(
        box,
        {"etc/passwd": ("link", "../../../../etc/passwd")},
        user,
        ["id", "-u"],
        fails=True,
        options={"user": "host"},
    )
    assert "not in the container's /etc/passwd" in result["msg"]


@USERS
def test_huge_passwd_is_bounded(box, user):
    files = {"etc/passwd": b"x" * (5 << 20)}
    result = run(box, files, user, ["id", "-u"], fails=True, options={"user": "web"})
    assert "longer than" in result["msg"]


@USERS
def test_environment_without_a_value_does_not_take_ours(box, user):
    result = run(box, {}, user, ["env"], {"Env": ["SECRET", "HOME", "KEPT=1"]}, options={"env": {"B": "$SECRET"}})
    lines = result["stdout"].split()
    assert "KEPT=1" in lines and "B=$SECRET" in lines
    assert not [line for line in lines if line.startswith("SECRET")]


@USERS
def test_labels_are_only_shown(box, user):
    settings = {"Labels": {"run": f"touch {CANARY}/ran", "io.podman.annotations.privileged": "TRUE", "a": "$(id)"}}
    result = run(box, {}, user, ["cat", "/proc/self/status"], settings)
    assert "CapBnd:\t00000000800405fb" in result["stdout"]
    assert untouched(box)


@USERS
def test_a_line_break_makes_no_second_line(box, user):
    for option, value in (
        ("etc_hosts", {"db\n10.9.9.9 bank": "10.0.0.1"}),
        ("hostname", "a\nb"),
        ("user", "web\nroot"),
        ("workdir", "/a\nb"),
        ("dns_search", ["a\nnameserver 10.0.0.1"]),
    ):
        assert run(box, {}, user, fails=True, options={option: value})["msg"]
    assert box.task("container_info", {}, user=user)["containers"] == []


@USERS
@pytest.mark.parametrize("who", ["root", "web", "1000:1001", "4711"])
def test_groups_and_capabilities_are_the_users_own(who, box, user):
    text = run(box, {}, user, ["cat", "/proc/self/status"], options={"user": who})["stdout"]
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    assert status["CapInh"] == status["CapAmb"] == "0000000000000000"
    assert status["CapEff"] == ("00000000800405fb" if who == "root" else "0000000000000000")
    groups = set(status["Groups"].split())
    assert groups <= {"root": {"0"}, "web": {"1000", "1001"}, "1000:1001": {"1001"}, "4711": {"0"}}[who]
