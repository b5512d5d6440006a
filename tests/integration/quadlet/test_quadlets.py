"""`state: quadlet`: files that podman's own generator makes services of, foretold, repeated, changed and taken away."""

from __future__ import annotations

import pytest

GENERATOR = "/usr/lib/systemd/system-generators/podman-system-generator"
WHO = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
TASKS = {
    "container": {
        "name": "web",
        "image": "quay.io/shop/web:1",
        "command": ["sh", "-c", "echo 'hello world'; sleep 9"],
        "env": {"GREETING": 'it\'s a "test"', "HOME": "%h"},
        "label": {"shop": "web and more"},
        "publish": ["8080:80", "127.0.0.1:8081:81/udp"],
        "volume": ["data:/data:ro", "%h/x:/x"],
        "network": ["shop.network"],
        "user": "1000:1000",
        "cap_drop": ["all"],
        "cap_add": ["chown", "kill"],
        "security_opt": ["no-new-privileges", "label=disable"],
        "healthcheck": "test -e /ok || exit 1",
        "healthcheck_interval": "1m",
        "tmpfs": {"/t": "size=1m"},
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "ulimit": ["nofile=100:200"],
        "memory": "64m",
        "restart_policy": "on-failure",
        "read_only": True,
        "quadlet_options": ["AutoUpdate=registry", "[Install]\nWantedBy=default.target"],
    },
    "network": {"name": "shop", "subnet": "10.89.7.0/24", "label": {"a": "b c"}, "opt": {"mtu": 1400}},
    "volume": {"name": "data", "label": {"a": "b"}, "options": ["type=tmpfs", "device=tmpfs"]},
    "image": {"name": "quay.io/shop/web:1", "auth_file": "/etc/auth.json", "validate_certs": False},
    "pod": {
        "name": "all",
        "network": ["shop.network"],
        "publish": ["8443:443"],
        "volume": ["data.volume:/data"],
        "add_host": ["db:10.0.0.1"],
        "dns_opt": ["ndots:2"],
        "label": {"a": "b c"},
        "share": "net,ipc",
        "share_parent": False,
        "exit_policy": "stop",
        "hostname": "there",
        "sysctl": {"net.ipv4.ip_forward": "1"},
    },
}
CHANGED = {
    "container": {"memory": "128m"},
    "network": {"internal": True},
    "volume": {"label": {"a": "c"}},
    "image": {"validate_certs": True},
    "pod": {"hostname": "here"},
}
#: Words that the services must hold.
PROMISED = (
    "--name web",
    "sh -c \"echo 'hello world'; sleep 9\"",
    '--label "shop=web and more"',
    "--publish 127.0.0.1:8081:81/udp",
    "--user 1000:1000",
    "--cap-add chown --cap-add kill",
    "--security-opt=no-new-privileges",
    "--memory 64m",
    '--health-cmd "test -e /ok || exit 1"',
    "Restart=on-failure",
    "--subnet 10.89.7.0/24",
    "--opt mtu=1400",
    "--opt type=tmpfs",
    "pull --authfile /etc/auth.json --tls-verify=false quay.io/shop/web:1",
    "--publish 8443:443",
    '--label "a=b c"',
    "--share net,ipc --share-parent=false",
    "--exit-policy stop",
)


def services(machine, folder, user):
    """What the generator makes of the files; it says on the other stream what it does not like."""
    words = [GENERATOR, "--dryrun", *(["--user"] if user else [])]
    done = machine.run(words, user, env={"QUADLET_UNIT_DIRS": folder})
    said = [line for line in done.stderr.splitlines() if "Loading source unit file" not in line]
    assert said == [], said
    return done.stdout


