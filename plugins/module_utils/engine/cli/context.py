# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every command needs: the session, and where to write."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..container.model import Container
    from ..session.session import Session


class Usage(EngineError):
    """The command line cannot be meant so."""

    def __init__(self, text: str, code: int = 125) -> None:
        super().__init__("read the command line", text)
        self.code = code

    def __str__(self) -> str:
        return self.cause


class Context:
    """The session, opened at the first need, and the two streams."""

    def __init__(self) -> None:
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            from ..session.session import Session

            self._session = Session.open(command=own_path())
        return self._session

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            for text in session.warnings:
                sys.stderr.write(f"Warning: {text}\n")
            session.close()

    def out(self, text: str) -> None:
        sys.stdout.write(text)

    def error(self, text: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(f"Error: {text}\n")

    def container(self, name: str) -> Container:
        from ..container.lookup import find

        return find(self.session, name, "find container")

    def chosen(self, names: Sequence[str], *, latest: bool = False, every: bool = False) -> list[str]:
        """Names or ids that a command is to work on. Raises Usage for none, or for two ways of choosing at once."""
        if (latest or every) and names:
            raise Usage("--latest and --all take no container names")
        if every:
            from ..container.lookup import all_containers

            return [container.id for container in all_containers(self.session)]
        if latest:
            from ..container.lookup import latest as newest

            return [newest(self.session).id]
        if not names:
            raise Usage("you must provide at least one name or id")
        return list(names)

    def each(self, names: Sequence[str], deed: Callable[[str], None], missing: int = 125) -> int:
        """Do `deed` for each name and go on after a failure; the exit code of the last one, `missing` for NotFound."""
        code = 0
        for name in names:
            try:
                deed(name)
            except NotFound as error:
                self.error(str(error))
                code = missing
            except EngineError as error:
                self.error(str(error))
                code = 125
        return code


def own_path() -> str | None:
    """The installed command that we run from; None in a source tree."""
    home = __file__
    for _level in range(4):  # <home>/daemonless_oci/engine/cli/context.py
        home = os.path.dirname(home)
    path = os.path.join(home, "daemonless")
    return path if os.path.isfile(path) else None
