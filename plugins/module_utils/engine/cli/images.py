# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless images"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.clock import is_zero, parse
from ..base.errors import EngineError
from . import words
from .arguments import key_values
from .context import Usage
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..base.jsonval import Json
    from ..store.records import ImageRecord, LayerRecord
    from ..store.store import Store
    from .arguments import Parser
    from .context import Context

_COLUMNS = (
    ("REPOSITORY", "Repository"),
    ("TAG", "Tag"),
    ("IMAGE ID", "ID"),
    ("CREATED", "Created"),
    ("SIZE", "Size"),
)


def arguments(parser: Parser, name: str) -> None:
    parser.names("NAME")
    parser.flag("-a", "--all", help="also those without a name that others were built upon")
    parser.flag("--digests", help="show digests too")
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="dangling, label, reference, id")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.flag("--history", help="with the names that each has had")
    parser.flag("--no-trunc", help="ids in full")
    parser.flag("-n", "--noheading", help="no headings")
    parser.flag("-q", "--quiet", help="only ids")
    parser.add_argument("--sort", default="created", choices=("created", "id", "repository", "size", "tag"))


def run(context: Context, options: Namespace) -> int:
    store = context.session.store
    layers = {layer.id: layer for layer in store.layers()}
    images = _Images(store, layers, context)
    records = _choose(store, images, options)
    if not options.all and not all(record.names for record in records):
        from ..image.catalogue import Catalogue

        catalogue = Catalogue(store)
        records = [record for record in records if not catalogue.is_intermediate(record)]
    records.sort(key=images.created, reverse=True)
    if options.sort == "id":
        records.sort(key=lambda record: record.id)
    elif options.sort == "size":
        records.sort(key=images.size)
    now = time.time_ns()
    rows = [row for record in records for row in images.rows(record, now, options.no_trunc)]
    if options.sort in ("repository", "tag"):
        rows.sort(key=lambda row: str(row[options.sort.capitalize()]))
    columns = _COLUMNS if not options.digests else (*_COLUMNS[:2], ("DIGEST", "Digest"), *_COLUMNS[2:])
    columns = (*columns, ("HISTORY", "History")) if options.history else columns
    if options.quiet:
        seen = dict.fromkeys(str(row["ID"]) for row in rows)
        context.out("".join(f"{one}\n" for one in seen))
        return 0
    listing = Listing(columns, rows, lambda: [images.as_json(record) for record in records], "ID")
    context.out(render(listing, options.format, heading=not options.noheading))
    return 0


class _Images:
    """Facts about images that need the store."""

    def __init__(self, store: Store, layers: dict[str, LayerRecord], context: Context) -> None:
        self.store = store
        self.layers = layers
        self.context = context
        self._configs: dict[str, Json] = {}

    def config(self, record: ImageRecord) -> Json:
        if record.id not in self._configs:
            try:
                found = json.loads(self.store.image_config_bytes(record))
            except (EngineError, ValueError):
                found = {}
            self._configs[record.id] = found if isinstance(found, dict) else {}
        return self._configs[record.id]

    def created(self, record: ImageRecord) -> str:
        return jsonval.text(self.config(record), "created") or record.created

    def labels(self, record: ImageRecord) -> dict[str, str]:
        return jsonval.text_map(jsonval.table(self.config(record), "config"), "Labels")

    def size(self, record: ImageRecord) -> int:
        total, top = sum(record.big_data_sizes.values()), record.top_layer
        while top in self.layers:
            total += self.layers[top].diff_size
            top = self.layers[top].parent
        return total

    def rows(self, record: ImageRecord, now: int, full: bool) -> list[Row]:
        created = self.created(record)
        made = []
        for name in record.names or ("",):
            repository, tag = split_name(name)
            row = Row(
                ID=f"sha256:{record.id}" if full else record.id[:12],
                Id=record.id,
                Repository=repository,
                Tag=tag,
                Digest=record.digest or "<none>",
                Created=words.ago(created, now),
                CreatedAt=words.go_time(created),
                CreatedSince=words.ago(created, now),
                Size=words.size(self.size(record)),
                Labels=self.labels(record),
                Names=list(record.names),
                History=", ".join(record.names_history or record.names),
                ReadOnly=record.readonly,
            )
            row.source = lambda: self.as_json(record)
            made.append(row)
        return made

    def as_json(self, record: ImageRecord) -> Json:
        from ..image.inspect import repo_digests

        created, size = self.created(record), self.size(record)
        return {
            "Id": record.id,
            "ParentId": "",
            "RepoTags": None,
            "RepoDigests": repo_digests(record),
            "Size": size,
            "SharedSize": 0,
            "VirtualSize": size,
            "Labels": self.labels(record) or None,
            "Containers": sum(1 for user in self.store.containers() if user.image == record.id),
            "Digest": record.digest,
            "History": list(record.names_history or record.names),
            "Names": list(record.names),
            "Created": 0 if is_zero(created) else parse(created) // 1_000_000_000,
            "CreatedAt": created,
        }


def split_name(name: str) -> tuple[str, str]:
    """(repository, tag), `<none>` for what is missing."""
    bare = name.partition("@")[0]
    head, slash, tail = bare.rpartition("/")
    last, _colon, tag = tail.partition(":")
    return (head + slash + last) or "<none>", tag or "<none>"


def _choose(store: Store, images: _Images, options: Namespace) -> list[ImageRecord]:
    from .filters import label_matches

    records = store.images()
    if options.names:
        from ..image.lookup import find_record

        found = [find_record(images.context.session, name) for name in options.names]
        exact = {one[0].id for one in found if one is not None}
        records = [record for record in records if record.id in exact or _named(record, options.names)]
    for key, values in key_values(options.filter).items():
        if key == "label":
            records = [one for one in records if all(label_matches(images.labels(one), value) for value in values)]
        elif key == "dangling":
            records = [one for one in records if bool(one.names) != (values[-1].lower() == "true")]
        elif key == "id":
            records = [one for one in records if any(one.id.startswith(value) for value in values)]
        elif key == "reference":
            records = [one for one in records if _named(one, values)]
        else:
            raise Usage(f"{key} is an invalid filter")
    return records


def _named(record: ImageRecord, patterns: list[str]) -> bool:
    """Whether a name of the image, or its end, fits one of the patterns; the tag may be left out."""
    from fnmatch import fnmatchcase

    for name in record.names:
        repository, tag = split_name(name)
        for pattern in patterns:
            whole = f"{repository}:{tag}" if ":" in pattern.rpartition("/")[2] else repository
            if fnmatchcase(whole, pattern) or fnmatchcase(whole, f"*/{pattern}"):
                return True
    return False
