# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless save and load"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from ..base.files import scratch_directory
from ..base.scratch import Scratch
from .access_flags import HELP, QUIET, read, text, truth
from .context import Usage
from .goflags import SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context
    from .goflags import Line

SAVE = (
    QUIET,
    HELP,
    Flag("--compress", SWITCH, "compress the layers of a docker-dir"),
    Flag("--format", help="docker-archive (as without it), oci-archive, oci-dir or docker-dir"),
    Flag("--multi-image-archive -m", SWITCH, "several images in one docker-archive"),
    Flag("--output -o", help="the file, or for the formats of directories the directory; else the standard output"),
    Flag("--uncompressed", SWITCH, "layers as they are (as without it)"),
)
LOAD = (QUIET, HELP, Flag("--input -i", help="the archive or directory; else the standard input"))
_DIRECTORIES = ("oci-dir", "docker-dir")


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(*((SAVE, "IMAGE [IMAGE...]") if name == "save" else (LOAD, "")))


def run(context: Context, options: Namespace) -> int:
    saves = options.command_name == "save"
    line = read(context, options, SAVE if saves else LOAD)
    if line is None:
        return 0
    return _save(context, line) if saves else _load(context, line)


def _save(context: Context, line: Line) -> int:
    if not line.words:
        raise Usage("must provide at least 1 image")
    form, path = text(line, "format") or "docker-archive", text(line, "output")
    if path:
        _write(context, line, form, os.path.abspath(path))
        return 0
    if form in _DIRECTORIES:
        raise Usage("--format oci-dir and docker-dir need --output")
    if sys.stdout.isatty():
        raise Usage("refusing to save to terminal. Use -o flag or redirect")
    with Scratch("save", scratch_directory()) as folder:
        made = os.path.join(folder, "archive.tar")
        _write(context, line, form, made)
        sys.stdout.flush()
        with open(made, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
    return 0


def _write(context: Context, line: Line, form: str, path: str) -> None:
    from ..image.saving import FORMATS, Saving, SavingDesired

    if form not in FORMATS:
        raise Usage(f"unknown format {form!r}: it is one of {', '.join(sorted(FORMATS))}")
    several = truth(line, "multi-image-archive")
    if not several:
        _one_image(context, line.words)
    desired = SavingDesired(line.words, path, form, several, truth(line, "compress"), True)
    saving = Saving(context.session, desired.checked())
    try:
        saving.run()
    finally:
        saving.close()


def _one_image(context: Context, names: tuple[str, ...]) -> None:
    from ..image.lookup import finder

    find = finder(context.session)
    found = {name: find(name) for name in names}
    for name, record in found.items():
        if record is None:
            raise NotFound(f"save image {name}", "there is no image with this name or id")
    if len({record.id for record in found.values() if record is not None}) > 1:
        raise Usage("several images in one archive need --multi-image-archive")


def _load(context: Context, line: Line) -> int:
    path = text(line, "input")
    if path:
        return _loaded(context, os.path.abspath(path))
    if sys.stdin.isatty():
        raise Usage("cannot read from terminal, use command-line redirection or the --input flag")
    _session = context.session  # a plain user enters namespaces of their own here, before anything is opened
    with Scratch("load", scratch_directory()) as folder:
        spool = os.path.join(folder, "archive.tar")
        with open(spool, "xb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        return _loaded(context, spool)


def _loaded(context: Context, path: str) -> int:
    from ..image.loading import Loading

    loading = Loading(context.session, path)
    try:
        if loading.plan().changed:
            loading.run()
        identities = loading.ids
    finally:
        loading.close()
    for identity in identities:
        record = context.session.store.image(identity)
        shown = record.names[0] if record is not None and record.names else f"sha256:{identity}"
        context.out(f"Loaded image: {shown}\n")
    return 0
