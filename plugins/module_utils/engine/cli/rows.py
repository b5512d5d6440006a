# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables on a terminal, and the three ways of --format: table, json, template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    _Fields = dict[str, object]
else:
    _Fields = dict


class Row(_Fields):
    """One line of a listing: the fields that templates can name. `{{json .}}` prints `source()` where there is one."""

    source: Callable[[], object] | None = None


class Listing:
    """What a listing command prints.

    `columns` are (heading, field) of the default table; `rows` have the fields that templates can name; `objects` is
    what --format json prints; `quiet` the field that -q prints.
    """

    __slots__ = ("columns", "objects", "quiet", "rows")

    def __init__(
        self,
        columns: Sequence[tuple[str, str]],
        rows: Sequence[Row],
        objects: Callable[[], object],
        quiet: str,
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.objects = objects
        self.quiet = quiet


def render(listing: Listing, how: str, *, quiet: bool = False, heading: bool = True) -> str:
    """The text of a listing. Raises BadInput for a template that cannot be read."""
    if quiet:
        return "".join(f"{row[listing.quiet]}\n" for row in listing.rows)
    if how == "json":
        return pretty(listing.objects()) + "\n"
    if not how or how == "table":
        return table([name for name, _field in listing.columns] if heading else [], _cells(listing))
    return _templated(listing, how, heading)


def _cells(listing: Listing) -> list[list[str]]:
    from .gotext import go_text

    return [[go_text(row[field]) for _name, field in listing.columns] for row in listing.rows]


def _templated(listing: Listing, how: str, heading: bool) -> str:
    from .gotemplate import Template

    headed = how.startswith("table ")
    text = how[len("table ") :].strip() if headed else how
    text = text.replace("\\t", "\t").replace("\\n", "\n")
    if text.startswith("{{range ."):
        return Template(text).execute(list(listing.rows))
    if not headed:
        template = Template(text)
        lines = [template.execute(row) for row in listing.rows]
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)
    cells = [Template(part) for part in _cells_of(text)]
    titles = [_title(listing, part) for part in _cells_of(text)] if heading else []
    return table(titles, [[cell.execute(row) for cell in cells] for row in listing.rows])


def _cells_of(text: str) -> list[str]:
    """The cells of a `table` template: parted by tabs, or by the blank between two actions."""
    import re

    return re.split(r"\t|(?<=\}\}) +(?=\{\{)", text)


def _title(listing: Listing, cell: str) -> str:
    """The heading of one cell: the column's own, else the field in capitals; of a field inside another, its own."""
    import re

    known = {field: name for name, field in listing.columns}
    return " ".join(known.get(name, name.upper()) for name in re.findall(r"(?:\.\w+)*\.(\w+)", cell))


def table(titles: list[str], cells: list[list[str]]) -> str:
    """Columns two blanks apart and twelve wide at least, as podman's."""
    lines = ([titles] if titles else []) + cells
    if not lines:
        return ""
    count = max(len(line) for line in lines)
    widths = [max(max((len(line[at]) for line in lines if at < len(line)), default=0) + 2, 12) for at in range(count)]
    return "".join("".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() + "\n" for line in lines)


def pretty(value: object, indent: int = 2) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)
