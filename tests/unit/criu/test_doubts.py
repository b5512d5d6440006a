"""What may go wrong when a checkpoint moves to another host."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.criu.doubts import Host, doubts
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.cpu import sets_in

HERE = Host("6.12.43+deb13-amd64", "4.1.1", ("avx", "sse"))


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ({}, []),
        ({"kernel": "6.12.9", "criu": "4.1", "cpu": ["sse"]}, []),
        ({"kernel": "5.10.0", "criu": "3.17.1", "cpu": []}, []),
        ({"kernel": "6.13.0"}, ["the kernel here is 6.12.43+deb13-amd64, older than the 6.13.0"]),
        ({"criu": "4.2"}, ["CRIU here is 4.1.1, older than the 4.2"]),
        ({"cpu": ["avx", "avx512f", "sha_ni"]}, ["the processors here lack avx512f, sha_ni, which"]),
        ({"kernel": 6, "criu": "git", "cpu": "x"}, []),
    ],
)
def test_doubts(notes: dict[str, object], words: list[str]) -> None:
    found = doubts(notes, HERE)
    assert len(found) == len(words)
    assert all(found[at].startswith(words[at]) for at in range(len(words))), found


def test_a_host_that_does_not_tell_is_not_doubted() -> None:
    assert doubts({"cpu": ["avx"], "criu": "4.1", "kernel": "6.1"}, Host("6.1", "", ())) == []


def test_instruction_sets() -> None:
    """Of all processors together, and without what is the kernel's own business."""
    one, other = "flags : fpu sse avx tsc constant_tsc tsc_adjust pti", "flags : fpu sse tsc pti"
    assert sets_in(f"processor : 0\n{one}\nprocessor : 1\n{other}\n") == ("fpu", "sse", "tsc")
    assert sets_in("Features : fp asimd\nCPU part : 0xd0c\n") == ("asimd", "fp")
    assert sets_in("") == ()
