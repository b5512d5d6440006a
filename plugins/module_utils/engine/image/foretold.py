# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What inspect will show of an image that is not here yet, as far as its documents tell: no sizes, no paths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.jsonval import table
from . import inspect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .transfer import Chosen

    Json = dict[str, object]


def foretold(chosen: Chosen, names: Sequence[str]) -> Json:
    config, manifest = json.loads(chosen.config_bytes), json.loads(chosen.documents[0][1])
    repositories = {inspect.repository(name) for name in names}
    digests = {digest for digest, _data in chosen.documents}
    return {
        "Id": chosen.id,
        "Digest": chosen.documents[0][0],
        "RepoTags": [name for name in names if "@" not in name],
        "RepoDigests": sorted(f"{repository}@{digest}" for repository in repositories for digest in digests),
        **inspect.of_documents(table({"": config}, ""), table({"": manifest}, "")),
    }
