"""A pod of five containers, from nothing to running."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .ground import IMAGE, Ground
from .measure import Deed, Row

MEMBERS = [f"member{number}" for number in range(5)]
SLEEP = ["sleep", "100000"]


def pod(ground: Ground) -> Iterator[Row]:
    """By the same six commands of both, and by one task where podman has none."""

    def by(command: Callable[..., Deed]) -> Deed:
        deeds = [command("pod", "create", "--name", "five", "-p", "8300:80")]
        deeds += [command("run", "-d", "--pod", "five", "--name", name, IMAGE, *SLEEP) for name in MEMBERS]

        def all_of_them() -> None:
            for deed in deeds:
                deed()

        return all_of_them

    def none_left() -> None:
        ground.machine.podman(["pod", "rm", "-f", "-t", "0", "five"], check=False)

    listed = [{"name": name, "image": IMAGE, "command": SLEEP, "stop_timeout": 0} for name in MEMBERS]
    task = {"name": "five", "publish": ["8300:80"], "state": "started", "containers": listed}
    for what, ours in (("six commands", by(ground.daemonless)), ("one task, on the host", ground.payload("pod", task))):
        yield Row(
            "pod",
            f"a pod of five made and started: {what}",
            ours,
            {"podman pod create, 5 x podman run": by(ground.podman_deed)},
            {"podman pod create, 5 x podman run": 1.0},
            before=none_left,
        )
    none_left()
