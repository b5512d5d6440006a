# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of daemonless manifest, and those of podman's that cannot be had."""

from __future__ import annotations

from .access_flags import ACCESS, HELP, QUIET
from .goflags import LIST, SWITCH, Flag

_ANNOTATION = Flag("--annotation", LIST, "KEY=VALUE")
_DESCRIBED = (
    _ANNOTATION,
    Flag("--arch", help="architecture of the image"),
    Flag("--features", LIST, "features of the image"),
    Flag("--os", help="operating system of the image"),
    Flag("--os-features", LIST, "features of its operating system"),
    Flag("--os-version", help="version of its operating system"),
    Flag("--variant", help="variant of its architecture"),
)
_ALL = Flag("--all", SWITCH, "every image of a list")
_REFUSED = "refused: members are images"
_ARTIFACTS = (
    Flag("--artifact", SWITCH, _REFUSED),
    *(Flag(f"--artifact-{word}", help=_REFUSED) for word in ("annotations", "config", "config-type", "layer-type")),
    Flag("--artifact-exclude-titles", SWITCH, _REFUSED),
    Flag("--artifact-subject", help=_REFUSED),
    Flag("--artifact-type", help=_REFUSED),
)
NO_ARTIFACTS = {flag.key: "the members of a list are images, no artifacts" for flag in _ARTIFACTS}
_SIGNING = "a push does not sign; the module daemonless.oci.image_sign signs what was pushed"
NO_CHANGE = "a list is pushed with its images as they are"
NOT_PUSHED = {
    "add-compression": NO_CHANGE,
    "compression-format": NO_CHANGE,
    "compression-level": NO_CHANGE,
    "force-compression": NO_CHANGE,
    "format": NO_CHANGE,
    "sign-by": _SIGNING,
    "sign-by-sigstore": _SIGNING,
    "sign-by-sigstore-private-key": _SIGNING,
    "sign-passphrase-file": _SIGNING,
}
#: The flags and the words of each verb, and how many words.
VERBS: dict[str, tuple[tuple[Flag, ...], str, tuple[int, int]]] = {
    "add": ((*ACCESS, *_DESCRIBED, *_ARTIFACTS, _ALL, HELP), "LIST IMAGE [IMAGE...]", (2, -1)),
    "annotate": (
        (
            *_DESCRIBED,
            Flag("--index", SWITCH, "the list itself, not one of its images"),
            Flag("--subject", help="refused: a list has no subject"),
            HELP,
        ),
        "LIST IMAGE",
        (1, 2),
    ),
    "create": (
        (_ALL, Flag("--amend -a", SWITCH, "add to a list that is there"), _ANNOTATION, *ACCESS, HELP),
        "LIST [IMAGE...]",
        (1, -1),
    ),
    "exists": ((HELP,), "LIST", (1, 1)),
    "inspect": (
        (*ACCESS, Flag("--verbose -v", SWITCH, "docker's word"), HELP),
        "LIST",
        (1, 1),
    ),
    "push": (
        (
            *ACCESS,
            Flag("--all", SWITCH, "the images as well; --all=false leaves them"),
            Flag("--digestfile", help="file for the digest of the list"),
            Flag("--purge -p", SWITCH, "remove the list of this host afterwards"),
            Flag("--rm", SWITCH, "the same"),
            Flag("--remove-signatures", SWITCH, "leave signatures behind; always so"),
            Flag("--add-compression", LIST, f"refused: {NO_CHANGE}"),
            Flag("--force-compression", SWITCH, f"refused: {NO_CHANGE}"),
            *(Flag(f"--{key}", help=f"refused: {NO_CHANGE}") for key in ("compression-format", "compression-level")),
            Flag("--format -f", help=f"refused: {NO_CHANGE}"),
            *(Flag(f"--{key}", help="refused: sign afterwards") for key, why in NOT_PUSHED.items() if why == _SIGNING),
            HELP,
            QUIET,
        ),
        "LIST [DESTINATION]",
        (1, 2),
    ),
    "remove": ((HELP,), "LIST DIGEST", (2, 2)),
    "rm": ((Flag("--ignore -i", SWITCH, "lists that do not exist are no error"), HELP), "LIST [LIST...]", (1, -1)),
}
