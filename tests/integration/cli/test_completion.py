"""Completion in a real bash, of words that the command itself finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
INSTALLED = {None: "/usr/local/share", USER: f"/home/{USER}/.local/share"}
COMMAND = {None: "daemonless", USER: f"/home/{USER}/.local/bin/daemonless"}


@pytest.fixture(scope="module", params=[None, USER], ids=["root", "user"])
def host(lab: object, request: pytest.FixtureRequest) -> Iterator[tuple[Machine, str | None]]:
    from machine import Spec

    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.task("image", {"name": IMAGE}, user=request.param)
        made.task("network", {"name": "shop"}, user=request.param)
        made.task("container", {"name": "web", "image": IMAGE, "state": "created"}, user=request.param)
        yield made, request.param
    finally:
        made.close()


CASES = [
    ("pul", ["pull"]),
    ("image pr", ["prune"]),
    ("manifest rem", ["remove"]),
    ("pull --tls", ["--tls-verify"]),
    ("ps --no-t", ["--no-trunc"]),
    ("rm w", ["web"]),
    ("container inspect w", ["web"]),
    ("rmi busy", ["busybox:latest"]),
    # Bash replaces what follows the last colon, and nothing else.
    ("rmi 127.0.0.1:50", ["5000/busybox:latest"]),
    ("run --network sh", ["shop"]),
    ("run --pull mis", ["missing"]),
    ("network inspect sh", ["shop"]),
    ("frob x", []),
    ("rm 'no", []),
]


@pytest.mark.parametrize(("line", "wanted"), CASES, ids=[line for line, _wanted in CASES])
def test_what_a_word_may_become(host: tuple[Machine, str | None], line: str, wanted: list[str]) -> None:
    machine, user = host
    whole = f"{COMMAND[user]} {line}"
    script = (
        f". {INSTALLED[user]}/bash-completion/completions/daemonless\n"
        'COMP_LINE=$1 COMP_POINT=${#1}; _daemonless "${1%% *}"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    found = machine.run(["bash", "-c", script, "bash", whole], user=user).stdout.split()
    assert found == wanted


def test_the_key_on_a_terminal(host: tuple[Machine, str | None]) -> None:
    """The tabulator, in an interactive bash on a pseudo terminal."""
    machine, user = host
    typist = f"""
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ["PS1"] = "> "
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
os.write(fd, b". {INSTALLED[user]}/bash-completion/completions/daemonless; shopt -u progcomp_alias\\n")
os.write(fd, b"echo={COMMAND[user]}\\n")
time.sleep(0.5)
os.write(fd, b"{COMMAND[user]} inspect -f '{{{{.Name}}}}' we\\t\\n")
time.sleep(3)
os.write(fd, b"exit\\n")
seen = b""
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
sys.stdout.write(seen.decode(errors="replace"))
"""
    seen = machine.run(["python3", "-c", typist], user=user).stdout
    assert "\nweb" in seen.replace("\r", ""), seen


def test_the_script_is_printed_too(host: tuple[Machine, str | None]) -> None:
    machine, user = host
    printed = machine.run([COMMAND[user], "completion", "bash"], user=user).stdout
    assert printed == machine.read(f"{INSTALLED[user]}/bash-completion/completions/daemonless")
