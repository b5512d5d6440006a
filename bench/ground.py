"""The machine that everything runs on, and the ways to do a deed there."""

from __future__ import annotations

import io
import json
import os
import random
import resource
import sys
import tarfile
from pathlib import Path

from .measure import Deed, say
from .older import Older, older_root

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "integration")]

from images import build  # noqa: E402
from lab import Lab  # noqa: E402
from machine import JUDGE_CONF, Machine, Spec, cgroups_of  # noqa: E402

IMAGE = "127.0.0.1:5000/busybox:latest"
EMPTY_MODULE = """#!/usr/bin/python
from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
"""

_PROCESSOR_TIME = """
import resource, subprocess, sys
found = []
for turn in range(int(sys.argv[1])):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open("/run/lab/task.py") as task:
        subprocess.run([sys.executable], stdin=task, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print(min(found))
"""


_COST = """
import resource, subprocess, sys
subprocess.run(["sh", "-ec", sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"processor time {used.ru_utime + used.ru_stime:.2f} s, largest process {used.ru_maxrss >> 10} MiB")
"""


class Ground:
    """A Debian 13 of its own with a registry, the image pulled, an empty module, and containers.podman."""

    def __init__(self, lab: Lab, venv: Path | None) -> None:
        self.lab = lab
        self.machine: Machine = lab.machine(Spec(os="debian13"))
        modules = lab.collections / "ansible_collections" / "bench" / "empty" / "plugins" / "modules"
        modules.mkdir(parents=True)
        (modules / "nothing.py").write_text(EMPTY_MODULE)
        if venv is not None:
            found = next(venv.glob("lib/python3*/site-packages/ansible_collections/containers"))
            (lab.collections / "ansible_collections" / "containers").symlink_to(found)
        older = older_root()
        self.older = None if older is None else Older(self.machine, older)
        self.registry = self.machine.registry
        self.machine.task("image", {"name": IMAGE})
        self.big_images = {
            "one-layer": "500 MB in one gzip layer",
            "many-files": "40,000 files in 20 gzip layers",
            "one-layer-zstd": "500 MB in one zstd layer",
        }
        self._plays = 0

    # --- deeds

    def podman(self, *words: str) -> None:
        self.machine.podman(list(words), timeout=600)

    def podman_deed(self, *words: str) -> Deed:
        return lambda: self.podman(*words)

    def none_left(self) -> None:
        """Remove all containers, and wait for their monitors and for the clean-up that these call: it goes on for a
        second after twenty were removed, and would slow down whatever is measured then."""
        self.podman("rm", "-f", "-t", "0", "-a")
        self.machine.sh("while pgrep -x 'conmon|podman|daemonless' >/dev/null; do sleep 0.05; done")

    def daemonless(self, *words: str) -> Deed:
        return lambda: self._quiet("daemonless", *words)

    def _quiet(self, *words: str) -> None:
        self.machine.run(list(words), timeout=600)

    def payload(self, module: str, wish: dict[str, object]) -> Deed:
        """What Ansible would send, run by the machine's Python."""
        text = self._sent(module, wish)

        def deed() -> None:
            done = self.machine.run(["/usr/bin/python3"], input=text, check=False, timeout=600)
            if '"failed": true' in done.stdout:
                raise AssertionError(done.stdout[:2000])

        return deed

    def _sent(self, module: str, wish: dict[str, object]) -> bytes:
        """One of ours comes without the engine, which is on the machine since the first task."""
        payloads = self.lab.payloads
        return (payloads.build if "." in module else payloads.thin)(module, wish, check=False, diff=False)

    def processor_time(self, module: str, wish: dict[str, object], rounds: int = 15) -> float:
        """Seconds of processor time of one such task on the host, the least of `rounds`: other load hardly shows."""
        self.machine.write("/run/lab/task.py", self._sent(module, wish).decode())
        done = self.machine.run(["/usr/bin/python3", "-c", _PROCESSOR_TIME, str(rounds)], timeout=600)
        return float(done.stdout)

    def processor(self) -> float:
        """Seconds of processor time so far: of all that ran on the machine, and of our own children that ended."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = used.ru_utime + used.ru_stime
        for group in cgroups_of(self.machine.name):
            if (group / "cpuacct.usage").exists():
                return spent + int((group / "cpuacct.usage").read_text()) / 1e9
            if (group / "cpu.stat").exists() and "usage_usec" in (group / "cpu.stat").read_text():
                return spent + int((group / "cpu.stat").read_text().split()[1]) / 1e6
        raise AssertionError("this host counts no processor time by control group")

    def playbook_of(self, module: str, wish: dict[str, object], count: int) -> Deed:
        return lambda: self.playbook(module, wish, count)

    def playbook(self, module: str, wish: dict[str, object], count: int) -> None:
        self.playbook_items(module, [wish] * count)

    def playbook_items(self, module: str, wishes: list[dict[str, object]]) -> None:
        """A play with one task for each wish, the conditions of podman in its environment."""
        environment = {"CONTAINERS_CONF_OVERRIDE": JUDGE_CONF, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        tasks = "".join(f"    - {module}: {json.dumps(wish)}\n" for wish in wishes)
        self.machine.playbook(
            f"- hosts: machine\n  gather_facts: false\n  environment: {json.dumps(environment)}\n  tasks:\n{tasks}"
        )

    def forget(self, reference: str) -> None:
        self.machine.podman(["rmi", "-f", reference], check=False)
        if self.older is not None:
            self.older.forget(reference)

    # --- images worth pulling

    def big_image(self, name: str, quick: bool) -> str:
        """Made here, pushed to the registry on this machine; its reference there."""
        maker, less = random.Random(7), 10 if quick else 1
        if name == "many-files":
            diffs = [
                _tar({f"d{at}/{n % 97}/{n}": f"file {n} of layer {at}\n".encode() * 20 for n in range(2000 // less)})
                for at in range(20)
            ]
        else:
            diffs = [_tar({f"data/{n}": maker.randbytes(1 << 19) * 2 for n in range(500 // less)})]
        image = build(name, diffs, compression="zstd") if name.endswith("zstd") else build(name, diffs)
        self.registry.push(f"{name}:1", image)
        return f"{self.registry.host}/{name}:1"

    def cost(self, deed: str, script: str) -> None:
        """Processor time and peak memory of one run, the children that it waits for included."""
        done = self.machine.run(["/usr/bin/python3", "-c", _COST, script], timeout=600)
        say(f"    {deed:<34}{done.stdout.strip().splitlines()[-1]}")

    def payload_file(self, module: str, wish: dict[str, object]) -> str:
        """A command line that runs the module as Ansible would."""
        self._plays += 1
        path = f"/run/lab/task{self._plays}.py"
        self.machine.write(path, self.lab.payloads.build(module, wish, check=False, diff=False))
        return f"/usr/bin/python3 <{path}"

    def close(self) -> None:
        self.machine.close()


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def bench_venv() -> Path | None:
    """The virtual environment with containers.podman that `make bench-venv` makes."""
    named = os.environ.get("BENCH_VENV")
    return Path(named) if named and Path(named).is_dir() else None
