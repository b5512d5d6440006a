# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the programs below the engine, where podman looks: its helper directories, then PATH."""

from __future__ import annotations

import os

from ..base.errors import HostLacks

HELPER_DIRECTORIES = ("/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman")
PACKAGES = {
    "aardvark-dns": "aardvark-dns",
    "catatonit": "catatonit",
    "conmon": "conmon",
    "criu": "criu",
    "crun": "crun",
    "fuse-overlayfs": "fuse-overlayfs",
    "iptables": "iptables",
    "netavark": "netavark",
    "newgidmap": "uidmap (Debian, Ubuntu) or shadow-utils",
    "newuidmap": "uidmap (Debian, Ubuntu) or shadow-utils",
    "nft": "nftables",
    "pasta": "passt",
    "runc": "runc",
    "slirp4netns": "slirp4netns",
    "zstd": "zstd",
}
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find(name: str, directories: tuple[str, ...] = HELPER_DIRECTORIES) -> str | None:
    """The absolute path of program `name`, or None."""
    search = list(directories) + os.environ.get("PATH", "").split(":") + _SYSTEM_PATH.split(":")
    for directory in search:
        if not os.path.isabs(directory):
            continue
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def require(name: str, deed: str, directories: tuple[str, ...] = HELPER_DIRECTORIES) -> str:
    """As `find`; raises HostLacks with the package to install."""
    path = find(name, directories)
    if path is None:
        raise HostLacks(
            deed, f"the program {name} is not on this host", f"Install the package {PACKAGES.get(name, name)}"
        )
    return path
