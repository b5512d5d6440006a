# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image_save`: local images in an archive or directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "image": {"type": "list", "elements": "str", "required": True},
    "dest": {"type": "path", "required": True, "aliases": ["path"]},
    "format": {
        "type": "str",
        "default": "docker-archive",
        "choices": ["docker-archive", "oci-archive", "oci-dir", "docker-dir"],
    },
    "multi_image_archive": {"type": "bool", "default": False},
    "compress": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    from ..image.saving import Saving, SavingDesired

    desired = SavingDesired(
        images=request.texts("image"),
        path=request.text("dest"),
        format=request.text("format"),
        several=request.flag("multi_image_archive"),
        compress=request.flag("compress"),
        force=request.flag("force"),
    ).checked()
    saving = Saving(request.session(), desired)
    try:
        plan = saving.plan()
        if plan.changed and not request.check:
            saving.run()
    finally:
        saving.close()
    listed = ", ".join(desired.images)
    command = f"podman save --format {desired.format} -o {desired.path} {' '.join(desired.images)}"
    return Result(
        {"path": desired.path, "format": desired.format, "images": saving.listing()},
        plan=plan,
        actions=[f"Saved image {listed} to {desired.path}"] if plan.changed else [],
        extra={"podman_actions": [command] if plan.changed else [], "stdout": "", "stderr": ""},
    )


NOUN = Noun("archive", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
