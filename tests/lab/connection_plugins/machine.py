"""Reaches into a test machine through its agent; `ansible_host` is the agent's socket."""

from __future__ import annotations

DOCUMENTATION = """
name: machine
short_description: run commands in a test machine
description:
  - Runs commands through the agent of a test machine of this collection's own tests.
author: daemonless.oci
options:
  agent:
    description: Path of the agent's socket.
    type: path
    vars:
      - name: ansible_host
  remote_user:
    description: User in the machine.
    type: str
    default: root
    vars:
      - name: ansible_user
extends_documentation_fragment:
  - connection_pipelining
"""

import sys
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase

sys.path.append(str(Path(__file__).resolve().parent.parent))
import commands


class Connection(ConnectionBase):
    transport = "machine"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def _run(self, argv: list, given: bytes = b"") -> tuple:
        wish = commands.Wish(tuple(argv), self.get_option("remote_user"))
        try:
            done = commands.run(Path(self.get_option("agent")), wish, given, timeout=600)
        except AssertionError as error:
            raise AnsibleError(str(error)) from error
        except (FileNotFoundError, ConnectionError) as error:
            raise AnsibleConnectionFailure(f"no machine answers: {error}") from error
        return done.returncode, done.stdout.encode(), done.stderr.encode()

    def exec_command(self, cmd: str, in_data: bytes = None, sudoable: bool = True) -> tuple:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(["/bin/sh", "-c", cmd], in_data or b"")

    def put_file(self, in_path: str, out_path: str) -> None:
        code, _out, err = self._run(["/bin/sh", "-c", 'cat >"$0"', out_path], Path(in_path).read_bytes())
        if code:
            raise AnsibleError(f"put {out_path}: {err.decode()}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        code, out, err = self._run(["/bin/sh", "-c", 'base64 <"$0"', in_path])
        if code:
            raise AnsibleError(f"fetch {in_path}: {err.decode()}")
        import base64

        Path(out_path).write_bytes(base64.b64decode(out))

    def close(self) -> None:
        self._connected = False
