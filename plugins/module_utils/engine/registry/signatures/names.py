# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the name in a signature is the name of the image that was asked for (signedIdentity of policy.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.errors import BadInput, Corrupt
from ...base.tuples import NamedTuple
from ...spec import reference, strict_json

if TYPE_CHECKING:
    from ...spec.reference import Reference
    from ...spec.strict_json import Json

_FIELDS = {
    "matchExact": (),
    "matchRepoDigestOrExact": (),
    "matchRepository": (),
    "exactReference": ("dockerReference",),
    "exactRepository": ("dockerRepository",),
    "remapIdentity": ("prefix", "signedPrefix"),
}


class NameRule(NamedTuple):
    """One signedIdentity: its kind, and the one or two names that it holds."""

    kind: str = "matchRepoDigestOrExact"
    first: str = ""
    second: str = ""

    def refuse(self, image: Reference | None, signed_text: str) -> str:
        """Why the signed name is not good enough for the image; empty when it is."""
        try:
            signed = _plain(signed_text)
            if self.kind.startswith("exact"):
                image = _plain(self.first)
            if image is None:
                return f"{self.kind} needs an image that is known by a name in a registry"
            if self.kind == "remapIdentity":
                image = self._remapped(image)
        except BadInput as err:
            return err.cause
        if self._fits(image, signed):
            return ""
        return f"it is for {signed_text[:200]!r}, which does not match {image} by {self.kind}"

    def _fits(self, image: Reference, signed: Reference) -> bool:
        if self.kind in ("matchRepository", "exactRepository"):
            return signed.name == image.name
        if _is_bare(signed) or _is_bare(image):
            return False
        if self.kind in ("matchExact", "exactReference") or image.tag is not None:
            return str(signed) == str(image)
        return signed.name == image.name

    def _remapped(self, image: Reference) -> Reference:
        name = image.name
        if name != self.first and not name.startswith(self.first + "/"):
            return image
        return _plain(self.second + str(image)[len(self.first) :])


def parse(raw: Json | None, deed: str) -> NameRule:
    """Raises Corrupt."""
    if raw is None:
        return NameRule()
    kind = strict_json.text(raw, "type", deed)
    fields = _FIELDS.get(kind)
    if fields is None:
        raise Corrupt(deed, f"{kind[:60]!r} is not a kind of signedIdentity")
    for key in raw:
        if key != "type" and key not in fields:
            raise Corrupt(deed, f"the key {key!r} is unknown in a signedIdentity of type {kind}")
    rule = NameRule(kind, *(strict_json.text(raw, key, deed) for key in fields))
    try:
        _check(rule)
    except BadInput as err:
        raise Corrupt(deed, f"signedIdentity of type {kind}: {err.cause}")
    return rule


def _check(rule: NameRule) -> None:
    named = _plain(rule.first) if rule.kind.startswith("exact") else None
    if named is not None and _is_bare(named) and rule.kind == "exactReference":
        raise BadInput("read it", f"{rule.first!r} has neither tag nor digest")
    for prefix in (rule.first, rule.second) if rule.kind == "remapIdentity" else ():
        # A host, a namespace or a repository, in full: it must stay as it is with a further part behind it.
        if str(_plain(f"{prefix}/x")) != f"{prefix}/x":
            raise BadInput("read it", f"{prefix!r} is not a fully expanded prefix of image names")


def _plain(text: str) -> Reference:
    if text.startswith("docker://"):
        raise BadInput("read it", f"{text[:200]!r} is not an image name")
    return reference.parse(text)


def _is_bare(ref: Reference) -> bool:
    return ref.tag is None and ref.digest is None
