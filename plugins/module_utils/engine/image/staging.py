# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers on their way from a source into staging, several at a time.

Unpacking is Python that holds the interpreter lock, so several layers want several processes; one layer alone is staged
right here.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from ..host.workers import Pool
from ..store.staging import Wanted

if TYPE_CHECKING:
    from ..base.streams import Reader
    from ..registry.source import ImageSource
    from ..store.overlay import Staging
    from ..store.staging import StagedLayer
    from ..store.store import Store
    from .transfer import Chosen

#: More connections than this to one registry are rude, and no disk is faster for it.
_MOST_WORKERS = 6


def stage_all(store: Store, source: ImageSource, chosen: Chosen, numbers: list[int]) -> dict[int, StagedLayer]:
    """Stage the layers of these numbers, base = 0.  On failure nothing is left in staging."""
    if not numbers:
        return {}
    store.sweep_staging()
    twins = _twins(store, chosen, numbers)
    places = {number: store.new_staging() for number in numbers}
    try:
        if len(numbers) == 1:
            staged = {number: _stage(store, source, chosen, number, places, twins) for number in numbers}
        else:
            staged = _stage_in_workers(store, source, chosen, places, twins)
    except BaseException:
        for place in places.values():
            place.discard()
        raise
    for place in places.values():
        store.home.remember(place)  # the locks stay with us until the layers are committed
    return staged


def _stage_in_workers(
    store: Store, source: ImageSource, chosen: Chosen, places: dict[int, Staging], twins: dict[int, str]
) -> dict[int, StagedLayer]:
    own = source

    def begin() -> None:
        nonlocal own
        own = source.fork()

    def work(number: int) -> StagedLayer:
        return _stage(store, own, chosen, number, places, twins)

    count = min(len(places), _MOST_WORKERS, max(2, len(os.sched_getaffinity(0))))
    pool: Pool[StagedLayer] = Pool(count, work, begin)
    try:
        # The longest first, so that the others fill the time that it takes.
        order = sorted(places, key=lambda number: -chosen.manifest.layers[number].size)
        staged = pool.run(order)
    except BaseException:
        pool.kill()
        raise
    pool.close()
    return staged


def _stage(
    store: Store, source: ImageSource, chosen: Chosen, number: int, places: dict[int, Staging], twins: dict[int, str]
) -> StagedLayer:
    diff_id = chosen.config.diff_ids[number]
    descriptor = chosen.manifest.layers[number]
    what = f"layer {number + 1} ({descriptor.digest}) of {source.what}"
    if number in twins:
        with closing(store.layer_tar(twins[number])) as tar:
            return store.stage_layer(tar, Wanted(diff_id=diff_id, what=what), places[number])
    unpacked = getattr(source, "unpacked", None)
    if unpacked is not None:  # from another store, which has no other bytes of a layer than its content
        with closing(unpacked(diff_id)) as tar:
            return store.stage_layer(tar, Wanted(diff_id=diff_id, what=what), places[number])
    wanted = Wanted(descriptor.digest, descriptor.size, diff_id, what)
    resumed = store.resume_layer(wanted, places[number])
    if resumed is not None:
        return resumed
    reader: Reader = source.blob(descriptor)
    return store.stage_layer(reader, wanted, places[number])


def _twins(store: Store, chosen: Chosen, numbers: list[int]) -> dict[int, str]:
    """Layers of the store with the same content under another parent, by the number of the wanted layer."""
    by_content = {layer.diff_digest: layer.id for layer in store.layers() if layer.diff_digest}
    wanted = {number: str(chosen.config.diff_ids[number]) for number in numbers}
    return {number: by_content[diff_id] for number, diff_id in wanted.items() if diff_id in by_content}
