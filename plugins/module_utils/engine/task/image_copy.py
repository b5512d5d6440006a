# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image_copy`: an image at one place, the same at another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..image.copy import CopyOptions
    from ..image.copying import Copying
    from ..image.transports import Side
    from ..spec.platform import Platform
    from .frame import Delivery, Options

_SIDE: Options = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "auth_file": {"type": "path"},
    "validate_certs": {"type": "bool"},
    "ca_cert_dir": {"type": "path"},
    "docker_host": {"type": "str"},
}
OPTIONS: Options = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "str", "required": True},
    "all_platforms": {"type": "bool", "default": False},
    "platforms": {"type": "list", "elements": "str"},
    "keep_index": {"type": "bool", "default": False},
    "sparse": {"type": "bool", "default": False},
    "format": {"type": "str", "choices": ["oci", "v2s2"]},
    "compression": {"type": "str", "choices": ["gzip", "none", "zstd"]},
    "compression_level": {"type": "int"},
    "preserve_digests": {"type": "bool", "default": False},
    "remove_signatures": {"type": "bool", "default": False},
    "auth_file": {"type": "path", "aliases": ["authfile"]},
    **{f"{side}_{name}": spec for side in ("src", "dest") for name, spec in _SIDE.items()},
    "retry": {"type": "int"},
    "retry_delay": {"type": "str"},
    "timeout": {"type": "int", "default": 30},
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [
        ["all_platforms", "platforms"],
        ["src_auth_file", "src_username"],
        ["dest_auth_file", "dest_username"],
    ],
    "required_together": [["src_username", "src_password"], ["dest_username", "dest_password"]],
}


def reconcile(request: Request) -> Result:
    from ..image.copying import CopyDesired, Copying

    options = _options(request)
    desired = CopyDesired(_side(request, "src"), _side(request, "dest"), options)
    copying = Copying(request.session(), desired)
    try:
        plan = copying.plan()
        value = _value(request, copying)
        if plan.changed and not request.check:
            done = copying.run()
            value.update(
                digest=str(done.digest),
                media_type=done.media_type,
                blobs_copied=done.copied,
                blobs_skipped=done.skipped,
                bytes_copied=done.bytes,
            )
    finally:
        copying.close()
    actions = [f"Copied image {step.detail}" for step in plan.steps]
    return Result(value, plan=plan, actions=actions)


def _value(request: Request, copying: Copying) -> dict[str, object]:
    digest = copying.before or copying.offered
    found: dict[str, object] = {"src": request.text("src"), "dest": request.text("dest"), "digest": digest}
    found.update(blobs_copied=0, blobs_skipped=0, bytes_copied=0)
    return found


def _options(request: Request) -> CopyOptions:
    from ..base.errors import BadInput
    from ..image.copy import ALL, CHOSEN, THIS, CopyOptions

    platforms = tuple(_platform(text) for text in request.texts("platforms"))
    which = ALL if request.flag("all_platforms") else THIS
    if len(platforms) > 1 or (platforms and (request.flag("keep_index") or request.flag("sparse"))):
        which = CHOSEN
    elif request.flag("keep_index") or request.flag("sparse"):
        raise BadInput("read the platforms", "keep_index and sparse are about an index for chosen platforms; name them")
    level = request.params.get("compression_level")
    return CopyOptions(
        which=which,
        platforms=platforms,
        sparse=request.flag("sparse"),
        format=request.text("format"),
        compression=request.text("compression"),
        level=level if isinstance(level, int) else None,
        preserve_digests=request.flag("preserve_digests"),
        remove_signatures=request.flag("remove_signatures"),
    ).checked()


def _platform(text: str) -> Platform:
    from ..spec import platform

    return platform.parse(text)


def _side(request: Request, side: str) -> Side:
    from ..image import transports
    from .registry_access import access

    validate = request.params.get(f"{side}_validate_certs")
    user = request.text(f"{side}_username")
    reach = access(request)._replace(
        username=user,
        password=request.text(f"{side}_password"),
        auth_file=request.text(f"{side}_auth_file") or ("" if user else request.text("auth_file")),
        validate_certs=validate if isinstance(validate, bool) else None,
        ca_cert_dir=request.text(f"{side}_ca_cert_dir"),
    )
    return transports.Side(transports.parse(request.text(side)), reach, request.text(f"{side}_docker_host"))


NOUN = Noun("copy", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
