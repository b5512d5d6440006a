"""The five-minute tour of the README, as it stands there: run twice, changed, looked at with the host's command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from machine import Machine

README = Path(__file__).resolve().parents[2] / "README.md"


def tour() -> str:
    """The play with network, database and shop."""
    (play,) = [block for block in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.S) if "image:" in block]
    return play.replace("hosts: containers\n", "hosts: machine\n  gather_facts: false\n")


def command(text: str) -> str:
    """As in a login shell, where a plain user's ~/.local/bin is in PATH."""
    return f'PATH="$HOME/.local/bin:$PATH" daemonless {text}'


@pytest.mark.delivery
@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
def test_the_tour(machine: Machine, user: str | None) -> None:
    registry, images = machine.registry, machine.lab.images
    registry.push("library/postgres:16", images["web:latest"])
    registry.push("shop/web:1.4", images["web:latest"])
    machine.write(
        "/etc/containers/registries.conf",
        "".join(
            f'[[registry]]\nprefix = "{prefix}"\nlocation = "{registry.host}{path}"\ninsecure = true\n'
            for prefix, path in (("docker.io/library", "/library"), ("registry.example.com/shop", "/shop"))
        ),
    )
    machine.write("/etc/shop/db.env", "POSTGRES_PASSWORD=secret\n")
    play = tour()
    if user:
        play = play.replace("become: true\n", f"become: true\n  become_user: {user}\n")
        play = play.replace("memory: 512m", "shm_size: 512m")  # no cgroup is delegated on these machines
        refused = machine.playbook(play, check=False)
        assert "ip_unprivileged_port_start" in refused.stdout, refused.stdout
        machine.sh("sysctl -qw net.ipv4.ip_unprivileged_port_start=80")
    first = machine.playbook(play)
    assert f"changed={1 if user else 3}" in first.stdout and "failed=0" in first.stdout, first.stdout
    assert "changed=0" in machine.playbook(play).stdout
    changed = play.replace('publish: ["80:8080"]', 'publish: ["80:8080"]\n        env: {STAGE: test}')
    checked = machine.playbook(changed, "--check", "--diff")
    assert "STAGE" in checked.stdout and "changed=1" in checked.stdout, checked.stdout
    assert "changed=0" in machine.playbook(play).stdout
    assert "changed=1" in machine.playbook(changed).stdout
    listed = machine.run(["sh", "-c", command("ps -a")], user)
    assert "registry.example.com/shop/web:1.4" in listed.stdout and "0.0.0.0:80->8080/tcp" in listed.stdout
    shown = "{{.State.Status}} {{json .NetworkSettings.Ports}}"
    told = machine.run(["sh", "-c", command(f"inspect web --format '{shown}'")], user).stdout
    assert told.startswith('running {"8080/tcp":[{'), told
    machine.run(["sh", "-c", command("logs --tail 20 web")], user)
    assert machine.run(["sh", "-c", command("exec db true")], user).returncode == 0
