# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`push_args`: what containers.podman takes about a push, and what of it this module can do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..image.pushing import PushWish
    from .frame import Options

OPTIONS: Options = {
    "compress": {"type": "bool"},
    "compression_format": {"type": "str", "choices": ["gzip", "zstd"]},
    "compression_level": {"type": "int"},
    "dest": {"type": "str", "aliases": ["destination"]},
    "digestfile": {"type": "path"},
    "extra_args": {"type": "str"},
    "format": {"type": "str", "choices": ["oci", "v2s1", "v2s2"]},
    "remove_signatures": {"type": "bool"},
    "sign_by": {"type": "str"},
    "sign_by_sq_fingerprint": {"type": "str"},
    "ssh": {"type": "str"},
    "transport": {
        "type": "str",
        "choices": ["dir", "docker", "docker-archive", "docker-daemon", "oci-archive", "ostree", "scp"],
    },
}
_DEED = "read the option push_args"
_IMPOSSIBLE = {
    "ostree": ("no engine can write to ostree any more", "Use oci-archive"),
    "scp": ("nothing is copied over ssh from here", "Push to a registry, or to an archive and copy that"),
}
#: Words of `podman push` -> key here; those that say nothing about the result are left out.
_VALUES: Mapping[str, str] = {
    "--compression-format": "compression_format",
    "--compression-level": "compression_level",
    "--digestfile": "digestfile",
    "--format": "format",
}
_SILENT = ("-q", "--quiet")


def wish(name: str, given: Mapping[str, object]) -> PushWish:
    """What is to be pushed where.  Raises BadInput for what cannot be done, with what to do instead."""
    from ..image.pushing import PushWish, destination_of

    args = {**{key: value for key, value in given.items() if value is not None}}
    for key, value in _extra(str(args.pop("extra_args", "") or "")).items():
        args.setdefault(key, value)
    transport = str(args.get("transport") or "")
    if transport in _IMPOSSIBLE:
        raise BadInput(_DEED, f"transport {transport}: {_IMPOSSIBLE[transport][0]}", _IMPOSSIBLE[transport][1])
    if args.get("format") == "v2s1":
        raise BadInput(_DEED, "format v2s1 is obsolete and written by no engine here", "Use v2s2 or oci")
    if args.get("ssh"):
        raise BadInput(_DEED, "ssh belongs to the transport scp", _IMPOSSIBLE["scp"][1])
    for key in ("sign_by", "sign_by_sq_fingerprint"):
        if args.get(key):
            raise BadInput(_DEED, f"{key}: a push does not sign", "Sign it afterwards, with daemonless.oci.image_sign")
    if args.get("compress") and transport != "dir":
        raise BadInput(_DEED, "compress is for the transport dir", "Use compression_format")
    level = args.get("compression_level")
    compression = str(args.get("compression_format") or "") or ("gzip" if args.get("compress") else "")
    return PushWish(
        to=destination_of(name, str(args.get("dest") or ""), transport),
        format=str(args.get("format") or ""),
        compression=compression,
        level=level if isinstance(level, int) else None,
        digest_file=str(args.get("digestfile") or ""),
        remove_signatures=bool(args.get("remove_signatures")),
    )


def _extra(text: str) -> dict[str, object]:
    try:
        words = shlex.split(text)
    except ValueError as err:
        raise BadInput(_DEED, str(err))
    found: dict[str, object] = {}
    while words:
        flag, equal, value = words.pop(0).partition("=")
        if flag in _SILENT:
            continue
        if flag not in _VALUES:
            known = ", ".join(sorted((*_VALUES, "--quiet")))
            raise BadInput(_DEED, f"extra_args: {flag!r} is not one of {known}", "See the options of the module")
        if not equal:
            if not words:
                raise BadInput(_DEED, f"extra_args: {flag} needs a value")
            value = words.pop(0)
        found[_VALUES[flag]] = _typed(flag, value)
    return found


def _typed(flag: str, value: str) -> object:
    if flag == "--compression-level":
        if not value.isdecimal():
            raise BadInput(_DEED, f"extra_args: {flag} {value} is not a number")
        return int(value)
    choices = OPTIONS[_VALUES[flag]].get("choices")
    if isinstance(choices, list) and value not in choices:
        raise BadInput(_DEED, f"extra_args: {flag} {value} is not one of {', '.join(choices)}")
    return value
