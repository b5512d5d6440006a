# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a session: where they are, how podman shows them, and doing what a plan says."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from . import planner
from .desired import FILE
from .store import SecretStore

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .desired import SecretDesired
    from .planner import SecretPlan
    from .store import Secret


def open_store(session: Session) -> SecretStore:
    return SecretStore(session.paths.secrets)


def has_value(store: SecretStore, secret: Secret, value: bytes | None) -> bool:
    """Whether that is its value; None, for none in particular, always is. Takes the same time wherever they differ."""
    if value is None:
        return True
    if secret.driver != FILE:
        return False
    try:
        return hmac.compare_digest(store.value(secret), value)
    except NotFound:
        return False


def apply(store: SecretStore, made: SecretPlan, desired: SecretDesired, found: Secret | None) -> Secret | None:
    """The secret afterwards."""
    if made.verdict in (planner.CREATE, planner.REPLACE):
        labels = desired.labels if desired.labels is not None else found.labels if found is not None else {}
        return store.add(desired.name, desired.value or b"", labels, replace=made.verdict == planner.REPLACE)
    if made.verdict == planner.RELABEL:
        return store.relabel(desired.name, desired.labels or {})
    if made.verdict == planner.REMOVE and found is not None:
        store.remove(found.id)
        return None
    return found


def shown(secret: Secret, value: bytes | None = None) -> Json:
    """As `podman secret inspect` prints it; with `value`, as it does with --showsecret."""
    found: Json = {
        "ID": secret.id,
        "CreatedAt": secret.created,
        "UpdatedAt": secret.updated,
        "Spec": {
            "Name": secret.name,
            "Driver": {"Name": secret.driver, "Options": secret.options},
            "Labels": secret.labels,
        },
    }
    if value is not None:
        found["SecretData"] = value.decode("utf-8", "replace")
    return found


def records(session: Session) -> dict[str, Json]:
    """libpod's records by the name of the secret, for containers that are given some."""
    return {secret.name: secret.record for secret in open_store(session).all()}
