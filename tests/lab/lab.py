"""What all test machines of one pytest process share: judge root, collection path, images, payloads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from commands import CommandFailed
from engines import Engines
from images import Images
from payloads import Payloads

if TYPE_CHECKING:
    from machine import Machine, Spec

CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Lab:
    """`base`: a directory for this process, removed by `close`."""

    def __init__(self, base: Path) -> None:
        self.here = CHECKOUT / "tests" / "lab"
        self.base = base
        self.collections = base / "collections"
        self.payloads = Payloads(self.collections, base / "ansible", base / "unpacked")
        self.engines = Engines(base / "engines")
        self._count = 0
        self._compiled: set[str] = set()
        self.more: Sequence[Path] = ()  # what machines are to see as well

    @classmethod
    def open(cls, base: Path) -> Lab:
        base.mkdir(mode=0o755, parents=True, exist_ok=True)
        lab = cls(base)
        namespace = lab.collections / "ansible_collections" / "daemonless"
        namespace.mkdir(parents=True)
        (namespace / "oci").symlink_to(CHECKOUT)
        (base / "ansible" / "tmp").mkdir(parents=True)
        (base / "serving").mkdir()
        return lab

    @cached_property
    def judge(self) -> Path:
        """The Debian 13 root, made on the first use ever."""
        done = subprocess.run([self.here / "judge"], check=True, stdout=subprocess.PIPE, text=True)
        return Path(done.stdout.strip())

    @cached_property
    def images(self) -> Images:
        """Archives, layouts and root trees of a few small images; see images.py."""
        return Images.make(self.base / "images")

    @property
    def binds(self) -> Sequence[Path]:
        """What a machine sees read-only at the same path as outside."""
        made = (self.images.directory, self.engines.directory, self.payloads.directory, self.base / "serving")
        return (CHECKOUT, self.collections, *made, *self.more)

    def machine(self, spec: Spec) -> Machine:
        from machine import Machine, pid_namespace

        if spec.os not in self._compiled:
            self._compiled.add(spec.os)
            self.payloads.compile(*(self._in_judge() if spec.os != "host" else ()))
        self._count += 1
        base = self.base / f"lab{os.getpid()}-{pid_namespace()}-{self._count}"
        base.mkdir()
        return Machine.start(spec, self, base)

    def _in_judge(self) -> Sequence[str]:
        """Words to run a command in the judge root with the unpacked payload at /mnt."""
        enter = 'mount --bind "$1" "$2/mnt"; root=$2; shift 2; exec chroot "$root" "$@"'
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", enter, "sh"]
        return [*words, str(self.payloads.directory), str(self.judge)]

    def playbook(
        self,
        machine: Machine,
        playbook: str | Path,
        options: Sequence[str],
        check: bool,
        env: Mapping[str, str],
    ) -> subprocess.CompletedProcess[str]:
        home = self.base / "ansible"
        target: str | Path = playbook
        if isinstance(playbook, str) and "\n" in playbook:
            target = machine.share / f"playbook-{self._count}.yml"
            target.write_text(playbook)
        inventory = machine.share / "inventory.ini"
        inventory.write_text(
            f"machine ansible_connection=machine ansible_host={machine.agent}"
            " ansible_python_interpreter=/usr/bin/python3\n"
        )
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CONNECTION_PLUGINS": str(self.here / "connection_plugins"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            **env,
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        argv = [str(program), "-i", str(inventory), str(target), *options]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=900)
        if check and done.returncode:
            raise CommandFailed(argv, done)
        return done

    def close(self) -> None:
        self.payloads.close()
        shutil.rmtree(self.base, ignore_errors=True)
