"""Images that mean harm: what is in them never reaches, or changes, anything outside the container."""

from __future__ import annotations

import pytest
from images import build, root_files, tar

CANARY = "/srv/canary"
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
ROOT_FIRST = pytest.mark.parametrize(
    "user", [None, pytest.param("tester", marks=pytest.mark.slow)], ids=["root", "user"]
)


@pytest.fixture
def box(new_machine):
    machine = new_machine()
    machine.sh(f"mkdir -p {CANARY}; echo untouched >{CANARY}/file; chmod 0777 {CANARY}; chmod 0666 {CANARY}/file")
    return machine


def run(box, files, user, command=("cat", "/proc/self/status"), settings=None, fails=False, options=None, env=None):
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
    return box.task("container", {**task, **(options or {})}, user=user, fails=fails, env=env)


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


@ROOT_FIRST
def test_passwd_and_group_that_have_no_end_are_not_waited_for(box, user):
    files = {"etc/passwd": ("fifo", ""), "etc/group": ("fifo", "")}
    result = run(box, files, user, fails=True, options={"user": "7:wheel"})
    assert "not in the container's /etc/group" in result["msg"]
    assert "Uid:\t7\t7" in run(box, files, user, options={"user": "7:8"})["stdout"]


@USERS
def test_a_volume_behind_a_link_is_filled_and_mounted_inside(box, user):
    """What is there in the image is copied into a new volume: from inside."""
    files = {"a": ("link", CANARY), "srv": None, "srv/canary": None, "srv/canary/own": b"of the image\n"}
    result = run(box, files, user, ["sh", "-c", "ls /a /a/made; touch /a/made/x"], {"Volumes": {"/a/made": {}}})
    assert "file" not in result["stdout"].split()
    named = run(box, files, user, ["ls", "/a"], options={"volume": ["data:/a"]})
    assert "file" not in named["stdout"].split()
    assert untouched(box)


@ROOT_FIRST
def test_programs_run_inside_have_no_way_out_either(box, user):
    """exec: a directory that was left open, capabilities and groups that nobody gave."""
    run(box, {}, user, ["sleep", "1000"], options={"detach": True, "stop_timeout": 0})
    for number in (3, 7, 8):
        step = {"name": "evil", "argv": ["cat", "../../../../../srv/canary/file"], "workdir": f"/proc/self/fd/{number}"}
        assert "untouched" not in box.task("container_exec", step, user=user, fails=True).get("stdout", "")
    for who, groups in (("root", {"0"}), ("web", {"1000", "1001"}), ("1000:1001", {"1001"}), ("4711", {"0"})):
        step = {"name": "evil", "argv": ["sh", "-c", "cat /proc/self/status; ls /proc/self/fd"], "user": who}
        *lines, _directory = box.task("container_exec", step, user=user)["stdout"].splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["CapInh"] == status["CapAmb"] == "0000000000000000"
        assert status["CapEff"] == ("00000000800405fb" if who == "root" else "0000000000000000")
        assert set(status["Groups"].split()) <= groups
        assert lines[-3:] == ["0", "1", "2"], "open files of ours"
    # its processes are looked at from the host: what calls itself ps inside is not run
    box.podman(["exec", "evil", "sh", "-c", "printf '#!/bin/sh\\necho forged' >/bin/ps; chmod 755 /bin/ps"], user)
    command = "daemonless" if user is None else "/home/tester/.local/bin/daemonless"
    shown = box.run([command, "top", "evil"], user).stdout
    assert "sleep 1000" in shown and "forged" not in shown
    assert untouched(box)


@USERS
def test_huge_passwd_is_bounded(box, user):
    files = {"etc/passwd": b"x" * (5 << 20)}
    result = run(box, files, user, ["id", "-u"], fails=True, options={"user": "web"})
    assert "longer than" in result["msg"]


@USERS
def test_environment_without_a_value_does_not_take_ours(box, user):
    settings = {
        "Env": ["SECRET", "HOME", "KEPT=1", "W=${SECRET}"],
        "WorkingDir": "/${SECRET}",
        "Labels": {"l": "$SECRET"},
        "Healthcheck": {"Test": ["CMD", "echo", "$SECRET"]},
    }
    options = {"env": {"B": "$SECRET"}, "rm": False}
    ours = {"SECRET": "word-of-the-host"}
    result = run(box, {}, user, ["sh", "-c", "env; pwd"], settings, options=options, env=ours)
    lines = result["stdout"].split()
    assert {"KEPT=1", "B=$SECRET", "W=${SECRET}", "/${SECRET}"} <= set(lines)
    assert not [line for line in lines if line.startswith("SECRET")]
    assert "word-of-the-host" not in str(result)


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
        ("dns_option", ["a\nnameserver 10.0.0.1"]),
        ("network_aliases", ["a\nb"]),
        ("passwd_entry", "a:x:7:7::/:/bin/sh\nroot2:x:0:0::/:/bin/sh"),
        ("group_entry", "a:x:7:\nroot2:x:0:"),
        ("timezone", "a\nb"),
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
