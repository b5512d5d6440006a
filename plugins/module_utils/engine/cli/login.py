# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless login and logout"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..base.errors import Denied
from .access_flags import HELP, access, read, text, truth
from .context import Usage
from .goflags import SWITCH, Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from ..image.accounts import Host
    from ..registry.auth import Credentials
    from ..registry.logins import Key
    from .arguments import Parser
    from .context import Context
    from .goflags import Line

_FILES = (
    Flag("--authfile", help="file to keep the credentials in"),
    Flag("--compat-auth-file", help="the same, in the way of docker"),
)
LOGIN = (
    *_FILES,
    HELP,
    Flag("--cert-dir", help="directory with certificates for the registry"),
    Flag("--get-login", SWITCH, "show who is logged in, and do nothing"),
    Flag("--password -p", help="password; others on this host can see it: prefer --password-stdin"),
    Flag("--password-stdin", SWITCH, "read the password from the standard input"),
    Flag("--secret", help="secret of this host that holds the password"),
    Flag("--tls-verify", SWITCH, "whether the registry must show a valid certificate"),
    Flag("--username -u", help="user"),
    Flag("--verbose -v", SWITCH, "also where the credentials are kept"),
)
LOGOUT = (*_FILES, HELP, Flag("--all -a", SWITCH, "forget the credentials of all registries"))


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(LOGIN if name == "login" else LOGOUT, "[REGISTRY]")


def run(context: Context, options: Namespace) -> int:
    logs_in = options.command_name == "login"
    line = read(context, options, LOGIN if logs_in else LOGOUT)
    if line is None:
        return 0
    if len(line.words) > 1:
        raise Usage(f"accepts at most 1 arg(s), received {len(line.words)}")
    return _login(context, line) if logs_in else _logout(context, line)


def _login(context: Context, line: Line) -> int:
    from ..image.accounts import Host

    host = Host.here()
    key = host.key(line.words[0] if line.words else "")
    logins = host.logins(text(line, "authfile"), text(line, "compat-auth-file"))
    held = logins.find(key) if text(line, "compat-auth-file") else host.found(key, text(line, "authfile"))
    if truth(line, "get-login"):
        if not held.present:
            raise Usage(f"not logged into {key}")
        context.out(f"{held.username}\n")
        return 0
    if held.present and not (text(line, "username") or text(line, "password") or truth(line, "password-stdin")):
        if _works(host, key, held, line):
            context.out(f"Existing credentials are valid. Already logged in to {key}\n")
            return 0
        sys.stderr.write("Existing credentials are invalid, please enter valid username and password\n")
    wanted = _asked(context, line, held.username)
    host.verify(key, wanted, access(line))
    path = logins.store(key, wanted)
    if truth(line, "verbose"):
        context.out(f"Used:  {path}\n")
    context.out("Login Succeeded!\n")
    return 0


def _works(host: Host, key: Key, held: Credentials, line: Line) -> bool:
    try:
        host.verify(key, held, access(line))
    except Denied:
        return False
    return True


def _asked(context: Context, line: Line, before: str) -> Credentials:
    """From the flags, the standard input, a secret, or the person at the terminal. Raises Usage."""
    from ..registry.auth import Credentials

    user, password = text(line, "username"), text(line, "password")
    if truth(line, "password-stdin"):
        if password:
            raise Usage("can't specify both --password-stdin and --password")
        if not user:
            raise Usage("must provide --username with --password-stdin")
        password = sys.stdin.readline().rstrip("\r\n")
    elif text(line, "secret"):
        from ..libpod import secret_values

        password = secret_values.read(context.session.paths.secrets, text(line, "secret")).rstrip("\n")
        user = user or text(line, "secret")
    if not (user and password) and not sys.stdin.isatty():
        raise Usage("there is no terminal to ask at: give --username and --password-stdin")
    if not user:
        sys.stderr.write(f"Username ({before}): " if before else "Username: ")
        sys.stderr.flush()
        user = sys.stdin.readline().strip() or before
    if not password:
        import getpass

        password = getpass.getpass("Password: ")
    if not user or not password or ":" in user:
        raise Usage("a user name without a colon and a password are needed")
    return Credentials(user, password)


def _logout(context: Context, line: Line) -> int:
    from ..image.accounts import Host

    host = Host.here()
    logins = host.logins(text(line, "authfile"), text(line, "compat-auth-file"))
    if truth(line, "all"):
        if line.words:
            raise Usage("--all takes no arguments")
        logins.remove_everything()
        context.out("Removed login credentials for all registries\n")
        return 0
    key = host.key(line.words[0] if line.words else "")
    if logins.find(key).present:
        logins.remove(key)
        context.out(f"Removed login credentials for {key}\n")
        return 0
    if host.found(key, text(line, "authfile")).present:
        context.out(f"Not logged into {key} with current tool. Existing credentials were established via another one\n")
        return 0
    raise Usage(f"not logged into {key}")
