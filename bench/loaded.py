"""One container made and started by an engine that is loaded already, as any but the first of a task is."""

from __future__ import annotations

from collections.abc import Iterator

from .ground import IMAGE, Ground
from .measure import Deed, Row

_DRIVER = "/run/lab/loaded.py"
_ASK = 'echo "$1 $2" >/run/lab/loaded.ask; read -r answer </run/lab/loaded.answer; test "$answer" = changed'


def loaded(ground: Ground) -> Iterator[Row]:
    """On a bridge and without a network, each made by a worker of one task, and by a podman of its own."""
    ground.machine.task("image", {"name": IMAGE})  # whereafter the engine is there
    ground.machine.write(_DRIVER, DRIVER)
    ground.machine.sh(
        "rm -f /run/lab/loaded.ask /run/lab/loaded.answer; mkfifo /run/lab/loaded.ask /run/lab/loaded.answer"
    )
    worker = ground.machine.spawn(["/usr/bin/python3", "-IS", _DRIVER, IMAGE])

    def by_worker(network: str) -> Deed:
        return lambda: ground.machine.run(["sh", "-euc", _ASK, "sh", "loaded", network], timeout=600) and None

    for network, goal in (("bridge", 1 / 1.6), ("none", 1 / 2)):
        run = ("run", "-d", "--name", "loaded", "--network", network, IMAGE, "sleep", "100000")
        by_worker(network)()  # what only the first one needs
        yield Row(
            f"loaded {network}",
            f"one more container made and started by a loaded engine, network {network}",
            by_worker(network),
            {"podman run -d": ground.podman_deed(*run)},
            {"podman run -d": goal},
            rounds=15,
            before=ground.none_left,
            processor=ground.processor,
            floor=lambda: ground.machine.run(["sh", "-euc", "true"], timeout=600) and None,
        )
    ground.machine.sh("echo end end >/run/lab/loaded.ask")
    worker.wait()
    ground.none_left()


DRIVER = r"""
import os, sys, types

home = os.path.realpath("/usr/local/lib/daemonless/current")
package = types.ModuleType("daemonless_oci")
package.__path__ = [home + "/daemonless_oci"]
sys.modules["daemonless_oci"] = package

from daemonless_oci.engine.base import bundle

bundle.use(home)

from daemonless_oci.engine.container import params, reconcile, together
from daemonless_oci.engine.session.session import Session


def work(own, number):
    while True:
        with open("/run/lab/loaded.ask") as asked:
            name, network = asked.read().split()
        if name == "end":
            return number
        wish = {"name": name, "image": sys.argv[1], "command": ["sleep", "100000"], "network": [network]}
        done = reconcile.reconcile(own, params.parse(wish, {}), params.parse_flags(wish), check=False)
        with open("/run/lab/loaded.answer", "w") as answer:
            answer.write("changed\n" if done.changed else "nothing\n")


session = Session.open(command=home + "/daemonless")
together.side_by_side(session, [0], work, 1)
"""
