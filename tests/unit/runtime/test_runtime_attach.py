"""What a monitor had said before it went is heard, also when it went without reading what it was told."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import attach


def _said_and_gone(packets: list[bytes], fed: bytes) -> list[tuple[str, bytes]]:
    heard: list[tuple[str, bytes]] = []
    ours, monitor = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for packet in packets:
        monitor.send(packet)
    ours.send(b"not read by anybody")  # which makes the kernel tell us of a reset before it gives us the packets
    monitor.close()
    with attach.Attached(ours, "web") as attached:
        assert attached.stream(lambda stream, data: heard.append((stream, data)), attach.Input(fed), 60)
    return heard


@pytest.mark.parametrize("fed", [b"", b"x" * 100_000])
@pytest.mark.parametrize(
    ("packets", "heard"),
    [
        ([], []),
        ([b"\x02done\n"], [("stdout", b"done\n")]),
        ([b"\x02a", b"\x03b", b"\x02c"], [("stdout", b"a"), ("stderr", b"b"), ("stdout", b"c")]),
    ],
)
def test_a_reset_loses_nothing(packets: list[bytes], heard: list[tuple[str, bytes]], fed: bytes) -> None:
    assert _said_and_gone(packets, fed) == heard
