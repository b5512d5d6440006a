# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless secret create, exists, inspect, ls, rm"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from .arguments import key_values
from .context import Usage
from .rows import Listing, Row, pretty, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..secret.store import Secret
    from .arguments import Parser
    from .context import Context

_COLUMNS = (("ID", "ID"), ("NAME", "Name"), ("DRIVER", "Driver"), ("CREATED", "CreatedAt"), ("UPDATED", "UpdatedAt"))


def arguments(parser: Parser, name: str) -> None:
    if name == "secret-create":
        parser.add_argument("-d", "--driver", default="file", help="file")
        parser.many("--driver-opts", metavar="KEY=VALUE", help="options of the driver")
        parser.flag("--env", help="the second word names a variable of the environment")
        parser.many("-l", "--label", metavar="KEY=VALUE", help="a label")
        parser.flag("--replace", help="replace a secret of that name")
        parser.names("NAME FILE|-")
    elif name == "secret-ls":
        parser.many("-f", "--filter", metavar="KEY=VALUE", help="id, name")
        parser.add_argument("--format", default="", help="json, table, or a Go template")
        parser.flag("-n", "--noheading", help="no headings")
        parser.flag("-q", "--quiet", help="only ids")
    elif name == "secret-inspect":
        parser.add_argument("-f", "--format", default="", help="a Go template")
        parser.flag("--pretty", help="for people")
        parser.flag("--showsecret", help="with the values")
        parser.names("SECRET", 1)
    elif name == "secret-rm":
        parser.flag("-a", "--all", help="every secret")
        parser.flag("-i", "--ignore", help="secrets that do not exist are no error")
        parser.names("SECRET")
    else:
        parser.names("SECRET", 1)


def run(context: Context, options: Namespace) -> int:
    return {
        "secret-create": _create,
        "secret-exists": _exists,
        "secret-inspect": _inspect,
        "secret-ls": _list,
        "secret-rm": _remove,
    }[options.command_name](context, options)


def _create(context: Context, options: Namespace) -> int:
    from ..secret import desired
    from ..secret.deeds import open_store

    if len(options.names) != 2:
        raise Usage(f"accepts 2 arg(s), received {len(options.names)}")
    name, source = options.names
    desired.check_name(name)
    store = open_store(context.session)
    chosen = dict(text.partition("=")[::2] for text in options.driver_opts)
    desired.check_driver(name, options.driver, chosen, store.values_directory)
    value = _read(source, options.env)
    desired.check_value(name, value)
    labels = dict(text.partition("=")[::2] for text in options.label)
    context.out(f"{store.add(name, value, labels, replace=options.replace).id}\n")
    return 0


def _read(source: str, env: bool) -> bytes:
    from ..secret.desired import MAX_BYTES

    if env:
        found = os.environb.get(os.fsencode(source))
        if found is None:
            raise Usage(f"environment variable {source} is not set")
        return found
    if source != "-":
        with open(source, "rb") as file:
            return file.read(MAX_BYTES + 1)
    if sys.stdin.isatty():
        raise Usage("if `-` is used, data must be passed into stdin")
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _found(context: Context, text: str) -> Secret:
    from ..secret.deeds import open_store

    found = open_store(context.session).find(text)
    if found is None:
        raise NotFound("secret", f'no secret with name or id "{text}": no such secret')
    return found


def _exists(context: Context, options: Namespace) -> int:
    try:
        _found(context, options.names[0])
    except NotFound:
        return 1
    return 0


def _remove(context: Context, options: Namespace) -> int:
    from ..secret.deeds import open_store

    if not options.names and not options.all:
        raise Usage("`daemonless secret rm` requires one argument, or the --all flag")
    store = open_store(context.session)
    code = 0
    for text in [secret.id for secret in store.all()] if options.all else options.names:
        try:
            found = _found(context, text)
            store.remove(found.id)
            context.out(f"{found.id}\n")
        except NotFound as error:
            if not options.ignore:
                context.error(error.cause)
                code = 125
        except EngineError as error:
            context.error(str(error))
            code = 125
    return code


def _inspect(context: Context, options: Namespace) -> int:
    from ..secret.deeds import open_store, shown

    store, code, found = open_store(context.session), 0, []
    for text in options.names:
        try:
            found.append(_found(context, text))
        except NotFound as error:
            context.error(f"inspecting secret: {error.cause}")
            code = 125
    values = [shown(secret, store.value(secret) if options.showsecret else None) for secret in found]
    if options.pretty:
        context.out("".join(_pretty(secret) for secret in found))
    elif options.format and options.format != "json":
        from .gotemplate import Template

        template = Template(options.format.replace("\\t", "\t").replace("\\n", "\n"))
        for value in values:
            context.out(template.execute({"SecretData": "", **value}) + "\n")
    else:
        context.out(pretty(values, 4) + "\n")
    return code


def _pretty(secret: Secret) -> str:
    from .words import go_time

    lines = [f"ID:              {secret.id}", f"Name:              {secret.name}", "Labels:"]
    lines += [f" - {key}={value}" for key, value in sorted(secret.labels.items())]
    lines.append(f"Driver:            {secret.driver}")
    lines.append(f"Created at:        {go_time(secret.created)}")
    lines.append(f"Updated at:        {go_time(secret.updated)}")
    return "\n".join(lines) + "\n"


def _list(context: Context, options: Namespace) -> int:
    from ..secret.deeds import open_store

    secrets = open_store(context.session).all()
    for key, values in key_values(options.filter).items():
        if key not in ("id", "name"):
            raise Usage(f'invalid filter "{key}"')
        secrets = [one for one in secrets if any(_fits(one, key, value) for value in values)]
    now = time.time_ns()
    rows = [_row(secret, now) for secret in secrets]
    listing = Listing(_COLUMNS, rows, lambda: [dict(row) for row in rows], "ID")
    context.out(render(listing, options.format, quiet=options.quiet, heading=not options.noheading))
    return 0


def _fits(secret: Secret, key: str, value: str) -> bool:
    return secret.id.startswith(value) if key == "id" else value in secret.name


def _row(secret: Secret, now: int) -> Row:
    from .words import ago

    return Row(
        ID=secret.id,
        Name=secret.name,
        Driver=secret.driver,
        CreatedAt=ago(secret.created, now),
        UpdatedAt=ago(secret.updated, now),
    )
