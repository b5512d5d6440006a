# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry has under a wanted name: asked once, kept for the pull, so that what was foretold is what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Damaged
from ..libpod.events import Event
from . import pull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.digest import Digest
    from ..registry.docker import RegistrySource
    from ..session.session import Session
    from ..spec.reference import Reference
    from .options import PullOptions
    from .remote import Remote
    from .transfer import Chosen
    from .view import ImageView


class Incoming:
    """The image of a name at its registry; nobody is asked before the first question.  close() it."""

    def __init__(self, session: Session, text: str, options: PullOptions) -> None:
        self._session = session
        self._text = text
        self._options = options
        self._remote: Remote | None = None
        self._found: tuple[Reference, RegistrySource, Chosen] | None = None

    def head(self) -> tuple[Reference, Digest]:
        """The name that a pull would take and the digest under it, by one HEAD request.  Raises as pull() does."""
        remote = self._reach()
        return pull.head_of(remote, pull.names_to_pull(self._session, remote, self._text, self._options), self._text)

    def confirm(self, name: Reference, image: ImageView, policy: str) -> None:
        """Hold the image that is here against policy.json anew.  Raises Denied, HostLacks, and as pull() does."""
        pull.confirm(self._session, self._reach(), name, image, policy)

    def open(self) -> tuple[Reference, Chosen]:
        """The name and the image's documents; no layer is fetched.  Raises as pull() does."""
        if self._found is None:
            remote = self._reach()
            names = pull.names_to_pull(self._session, remote, self._text, self._options)
            self._found = pull.choose(remote, names, self._text, self._options)
        return self._found[0], self._found[2]

    def store(self) -> ImageView:
        """Fetch what the store lacks of the opened image, and name it."""
        from . import transfer

        if self._found is None:
            raise Damaged(f"pull {self._text}", "it was not looked at before")
        name, source, chosen = self._found
        identity = transfer.take(self._session.store, source, chosen, (str(name),))
        self._session.emit(Event("image", "pull", id=identity, name=self._text))
        return pull.by_id(self._session, identity, str(name))

    def foretold(self, names: Sequence[str]) -> dict[str, object]:
        """What inspect will tell of the opened image once it is here."""
        from .foretold import foretold

        return foretold(self.open()[1], names)

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def _reach(self) -> Remote:
        if self._remote is None:
            self._remote = pull.reach(self._session, self._options)
        return self._remote
