# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deeds in threads of their own: to be beside something that waits, or because namespaces are a thread's own affair."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def meanwhile(deed: Callable[[], Result]) -> Callable[[], Result]:
    """Begin the deed. What is returned waits for its end, and returns or raises what it did, as often as it is called.

    It has to be called on every way out, or something would go on that nobody knows of.
    """
    import threading  # a millisecond, and most tasks need none

    results: list[Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(deed())
        except BaseException as error:  # raised again by who waits
            failures.append(error)

    def wait() -> Result:
        thread.join()
        if failures:
            raise failures[0]
        return results[0]

    thread = threading.Thread(target=run)
    thread.start()
    return wait


def in_thread(deed: Callable[[], Result]) -> Result:
    """Its result, from a thread that takes with it what it did to its namespaces (unshare(2), setns(2)) and its working
    directory."""
    return meanwhile(deed)()
