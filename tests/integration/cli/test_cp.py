"""daemonless cp beside podman cp: the same words, the same exit codes and trees; tars through the streams; races."""

from __future__ import annotations

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
LIST = "find . -printf '%p %y %m %U:%G %l\\n' | sort"


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_cp_as_podman(machine: Machine, user: str | None) -> None:
    assert machine.registry.port == 5000
    command = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"
    machine.task("container", {"name": "o", "image": IMAGE, "command": ["sleep", "9999"]}, user=user)
    machine.podman(["run", "-d", "--name", "t", IMAGE, "sleep", "9999"], user)
    machine.sh("mkdir -p /src/d/sub; echo hi >/src/f; echo x >/src/d/x; ln -s f /src/l; chmod -R a+rX /src", None)
    machine.sh("mkdir -p /tmp/o /tmp/t /tmp/x", user)
    for words in (
        "/src/f N:/f", "/src/d N:/d1", "/src/d N:/d1", "/src/d/. N:/d1", "/src/d N:/f", "/src/l N:/tmp",
        "/src/f N:/no/x", "/src/f N:/new/", "/no N:/f", "-a=false /src/d N:/d3", "N:/etc/passwd /tmp/N/p",
        "N:/home /tmp/N", "N:/home/. /tmp/N/c", "N:/none /tmp/N", "none:/x /tmp/N", "/src/f /tmp/N", "N:/d1 /tmp/N/p",
        "--overwrite N:/d1 /tmp/N", "N:/f",
    ):  # fmt: skip
        codes = [
            machine.run([program, "cp", *words.replace("N", name).split()], user, check=False).returncode
            for program, name in ((command, "o"), ("/opt/judge/bin/podman", "t"))
        ]
        assert codes[0] == codes[1], words
    for name in ("o", "t"):
        machine.run(["sh", "-c", f"{command} cp {name}:/d1 - | {command} cp - {name}:/tmp"], user)
        machine.run(["sh", "-c", f"cd /src && tar -czf - d f | {command} cp - {name}:/home"], user)
    where = (
        "cd / && for top in d1 d3 tmp home f; do (cd $top 2>/dev/null && find . || ls $top) | sort; done; cat /home/f"
    )
    trees = [machine.podman(["exec", name, "sh", "-c", where], user).stdout for name in ("o", "t")]
    assert trees[0] == trees[1] and "./d1/d/sub" in trees[0]
    assert machine.sh(f"cd /tmp/o && {LIST}") == machine.sh(f"cd /tmp/t && {LIST}")
    assert machine.run([command, "cp", "-", "o:/f"], user, check=False, input=b"no tar").returncode == 125
    assert machine.run([command, "cp", "-", "o:/tmp"], user, check=False, input=b"no tar").returncode == 125
    machine.run([command, "cp", "o:/f", "t:/between"], user)
    assert machine.podman(["exec", "t", "cat", "/between"], user).stdout == "hi\n"


def test_a_live_container_swaps_directories_for_links(machine: Machine) -> None:
    """CVE-2018-15664, CVE-2019-10152: what is a directory when it is looked at is a link when it is written to."""
    assert machine.registry.port == 5000
    machine.sh("mkdir -p /canary /src/deep; echo untouched >/canary/f; echo evil >/src/deep/f; mkdir /out")
    swap = "while :; do mv /a/b /a/c; ln -s /canary /a/b; rm /a/b; mv /a/c /a/b; done"
    script = f"mkdir -p /a/b /canary; echo mine >/canary/f; {swap}"
    machine.task("container", {"name": "c", "image": IMAGE, "command": ["sh", "-c", script], "stop_timeout": 0})
    for turn in range(25):
        machine.sh(f"echo evil{turn} >/src/deep/f")
        machine.run(["daemonless", "cp", "/src/deep/.", "c:/a/b"], check=False)
        machine.run(["daemonless", "cp", "/src/deep/f", "c:/a/b/f"], check=False)
        machine.run(["daemonless", "cp", "c:/a/b/f", f"/out/{turn}"], check=False)
        if turn % 5 == 0:  # a link's own name may be in it, never what lies behind it on the host
            machine.run(["daemonless", "export", "-o", f"/out/{turn}.tar", "c"], check=False)
    assert machine.sh("cat /canary/f; ls /canary") == "untouched\nf"
    assert machine.sh("ls /out/*.tar")
    assert machine.run(["grep", "-rqa", "untouched", "/out"], check=False).returncode == 1


def test_what_a_container_plants_is_no_way_onto_the_host(machine: Machine) -> None:
    assert machine.registry.port == 5000
    machine.sh("mkdir -p /canary /out; echo untouched >/canary/f")
    script = "mkdir -p /s1/d /s2; ln -s /canary /s2/d; ln -s /canary/f /s2/f; echo evil >/s1/d/f; echo evil >/s1/f;"
    script += "ln -s /canary/f /direct; mkfifo /pipe; mknod /s1/null c 1 3; sleep 9999"
    machine.task("container", {"name": "c", "image": IMAGE, "command": ["sh", "-c", script], "cap_add": ["mknod"]})
    machine.task(
        "container_exec", {"name": "c", "command": "sh -c 'while ! test -e /s1/null; do :; done'", "timeout": 60}
    )
    for words in ("c:/s2/. /out", "c:/s1/. /out", "--overwrite c:/s1/. /out", "c:/direct /out", "c:/s1 /out/s"):
        machine.run(["daemonless", "cp", *words.split()], check=False)
    assert machine.sh("cat /canary/f; ls /canary") == "untouched\nf"
    assert machine.sh("cat /out/d/f /out/f") == "evil\nevil"
    assert machine.sh("find /out -type b -o -type c") == ""
