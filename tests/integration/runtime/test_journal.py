"""Logs in the journal: a real journald with a /run of its own, real conmon writing, real journalctl reading."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import libc
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import conmon, exits, logs

from .conftest import Box, forked, runtime_for

pytestmark = pytest.mark.integration

JOURNALD = "/lib/systemd/systemd-journald"


def _with_journal(base: Path) -> object:
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", "", libc.MS_REC | libc.MS_PRIVATE, "")
    libc.mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    os.makedirs("/run/systemd/journal")
    os.makedirs("/run/log/journal")
    if not os.path.exists("/etc/machine-id") or not Path("/etc/machine-id").read_text().strip():
        (base / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        libc.mount(str(base / "machine-id"), "/etc/machine-id", "", libc.MS_BIND, "")
    journald = subprocess.Popen([JOURNALD], stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists("/run/systemd/journal/socket"):
            time.sleep(0.01)
        time.sleep(0.3)
        return _scenario(base)
    finally:
        journald.terminate()
        journald.wait()


def _scenario(base: Path) -> object:
    box = Box(base / "box", runtime_for("runc", base))
    script = r"echo out; sleep 0.4; echo err >&2; sleep 0.4; printf '\377\n'; head -c 20000 /dev/zero; echo; "
    script += "sleep 0.5; printf last"
    web = box.make(["/bin/sh", "-c", script])
    web.request = web.request._replace(log=conmon.LogTarget("journald", tag="my tag"))
    web.create().start()
    source = logs.LogSource("journald", "web", web.cid)
    followed = list(
        logs.read(box.runner, source, logs.LogQuery(follow=True), lambda: exits.may_print(web.paths, web.init))
    )
    code = web.wait().code
    tail = list(logs.read(box.runner, source, logs.LogQuery(tail=2)))
    since = list(
        logs.read(box.runner, source, logs.LogQuery(since_ns=followed[1].time_ns, until_ns=followed[2].time_ns))
    )
    nobody = list(logs.read(box.runner, source._replace(cid="0" * 64), logs.LogQuery()))
    said = subprocess.run(["journalctl", "-t", "my tag", "-o", "cat"], capture_output=True, check=True).stdout
    box.close()
    return followed, code, tail, since, nobody, said


def test_the_journal_as_log(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if not os.path.exists(JOURNALD) or not shutil.which("journalctl") or not shutil.which("runc"):
        pytest.skip("needs journald, journalctl and runc")
    followed, code, tail, since, nobody, said = forked(lambda: _with_journal(tmp_path))  # type: ignore[misc]
    assert code == 0
    assert [(line.stream, line.data[:4], len(line.data)) for line in followed] == [
        ("stdout", b"out", 3),
        ("stderr", b"err", 3),
        ("stdout", b"\xff", 1),
        ("stdout", b"\0\0\0\0", 20000),
        ("stdout", b"last", 4),
    ]
    assert [line.complete for line in followed] == [True, True, True, True, False]
    assert tail[-1].data == b"last"
    assert {line.data for line in since} >= {followed[1].data, followed[2].data}
    assert followed[0].data not in {line.data for line in since} or followed[0].time_ns == followed[1].time_ns
    assert nobody == []
    assert said.startswith(b"out")