@pytest.mark.machine(os="debian13")
@WHO
def test_files_that_podman_makes_services_of(machine, user):
    folder = "/home/tester/.config/containers/systemd" if user else "/etc/containers/systemd"
    names = {"container": "web", "network": "shop", "volume": "data", "image": "web", "pod": "all"}
    changed = {"container": CHANGED["container"]} if user else CHANGED
    for noun, task in TASKS.items():
        wanted = {**task, "state": "quadlet"}
        path = f"{folder}/{names[noun]}.{noun}"
        foretold = machine.task(noun, wanted, user=user, check=True)
        assert foretold["changed"] and not machine.exists(path)
        made = machine.task(noun, wanted, user=user)
        assert (made["changed"], made["diff"], made["actions"]) == (True, foretold["diff"], [f"written {path}"])
        assert machine.read(path) == made["podman_quadlet"] == made["diff"]["after"]
        assert machine.sh(f"stat -c '%a %U' {path}") == f"640 {user or 'root'}"
        assert not machine.task(noun, wanted, user=user)["changed"]
    found = services(machine, folder, user)
    for words in PROMISED:
        assert words in found.replace("\\'", "'"), words
    for noun, more in changed.items():
        wanted = {**TASKS[noun], **more, "state": "quadlet"}
        foretold, made = (machine.task(noun, wanted, user=user, check=check) for check in (True, False))
        assert made["changed"] and made["diff"] == foretold["diff"]
        assert made["diff"]["before"] != made["diff"]["after"]
    services(machine, folder, user)
    for noun, task in TASKS.items():
        gone = {"name": task["name"], "state": "absent"}
        path = f"{folder}/{names[noun]}.{noun}"
        foretold = machine.task(noun, gone, user=user, check=True)
        assert foretold["changed"] and machine.exists(path)
        assert machine.task(noun, gone, user=user)["diff"] == foretold["diff"]
        assert not machine.exists(path)
        assert not machine.task(noun, gone, user=user)["changed"]


@pytest.mark.machine(os="debian13")
def test_files_of_others_and_modes(machine):
    machine.sh("mkdir -p /q")
    task = {"name": "web", "image": "a", "state": "quadlet", "quadlet_dir": "/q", "quadlet_filename": "other"}
    assert machine.task("container", {**task, "quadlet_file_mode": "0600"})["changed"]
    assert machine.sh("stat -c %a /q/other.container") == "600"
    assert not machine.task("container", task)["changed"], "a mode that nobody names stays"
    foretold = machine.task("container", {**task, "quadlet_file_mode": 0o644}, check=True)
    made = machine.task("container", {**task, "quadlet_file_mode": 0o644})
    assert made["changed"] and made["diff"] == foretold["diff"] == {"before": "mode: 0600\n", "after": "mode: 0644\n"}
    machine.sh("sed -i 1d /q/other.container; echo '# a comment' >>/q/other.container")
    assert not machine.task("container", task)["changed"], "comments do not count"
    # what somebody else wrote goes only when it is named
    machine.sh("mkdir -p /etc/containers/systemd; echo '[Container]' >/etc/containers/systemd/web.container")
    assert not machine.task("container", {"name": "web", "state": "absent"})["changed"]
    assert machine.exists("/etc/containers/systemd/web.container")
    gone = {"name": "web", "state": "absent", "quadlet_dir": "/etc/containers/systemd"}
    assert machine.task("container", gone)["changed"]
    assert not machine.exists("/etc/containers/systemd/web.container")
    # a link is replaced, not followed
    machine.sh("echo mine >/q/mine; ln -s mine /q/link.container")
    assert machine.task("container", {**task, "quadlet_filename": "link"})["changed"]
    assert machine.read("/q/mine") == "mine\n"
    # several in one task
    listed = [{"name": name, "image": "a", "state": "quadlet", "quadlet_dir": "/q"} for name in ("one", "two")]
    made = machine.task("containers", {"containers": listed})
    assert made["changed"] and made["actions"] == ["written /q/one.container", "written /q/two.container"]
    assert not machine.task("containers", {"containers": listed})["changed"]
    gone = [{"name": "one", "state": "absent", "quadlet_dir": "/q"}, {"name": "two", "state": "absent"}]
    assert machine.task("containers", {"containers": gone})["actions"] == ["removed /q/one.container"]
    # without podman nothing comes of it
    machine.sh(f"mv {GENERATOR} /root/")
    warned = machine.task("container", task).get("warnings", [])
    assert any("no service comes of it until podman is installed" in str(text) for text in warned)
    for bad, words in (
        ({"quadlet_filename": "../x"}, "not the name of a unit file"),
        ({"env": {"A": "x\nExecStart=/bin/evil"}}, "line break"),
        ({"creds": "a:hunter2"}, "authfile"),
        ({"quadlet_file_mode": "u=rw"}, "not an octal mode"),
    ):
        failed = machine.task("container", {**task, **bad}, fails=True)
        assert words in failed["msg"] and "hunter2" not in failed["msg"]
    whole = {"name": "all", "state": "quadlet", "containers": [{"name": "web", "image": "a"}]}
    assert "pod: all.pod" in machine.task("pod", whole, fails=True)["msg"]
