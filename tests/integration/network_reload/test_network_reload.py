"""After somebody has flushed the firewall: containers run on, and are reached again."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
PAGE = ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"]
GET = "import urllib.request as u; print(u.urlopen('http://192.0.2.10:8080/', timeout=2).read().decode())"
FLUSH = """
PATH=$PATH:/usr/sbin
if command -v iptables >/dev/null; then
    for table in filter nat; do for each in iptables ip6tables; do $each -t $table -F; $each -t $table -X; done; done
fi
if command -v nft >/dev/null; then nft flush ruleset; fi
"""


def answers(machine):
    deadline = time.monotonic() + 60
    while True:
        done = machine.run(["/usr/bin/python3", "-c", GET], check=False)
        if done.stdout == "page\n\n":
            return True
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.1)


def flush(machine, user):
    if user is None:
        machine.sh(FLUSH)
    else:
        machine.podman(["unshare", "--rootless-netns", "sh", "-euc", FLUSH], user)


def works(machine, user):
    """The published port; a plain user's goes by no rule, so there it is what else the rules are for."""
    if user is None:
        return machine.run(["/usr/bin/python3", "-c", GET], check=False).returncode == 0
    rules = ["unshare", "--rootless-netns", "/usr/sbin/nft", "list", "ruleset"]
    return "masquerade" in machine.podman(rules, user).stdout


@pytest.mark.parametrize(("os", "user"), [("host", None), ("debian13", None), ("debian13", "tester")])
def test_published_ports_and_names_come_back(new_machine, os, user):
    machine = new_machine(os=os)
    assert machine.registry.port == 5000

    def task(module, wish, **more):
        return machine.task(module, wish, user, **more)

    task("network", {"name": "web", "subnet": "10.77.0.0/24"})
    web = {"name": "web", "image": IMAGE, "command": PAGE, "hostname": "page", "network": ["web:alias=www"]}
    task("container", {**web, "publish": ["8080:80"], "stop_timeout": 0})
    task("container", {**web, "name": "reader", "network": ["web"], "hostname": "reader", "stop_timeout": 0})
    task("container", {**web, "name": "away", "network": ["none"], "stop_timeout": 0})
    assert answers(machine) and (user is None or works(machine, user))
    before = machine.podman_json(["inspect", "web"], user)[0]
    flush(machine, user)
    assert not works(machine, user)

    foretold = task("network_reload", {}, check=True)
    assert not works(machine, user), "check mode did it"
    done = task("network_reload", {})
    assert done["changed"] and sorted(done["containers"]) == sorted(foretold["containers"]) == ["reader", "web"]
    assert answers(machine) and (user is None or works(machine, user))
    after = machine.podman_json(["inspect", "web"], user)[0]
    assert after["NetworkSettings"]["Networks"] == before["NetworkSettings"]["Networks"]
    assert after["State"]["Pid"] == before["State"]["Pid"]
    for name in ("www", "web"):
        assert machine.podman(["exec", "reader", "wget", "-qO-", f"http://{name}/"], user).stdout == "page\n"
    reverse = machine.podman(["exec", "reader", "nslookup", "10.77.0.2"], user, check=False).stdout
    assert "web" in reverse

    words = task("network_reload", {"container": ["away"]}, fails=True)["msg"]
    assert "knows no further networks" in words
    command = "daemonless" if user is None else f"/home/{user}/.local/bin/daemonless"
    shown = machine.run([command, "network", "reload", "web"], user).stdout
    assert shown.strip() == before["Id"]
    assert answers(machine)
    machine.run([command, "rm", "-f", "-t", "0", "-a"], user)
    assert machine.leaks() == {}
