# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NaCl's secretbox: XSalsa20 with Poly1305, in which private keys of sigstore are kept.

A few hundred bytes at a time, so plain Python does.  Bernstein: "Extending the Salsa20 nonce", "The Poly1305-AES
message-authentication code"; the boxes are those of libsodium's crypto_secretbox.
"""

from __future__ import annotations

import hmac
import struct

KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 24, 16
_MASK = 0xFFFFFFFF
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
#: Columns, then rows: which words a quarter round mixes.
_ROUNDS = (
    *((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)),
    *((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)),
)
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def seal(message: bytes, nonce: bytes, key: bytes) -> bytes:
    first, stream = _streams(nonce, key, len(message))
    body = bytes(one ^ other for one, other in zip(message, stream))
    return _tag(body, first) + body


def open_box(box: bytes, nonce: bytes, key: bytes) -> bytes | None:
    """The message; None when the key is another one or the box was changed."""
    if len(box) < TAG_BYTES or len(nonce) != NONCE_BYTES or len(key) != KEY_BYTES:
        return None
    tag, body = box[:TAG_BYTES], box[TAG_BYTES:]
    first, stream = _streams(nonce, key, len(body))
    if not hmac.compare_digest(tag, _tag(body, first)):
        return None
    return bytes(one ^ other for one, other in zip(body, stream))


def _streams(nonce: bytes, key: bytes, length: int) -> tuple[bytes, bytes]:
    """The one-time key of the tag, which is the stream's beginning, and the stream after it."""
    words = _rounds(_state(key, struct.unpack("<4I", nonce[:16])))
    inner = struct.pack("<8I", *(words[index] for index in (0, 5, 10, 15, 6, 7, 8, 9)))
    stream = b""
    counter = 0
    while len(stream) < 32 + length:
        state = _state(inner, (*struct.unpack("<2I", nonce[16:]), counter & _MASK, counter >> 32))
        mixed = _rounds(state)
        stream += struct.pack("<16I", *((one + other) & _MASK for one, other in zip(state, mixed)))
        counter += 1
    return stream[:32], stream[32 : 32 + length]


def _state(key: bytes, middle: tuple[int, ...]) -> list[int]:
    half = struct.unpack("<8I", key)
    return [_SIGMA[0], *half[:4], _SIGMA[1], *middle, _SIGMA[2], *half[4:], _SIGMA[3]]


def _rounds(state: list[int]) -> list[int]:
    words = list(state)
    for _number in range(10):
        for first, second, third, fourth in _ROUNDS:
            words[second] ^= _turn(words[first] + words[fourth], 7)
            words[third] ^= _turn(words[second] + words[first], 9)
            words[fourth] ^= _turn(words[third] + words[second], 13)
            words[first] ^= _turn(words[fourth] + words[third], 18)
    return words


def _turn(word: int, bits: int) -> int:
    word &= _MASK
    return (word << bits | word >> 32 - bits) & _MASK


def _tag(body: bytes, key: bytes) -> bytes:
    factor = int.from_bytes(key[:16], "little") & _CLAMP
    total = 0
    for at in range(0, len(body), 16):
        total = (total + int.from_bytes(body[at : at + 16] + b"\x01", "little")) * factor % _PRIME
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")
