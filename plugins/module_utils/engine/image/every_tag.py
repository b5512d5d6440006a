# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every tag of a repository, as `podman pull --all-tags` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError
from ..spec import reference
from . import pull
from .remote import nothing_pulled

if TYPE_CHECKING:
    from ..session.session import Session
    from .desired import ImageDesired


def desires(session: Session, desired: ImageDesired) -> list[ImageDesired]:
    """One desire for each tag that the repository has now.  Raises as pull() does, and NotFound without any tag."""
    deed = f"pull every tag of {desired.name}"
    if desired.policy == "never":
        raise BadInput(deed, "which tags there are only the registry knows, and pulling is turned off")
    asked = reference.parse(desired.name)
    if asked.tag is not None or asked.digest is not None:
        raise BadInput(deed, "the name must have neither a tag nor a digest")
    remote = pull.reach(session, desired.options)
    failures: list[EngineError] = []
    try:
        for candidate in remote.registries.pull_candidates(desired.name):
            tags = remote.tags(candidate)
            try:
                return [desired._replace(name=str(candidate.with_tag(tag))) for tag in sorted(tags.list())]
            except EngineError as err:
                failures.append(err)
    finally:
        remote.close()
    raise nothing_pulled(desired.name, failures)
