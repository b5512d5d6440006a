# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one layer, or one archive of images, may cost the host that unpacks it."""

from __future__ import annotations

from .errors import Corrupt
from .tuples import NamedTuple


class Limits(NamedTuple):
    """Members, bytes of the plain tar, and how many times its compressed size that may be.

    The ratio counts only beyond `free_bytes`: a disk image full of zeros is odd, not an attack.
    """

    members: int = 4_000_000
    bytes: int = 1 << 42
    ratio: int = 400
    free_bytes: int = 4 << 30

    def hint(self, key: str) -> str:
        """What to do about what is over a limit; `key` is the limit's name in containers.conf."""
        return f"If the image is to be trusted, raise {key} in the table [daemonless] of containers.conf"

    def hold(self, size: int, packed: int, what: str) -> None:
        """Raises Corrupt when `packed` bytes, as read so far, became too many."""
        if size > self.bytes:
            raise Corrupt(f"unpack {what}", f"more than {self.bytes} bytes", self.hint("max_layer_size"))
        if size > self.free_bytes and size > self.ratio * max(1, packed):
            raise Corrupt(
                f"unpack {what}",
                f"{size} bytes out of {packed}: more than {self.ratio} times its compressed size",
                self.hint("max_layer_ratio"),
            )


USUAL = Limits()
