"""Networks as containers see them, made by the modules alone."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.fixture(params=[None, "tester"], ids=["root", "plain user"])
def user(request):
    return request.param


def test_names_ports_and_addresses(machine, user):
    assert machine.registry.port == 5000
    machine.task("network", {"name": "web", "subnet": "10.77.0.0/24"}, user=user)
    web = {
        "name": "web",
        "image": IMAGE,
        "command": ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"],
        "hostname": "page",
        "network": ["web:ip=10.77.0.40,alias=www"],
        "publish": ["8080:80"],
        "stop_timeout": 0,
    }
    machine.task("container", web, user=user)
    reader = {"name": "reader", "image": IMAGE, "network": ["web"], "stop_timeout": 0, "command": "sleep 1000"}
    machine.task("container", reader, user=user)
    assert _fetch(machine) == "page"
    for name in ("web", "www", "web.dns.podman", "10.77.0.40"):
        assert machine.podman(["exec", "reader", "wget", "-qO-", f"http://{name}/"], user=user).stdout == "page\n", name
    endpoints = machine.task("network_info", {"name": "web"}, user=user)["networks"][0]["containers"]
    assert sorted(item["name"] for item in endpoints.values()) == ["reader", "web"]

    taken = {**web, "name": "rival", "network": ["web"]}
    assert "8080/tcp: already in use by container web" in machine.task("container", taken, user=user, fails=True)["msg"]
    machine.task("container", {"name": "rival", "state": "absent"}, user=user)

    # Its main process dies: conmon calls the runtime, which lets go of port and address; the policy starts it again.
    machine.task("container", {**web, "restart_policy": "always"}, user=user)
    first = machine.podman_json(["inspect", "web"], user=user)[0]["State"]["Pid"]
    machine.run(["kill", "-9", str(first)])
    deadline = time.monotonic() + 60
    while machine.podman_json(["inspect", "web"], user=user)[0]["State"]["Pid"] in (0, first):
        assert time.monotonic() < deadline, "it was not started again"
        time.sleep(0.2)
    assert _fetch(machine) == "page"
    deadline = time.monotonic() + 60  # neighbours may take a while to find it under its old address
    while machine.podman(["exec", "reader", "wget", "-qO-", "http://www/"], user, check=False).stdout != "page\n":
        assert time.monotonic() < deadline, "its name does not lead to it again"
        time.sleep(0.2)

    in_use = machine.task("network", {"name": "web", "state": "absent"}, user=user, fails=True)
    assert "containers use it: reader, web" in in_use["msg"]
    gone = machine.task("network", {"name": "web", "state": "absent", "force": True}, user=user)
    assert gone["actions"] == ["remove container reader", "remove container web", "remove network web"]
    assert machine.leaks(only=("netns", "links", "addresses")) == {}
    assert machine.run(["/usr/bin/python3", "-c", FETCH], check=False).returncode != 0


FETCH = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/', timeout=3).read().decode())"


def _fetch(machine):
    """From the machine itself, until the server is up."""
    deadline, unanswered = time.monotonic() + 60, 0
    while time.monotonic() < deadline and unanswered < 6:  # a remembered hardware address would cost half a minute
        done = machine.run(["/usr/bin/python3", "-c", FETCH], check=False)
        if done.returncode == 0:
            return done.stdout.strip()
        unanswered += "refused" not in done.stderr and "reset" not in done.stderr
        time.sleep(0.1)
    raise AssertionError(done.stderr)
