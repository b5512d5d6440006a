"""What the runtimes say, word for word by version, and what we make of it."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    Conflict,
    EngineError,
    HostLacks,
    NotFound,
    ToolFailed,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import errors
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.program import Runtime

CRUN, RUNC = Runtime("crun", "/usr/bin/crun"), Runtime("runc", "/usr/bin/runc")

SAID: tuple[tuple[Runtime, str, type[EngineError], str], ...] = (
    (
        CRUN,
        '{"msg":"executable file `/no/such` not found in $PATH: No such file or directory","level":"error","time":"x"}',
        errors.CommandNotFound,
        "the container has no program /no/such",
    ),
    (
        CRUN,
        "2026-11-23T18:34:55.436760Z: executable file `nosuch` not found: No such file or directory",
        errors.CommandNotFound,
        "the container has no program nosuch",
    ),
    (
        RUNC,
        '{"level":"error","msg":"runc create failed: unable to start container process: exec: \\"/no/such\\": '
        'stat /no/such: no such file or directory","time":"2026-11-23T18:34:55Z"}',
        errors.CommandNotFound,
        "the container has no program /no/such",
    ),
    (
        RUNC,
        'time="2026-11-23T18:34:55Z" level=error msg="runc create failed: unable to start container process: exec: '
        '\\"nosuch\\": executable file not found in $PATH"\nrunc create failed: the same again',
        errors.CommandNotFound,
        "the container has no program nosuch",
    ),
    (
        RUNC,
        'exec failed: unable to start container process: exec: "/etc": permission denied',
        errors.CommandNotExecutable,
        "the program /etc may not be executed",
    ),
    (
        RUNC,
        'exec failed: unable to start container process: exec: "/bin": is a directory',
        errors.CommandNotExecutable,
        "the program /bin may not be executed",
    ),
    (CRUN, "open executable: Operation not permitted", errors.CommandNotExecutable, "the program may not be executed"),
    (
        CRUN,
        "cgroups in hybrid mode not supported, drop all controllers from cgroupv2",
        HostLacks,
        "it does not work with the hybrid cgroups of this host",
    ),
    (
        CRUN,
        "setrlimit `RLIMIT_NOFILE`: Operation not permitted",
        HostLacks,
        "the ulimit NOFILE is above the hard limit of this host",
    ),
    (
        RUNC,
        "unable to start container process: error during container init: error setting rlimits for process: error "
        "setting rlimit type 7: operation not permitted",
        HostLacks,
        "the ulimit 7 is above the hard limit of this host",
    ),
    (
        CRUN,
        "the requested cgroup controller `hugetlb` is not available",
        HostLacks,
        "the cgroup controller hugetlb is not available here",
    ),
    (
        RUNC,
        'error during container init: error mounting "/no/such" to rootfs at "/mnt": stat /no/such: '
        "no such file or directory",
        NotFound,
        "the mount source /no/such does not exist",
    ),
    (
        CRUN,
        "error stat'ing file `/no/such`: No such file or directory",
        NotFound,
        "the mount source /no/such does not exist",
    ),
    (CRUN, "cannot stat `/no/such`: No such file or directory", NotFound, "the mount source /no/such does not exist"),
    (
        RUNC,
        'exec failed: chdir to cwd ("/gone") set in config.json failed: no such file or directory',
        NotFound,
        "the working directory /gone cannot be entered",
    ),
    (CRUN, "container `" + "a" * 64 + "` already exists", Conflict, "the runtime already has a container of this id"),
    (RUNC, "container with given ID already exists", Conflict, "the runtime already has a container of this id"),
    (RUNC, "container with id exists: abc", Conflict, "the runtime already has a container of this id"),
    (RUNC, "container does not exist", NotFound, "the runtime does not know the container"),
    (
        CRUN,
        "error opening file `/run/crun/" + "a" * 64 + "/status`: No such file or directory",
        NotFound,
        "the runtime does not know the container",
    ),
    (
        CRUN,
        "cannot open directory '/run/crun/" + "a" * 64 + "': No such file or directory",
        NotFound,
        "the runtime does not know the container",
    ),
    (
        CRUN,
        "cannot open directory `/run/crun/" + "a" * 64 + "`: No such file or directory",
        NotFound,
        "the runtime does not know the container",
    ),
    (
        CRUN,
        "the path `/etc` is not a regular file: Operation not permitted",
        errors.CommandNotExecutable,
        "the program /etc may not be executed",
    ),
    (RUNC, "exec failed: cannot exec in a stopped container", errors.NotRunning, "it is not running"),
    (CRUN, "the container `" + "a" * 64 + "` is not running", errors.NotRunning, "it is not running"),
    (
        CRUN,
        "create keyring `9f23`: Disk quota exceeded",
        HostLacks,
        "the user has as many keyrings as the kernel allows, one for each container",
    ),
    (
        RUNC,
        "runc create failed: unable to join session keyring: unable to create session key: disk quota exceeded",
        HostLacks,
        "the user has as many keyrings as the kernel allows, one for each container",
    ),
    (CRUN, "mkdir `/run/crun/x`: No space left on device", HostLacks, "no space is left on the device"),
    (RUNC, "something that nobody has seen before", ToolFailed, "runc: something that nobody has seen before"),
    (RUNC, "", ToolFailed, "runc: exit code 1"),
)


@pytest.mark.parametrize(("runtime", "text", "kind", "cause"), SAID, ids=[text[:50] for _r, text, _k, _c in SAID])
def test_each_sentence(runtime: Runtime, text: str, kind: type[EngineError], cause: str) -> None:
    found = errors.failure("start container web", runtime, 1, text)
    assert found.__class__ is kind
    assert found.cause == cause
    assert str(found).startswith(f"start container web: {cause}")


def test_warnings_do_not_hide_the_error() -> None:
    text = (
        'time="x" level=warning msg="unable to get oom kill count"\n'
        'time="x" level=error msg="runc create failed: boom"\nrunc create failed: boom\n'
    )
    assert errors.messages(text) == ("runc create failed: boom",)


def test_only_warnings_are_better_than_nothing() -> None:
    assert errors.messages('time="x" level=warning msg="odd"\nplain words') == ("odd", "plain words")


@pytest.mark.parametrize("text", ["{", '{"msg": 1}', "[]", "\n\n", '{"level": "error"}', "level=error msg="])
def test_garbage_is_passed_on_or_dropped_but_never_fatal(text: str) -> None:
    assert isinstance(errors.failure("deed", CRUN, 1, text), EngineError)


def test_endless_words_are_cut() -> None:
    assert len(str(errors.failure("deed", CRUN, 1, "x" * 1_000_000))) < 5000


def test_braces_in_a_message_are_harmless() -> None:
    assert "{0.__class__}" in str(errors.failure("deed", CRUN, 1, "unknown capability {0.__class__}"))
