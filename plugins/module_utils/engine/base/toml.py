# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TOML 1.0 for hosts whose Python is older than 3.11 (containers.conf, storage.conf, registries.conf are TOML).

`loads` uses the standard library's tomllib where it exists; both raise BadInput and return the same values, which a
differential test holds them to.
"""

from __future__ import annotations

from .errors import BadInput


def loads(text: str, what: str = "TOML") -> dict[str, object]:
    """The document as nested dicts and lists. Raises BadInput, which names the line."""
    try:
        import tomllib  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return parse(text, what)
    try:
        return dict(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"read {what}", str(error)) from error


def parse(text: str, what: str = "TOML") -> dict[str, object]:
    """As `loads`, by our own parser; times and dates stay text."""
    from .toml_parser import parse as own

    return own(text, what)
