# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless push"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .access_flags import ACCESS, HELP, QUIET, absolute, access, number, path, read, refuse, text, truth
from .context import Usage
from .goflags import SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context
    from .goflags import Line

SIGNING = ("sign-by", "sign-by-sigstore", "sign-by-sigstore-private-key", "sign-passphrase-file")
_ENCRYPTION = ("encrypt-layer", "encryption-key")
FLAGS = (
    *ACCESS,
    QUIET,
    HELP,
    Flag("--compress", SWITCH, "compress the layers of a dir:"),
    Flag("--compression-format", help="gzip, zstd or none"),
    Flag("--compression-level", help="a number; what it means depends on the format"),
    Flag("--digestfile", help="file that gets the digest of what was pushed"),
    Flag("--disable-content-trust", SWITCH, "for scripts of docker's users: nothing to switch off"),
    Flag("--force-compression", SWITCH, "with --compression-format, which always does"),
    Flag("--format -f", help="oci or v2s2; else the image's own"),
    Flag("--remove-signatures", SWITCH, "leave signatures behind that would no longer fit"),
    *(Flag(f"--{key}", help="refused: a push does not sign") for key in SIGNING),
    *(Flag(f"--{key}", help="refused: nothing is encrypted") for key in _ENCRYPTION),
)
_IMPOSSIBLE = {
    **dict.fromkeys(SIGNING, "a push does not sign; the module daemonless.oci.image_sign signs what was pushed"),
    **dict.fromkeys(_ENCRYPTION, "layers are not encrypted"),
}


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(FLAGS, "IMAGE [DESTINATION]")


def run(context: Context, options: Namespace) -> int:
    line = read(context, options, FLAGS)
    if line is None:
        return 0
    if not 1 <= len(line.words) <= 2:
        raise Usage("push requires at least one image name, or optionally a second to specify a different destination")
    refuse(line, _IMPOSSIBLE)
    file = path(line, "digestfile")
    digest = push(context, line, line.words[0], absolute(line.words[-1]))
    if file:
        from ..base.files import atomic_write

        atomic_write(file, digest.encode(), mode=0o644)
    return 0


def push(context: Context, line: Line, name: str, to: str) -> str:
    """Copy the local image there, unless it is there already; its digest there. Raises as image_copy does."""
    from ..image import transports
    from ..image.copy import CopyOptions
    from ..image.copying import CopyDesired, Copying
    from ..image.lookup import finder

    record = finder(context.session)(name)
    if record is None:
        raise NotFound(f"push {name}", "there is no image with this name or id")
    target = _target(context, name, to)
    if not truth(line, "quiet"):
        sys.stderr.write(f"Copying {name} to {target}\n")
    compression = text(line, "compression-format") or ("gzip" if truth(line, "compress") else "")
    options = CopyOptions(
        format=text(line, "format"),
        compression=compression,
        level=number(line, "compression-level"),
        remove_signatures=truth(line, "remove-signatures"),
    )
    source = transports.Side(transports.parse(f"containers-storage:{record.id}"))
    destination = transports.Side(transports.parse(target), access(line))
    copying = Copying(context.session, CopyDesired(source, destination, options.checked()))
    try:
        if copying.plan().changed:
            return str(copying.run().digest)
        return copying.before or copying.offered
    finally:
        copying.close()


def _target(context: Context, name: str, to: str) -> str:
    """A destination without a transport is at a registry; the image's own name when none was given."""
    from ..image import naming
    from ..registry import places
    from ..spec import reference

    if to.startswith(("docker://", "docker-daemon:")) or places.parse(to) is not None:
        return to
    if to == name:
        from ..image.lookup import find_record

        found = find_record(context.session, name)
        to = (found[1] if found is not None else "") or to
    return f"docker://{reference.parse(naming.full(to)).with_default_tag()}"
