"""Descriptors that a container gets from us, and those of ours that it must not get by accident."""

from __future__ import annotations

import os

from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import handed


def test_what_the_runtime_is_told() -> None:
    assert handed.options(()) == ()
    assert handed.options((3, 4)) == ("--preserve-fds", "2")
    assert handed.options((9,)) == ("--preserve-fds", "7")


def test_ours_lie_above_those_that_are_handed_on() -> None:
    read, write = os.pipe()
    try:
        assert handed.out_of_the_way(write, ()) == write
        moved = handed.out_of_the_way(write, (3, max(read, write) + 5))
        assert moved > max(read, write) + 5 and not os.get_inheritable(moved)
        os.write(moved, b"x")
        assert os.read(read, 1) == b"x"
        write = moved
        held = handed.copies([read, moved], (read,))
        assert held == [held[0], moved] and held[0] > read
        os.close(held[0])
        os.write(moved, b"y")
        assert os.read(read, 1) == b"y", "others' own stay open"
    finally:
        os.close(read)
        os.close(write)
