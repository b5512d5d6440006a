"""Commands of the host command on several containers at once."""

from __future__ import annotations

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
STUBBORN = "sh -c 'trap : TERM; while :; do sleep 0.1; done'"


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_side_by_side_and_in_the_order_of_their_needs(machine: Machine, user: str | None) -> None:
    assert machine.registry
    wishes: list[dict[str, object]] = [
        {"name": "first", "image": IMAGE, "command": STUBBORN, "network": ["none"], "stop_timeout": 2}
    ]
    # Each lives in the network of the first one; their own names sort before it and after it.
    wishes += [{**wishes[0], "name": name, "network": ["container:first"]} for name in ("a", "b", "z")]
    machine.task("containers", {"containers": wishes}, user=user)

    command = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"

    def ours(*words: str, code: int = 0) -> list[str]:
        done = machine.run([command, *words], user, check=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout.split()

    assert ours("stop", "first", "z", "a", "b") == ["z", "a", "b", "first"]
    assert machine.podman(["ps", "-q"], user).stdout == ""
    assert ours("start", "z", "a", "first", "b", "nope", code=125) == ["first", "z", "a", "b"]
    assert len(machine.podman(["ps", "-q"], user).stdout.split()) == 4
    assert ours("rm", "z", "a", "first", "b", code=2) == []  # they run
    assert len(ours("kill", "-a")) == 4
    assert ours("rm", "first", code=125) == []  # the others need it
    assert ours("rm", "-f", "nope", "first", "z", "a", "b") == ["z", "a", "b", "first"]
    assert machine.podman(["ps", "-aq"], user).stdout == ""
