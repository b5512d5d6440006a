"""The command line that conmon gets."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import conmon
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.program import Runtime

CID = "c" * 64
RUNTIME = Runtime("crun", "/usr/bin/crun")
MONITOR = conmon.Monitor("/usr/bin/conmon", "/tmp/exits", "/tmp/persist")
REQUEST = conmon.CreateRequest(CID, "web", "/static", "/run/web", conmon.LogTarget("k8s-file", "/static/ctr.log"))
PLAIN = (
    f"/usr/bin/conmon --api-version 1 -c {CID} -u {CID} -r /usr/bin/crun -b /static -p /run/web/pidfile -n web "
    f"--exit-dir /tmp/exits --persist-dir /tmp/persist/{CID} --full-attach -l k8s-file:/static/ctr.log "
    "--log-level warning --syslog --runtime-arg --log-format=json --runtime-arg --log "
    "--runtime-arg /run/web/oci-log --conmon-pidfile /run/web/conmon.pid"
)


def _line(request: conmon.CreateRequest, monitor: conmon.Monitor = MONITOR, runtime: Runtime = RUNTIME) -> str:
    return " ".join(conmon.command(runtime, monitor, request))


def test_the_plain_container() -> None:
    assert _line(REQUEST) == PLAIN


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"terminal": True}, " -t "),
        ({"terminal": True, "stdin": True}, " -t "),
        ({"stdin": True}, " -i "),
        ({"timeout": 9}, " --timeout=9 "),
        ({"no_pivot": True}, " --no-pivot "),
        ({"no_new_keyring": True}, " --no-new-keyring "),
        ({"sdnotify_socket": "/s"}, " --sdnotify-socket=/s "),
        ({"log": conmon.LogTarget("journald", tag="t x")}, " -l journald "),
        ({"log": conmon.LogTarget("journald", tag="t x")}, " --log-tag t x "),
        ({"log": conmon.LogTarget("none")}, " -l none "),
        ({"log": conmon.LogTarget("json-file", "/p")}, " -l k8s-file:/p "),
        ({"log": conmon.LogTarget("k8s-file", "/p", 1024)}, " --log-size-max 1024 "),
    ],
)
def test_what_each_wish_adds(change: dict[str, object], expected: str) -> None:
    line = _line(REQUEST._replace(**change))  # type: ignore[arg-type]
    assert expected in line + " "
    assert not (" -t " in line and " -i " in line)


def test_the_exit_command_keeps_its_words_apart() -> None:
    argv = conmon.command(RUNTIME, MONITOR, REQUEST._replace(exit_command=("/bin/d", "container", "clean up", CID)))
    assert argv[-8:] == (
        "--exit-command",
        "/bin/d",
        "--exit-command-arg",
        "container",
        "--exit-command-arg",
        "clean up",
        "--exit-command-arg",
        CID,
    )


def test_systemd_and_arguments_of_the_runtime() -> None:
    line = _line(REQUEST, MONITOR._replace(systemd_cgroup=True), RUNTIME._replace(args=("--root=/r",)))
    assert " --full-attach -s -l " in line
    assert " --runtime-arg --root=/r --runtime-arg --log-format=json " in line


def test_restoring() -> None:
    line = _line(REQUEST._replace(restore_from="/ckpt", runtime_options=("--tcp-established",)))
    assert "--runtime-opt --tcp-established" in line and "--restore /ckpt" in line


def test_a_real_conmon_knows_every_option() -> None:
    path = shutil.which("conmon")
    if path is None:
        pytest.skip("conmon is not installed")
    known = subprocess.run([path, "--help"], capture_output=True, text=True, check=True).stdout
    request = REQUEST._replace(
        stdin=True,
        timeout=1,
        no_pivot=True,
        no_new_keyring=True,
        sdnotify_socket="/s",
        exit_command=("/x", "y"),
        runtime_options=("z",),
        restore_from="/r",
        log=conmon.LogTarget("k8s-file", "/p", 1, "t"),
    )
    for word in conmon.command(RUNTIME, MONITOR, request):
        if word.startswith("--") and not word.startswith(("--log-format", "--log\0")) and word != "--log":
            assert word.split("=")[0] in known, word
