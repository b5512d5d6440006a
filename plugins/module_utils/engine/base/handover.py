# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One clean-up for a container that is stopped on purpose: by who stops it, not by the exit command as well.

conmon calls the exit command whenever a container ends. When somebody is there who cleans up anyway, a second process
would load the whole engine, wait for the lock, and find nothing to do. So who stops a container says so in a file, and
the exit command is a few words of shell that look for it: twenty containers that are stopped at once start no Python.

Monitors of containers that an earlier version started call the command itself, with FLAG; it looks before it imports
anything, and this module is all that it needs for that.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

TYPE_CHECKING = False  # the real one is in `typing`, which costs more than all that is done here
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FLAG = "--unless-by"
_FILE = "cleaned-up-by"
_NAME = "daemonless-exit"
#: As `nothing_to_do`; words after $1, the file, are the command. proc(5), stat: the name may hold blanks and brackets.
_GUARD = (
    'alive() { [ "$1" != Z ] && [ "$1" != X ] && [ "${20}" = "$since" ]; }; '
    '[ -d "${1%/*}" ] || exit 0; '
    '{ read -r pid since <"$1" && read -r stat <"/proc/$pid/stat"; } 2>/dev/null && alive ${stat##*")"} && exit 0; '
    'shift; exec "$@"'
)


def file_of(run_dir: str) -> str:
    """Where the process is named that cleans up after the container with this run directory."""
    return os.path.join(run_dir, _FILE)


@contextmanager
def taken_over(run_dir: str) -> Iterator[None]:
    """Within it, this process cleans up after the container. When it dies meanwhile, the exit command does."""
    path = file_of(run_dir)
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()} {_started(os.getpid())}\n")
    except OSError:  # the exit command comes as well, then: slower, and right all the same
        yield
        return
    try:
        yield
    finally:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def guarded(command: Sequence[str], run_dir: str) -> tuple[str, ...]:
    """The command line that runs `command`, unless somebody cleans up after this container or it is gone."""
    return ("/bin/sh", "-c", _GUARD, _NAME, file_of(run_dir), *command)


def nothing_to_do(argv: Sequence[str]) -> bool:
    """Whether a command line says `--unless-by FILE` and the process that FILE names lives, or the directory of FILE
    is gone: then the container is, too.
    """
    if FLAG not in argv[:-1]:
        return False
    path = argv[list(argv).index(FLAG) + 1]
    if not os.path.isdir(os.path.dirname(path)):
        return True
    try:
        with open(path, encoding="ascii") as file:
            pid, started = file.read(64).split()
        return int(started) > 0 and _started(int(pid)) == int(started)
    except (OSError, ValueError):
        return False


def _started(pid: int) -> int:
    """When it was started, in clock ticks since boot (proc(5), stat), as pids are used again. 0: there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
