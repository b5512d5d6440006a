# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for registries on this host: whose they are, where they are kept, and whether they work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..host.identity import Identity
    from ..host.process import Runner
    from ..registry.auth import Credentials
    from ..registry.logins import Key, Logins
    from ..registry.registries_conf import Registries
    from .options import PullOptions


class Host(NamedTuple):
    """Who asks, and the configuration of registries that counts for them."""

    identity: Identity
    runner: Runner
    registries: Registries

    @classmethod
    def here(cls) -> Host:
        from ..host.identity import who_am_i
        from ..host.process import LinuxRunner
        from ..registry import registries_conf

        identity = who_am_i()
        return cls(identity, LinuxRunner(), registries_conf.load(identity))

    def logins(self, explicit: str, compat: str) -> Logins:
        from ..registry import logins

        file = logins.auth_file(self.identity, os.environ, explicit, compat)
        return logins.Logins(file, self.runner, tuple(self.registries.helpers))

    def key(self, text: str) -> Key:
        """The registry, or the first that short names are looked for in.  Raises BadInput, NotFound."""
        from ..registry.logins import Key

        if not text and not self.registries.search:
            raise NotFound("find the registry", "none was named, and registries.conf has no registry to search in")
        return Key.parse(text or self.registries.search[0])

    def found(self, key: Key, explicit: str) -> Credentials:
        """What a pull would use, wherever it is stored."""
        from ..registry.auth import ANONYMOUS, Keyring

        if explicit and not os.path.exists(explicit):
            return ANONYMOUS
        keyring = Keyring(self.identity, self.runner, self.registries.helpers, explicit)
        return keyring.find(key.reference)

    def verify(self, key: Key, credentials: Credentials, options: PullOptions) -> None:
        """Log in there with them.  Raises Denied, and as reaching the registry fails."""
        from .remote import Remote

        bare = options._replace(username="", password="", auth_file="")
        Remote(self.identity, self.runner, bare).log_in(key.reference, credentials)
