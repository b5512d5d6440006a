"""Module payloads, built by Ansible's own code in one process that stays: the second of a kind takes milliseconds.

A process of its own, because Ansible's collection loader and the tests' way of importing the collection would both
want to be `ansible_collections`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

COLLECTION = "daemonless.oci"
MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"


class Payloads:
    def __init__(self, collections: Path, home: Path) -> None:
        self._collections = collections
        self._home = home
        self._server: subprocess.Popen[str] | None = None
        self._made: dict[str, bytes] = {}

    def build(self, module: str, args: Mapping[str, object], *, check: bool, diff: bool) -> bytes:
        """The bytes that Ansible would feed to the host's Python. `module` without a dot is one of this collection."""
        name = module if "." in module else f"{COLLECTION}.{module}"
        key = json.dumps([name, dict(args), check, diff], sort_keys=True)
        if key not in self._made:
            self._made[key] = self._build(name, args, check, diff)
        return self._made[key]

    def thin(self, module: str, args: Mapping[str, object], *, check: bool, diff: bool) -> bytes:
        """What the action plugin sends first: the task for the engine that is on the host, without the engine."""
        order = {"noun": module.rpartition(".")[2], "digest": self._digest}
        return self.build("task", {**args, self._installed.ORDER: order}, check=check, diff=diff)

    def says_absent(self, result: Mapping[str, object]) -> bool:
        """Whether this is the answer to `thin` of a host that has no engine of this version."""
        return bool(result.get(self._installed.ABSENT))

    @cached_property
    def _installed(self) -> ModuleType:
        spec = spec_from_file_location("installed", MODULE_UTILS / "installed.py")
        assert spec and spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @cached_property
    def _digest(self) -> str:
        return str(self._installed.digest_of(self._installed.listing_of_directory(str(MODULE_UTILS / "engine"))))

    def _build(self, name: str, args: Mapping[str, object], check: bool, diff: bool) -> bytes:
        server = self._running()
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps({"module": name, "args": dict(args), "check": check, "diff": diff}) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        if not answer.startswith("{"):
            raise AssertionError(f"no payload for {name}: {answer}{server.stdout.read()}")
        reply = json.loads(answer)
        if "error" in reply:
            raise AssertionError(f"no payload for {name}: {reply['error']}")
        path = Path(reply["path"])
        payload = path.read_bytes()
        path.unlink()
        return payload

    def _running(self) -> subprocess.Popen[str]:
        if self._server is None or self._server.poll() is not None:
            environment = {
                **os.environ,
                "ANSIBLE_HOME": str(self._home),
                "ANSIBLE_LOCAL_TEMP": str(self._home / "tmp"),
                "ANSIBLE_COLLECTIONS_PATH": str(self._collections),
            }
            self._server = subprocess.Popen(
                [sys.executable, __file__],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        return self._server

    def close(self) -> None:
        if self._server is not None and self._server.stdin:
            self._server.stdin.close()
            self._server.wait(10)


def serve() -> None:
    from ansible import constants
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader, module_loader
    from ansible.release import __version__
    from ansible.template import Templar

    init_plugin_loader()
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        found = module_loader.find_plugin_with_context(request["module"])
        if not found.resolved:
            print(json.dumps({"error": f"no such module: {found.exit_reason}"}), flush=True)
            continue
        variables = {"ansible_python_interpreter": "/usr/bin/python3"}
        args = {
            **request["args"],
            "_ansible_check_mode": request["check"],
            "_ansible_diff": request["diff"],
            "_ansible_no_log": False,
            "_ansible_debug": False,
            "_ansible_verbosity": 0,
            "_ansible_version": __version__,
            "_ansible_module_name": request["module"],
            "_ansible_shell_executable": "/bin/sh",
            "_ansible_remote_tmp": "~/.ansible/tmp",
            "_ansible_tmpdir": None,
            "_ansible_target_log_info": None,
        }
        try:
            built = modify_module(
                module_name=request["module"],
                module_path=found.plugin_resolved_path,
                module_args=args,
                templar=Templar(DataLoader(), variables=variables),
                task_vars=variables,
                module_compression=constants.DEFAULT_MODULE_COMPRESSION,
            )
        except Exception as error:  # reported to the test that asked
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
            continue
        path = Path(constants.DEFAULT_LOCAL_TMP) / f"payload-{number}"
        path.write_bytes(built.b_module_data)
        print(json.dumps({"path": str(path)}), flush=True)


if __name__ == "__main__":
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    serve()
