# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's options come to, read from libpod's config, whoever wrote it.

Each option has one canonical form here, so that two spellings, or podman's and ours, compare equal. A wish is brought
to the same form by writing its config and reading that (`config.build`): there is only this one reader.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.jsonval import text, texts
from ..spec import mounts
from . import canonical_files, canonical_network, canonical_process, canonical_walls
from .config import NOTE_OPTIONS
from .config_row import notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..base.jsonval import Json
    from ..spec.networks import Endpoint
    from .desired import ContainerDesired

    Reader = Callable[[Json], object]

READERS: dict[str, Reader] = {
    **canonical_process.READERS,
    **canonical_files.READERS,
    **canonical_network.READERS,
    **canonical_walls.READERS,
}

_PROXY_NAMES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
PROXIES = frozenset((*_PROXY_NAMES, *(name.upper() for name in _PROXY_NAMES)))
_INHERITED = frozenset(("nosuid", "nodev", "noexec"))

#: Options whose effect is seen under another name; everything else stands for itself.
SEEN_UNDER = {
    "entrypoint": ("command",),
    "env_host": ("env",),
    "http_proxy": ("env",),
    "env_merge": ("env",),
    "unsetenv": ("env",),
    "unsetenv_all": ("env",),
    "cap_add": ("capabilities",),
    "cap_drop": ("capabilities",),
    "cpus": ("cpu_quota", "cpu_period"),
    "uidmap": ("userns",),
    "gidmap": ("userns",),
    "subuidname": ("userns",),
    "subgidname": ("userns",),
    "image_volume": ("image_volume", "volume"),
    "publish_all": ("publish",),
    "seccomp_profile": ("security_opt",),
    "seccomp_policy": ("security_opt",),
}


def keys_of(wish: ContainerDesired) -> tuple[str, ...]:
    """The keys to compare for what a task mentions; they are also what is remembered of it. Sorted."""
    found: set[str] = set()
    for option in wish.mentioned():
        if option == "ulimit":
            found.update(f"ulimit.{limit.name}" for limit in wish.ulimit or ())
        elif option == "mount":
            found.update("tmpfs" if mount.kind == mounts.TMPFS else "volume" for mount in wish.mount or ())
            if not wish.mount:
                found.update(("tmpfs", "volume"))
        elif option == "network" and wish.network is not None:
            found.add("network")
            for endpoint in wish.network.endpoints:
                found.update(name for name, value in _spelled_out(endpoint) if value)
        else:
            found.update(SEEN_UNDER.get(option, (option,)))
    return tuple(sorted(found & known(found)))


def _spelled_out(endpoint: Endpoint) -> list[tuple[str, object]]:
    """Options that may also be written inside `network`."""
    return [
        ("ip", [address for address in endpoint.addresses if ":" not in address]),
        ("ip6", [address for address in endpoint.addresses if ":" in address]),
        ("mac_address", endpoint.mac),
        ("network_aliases", endpoint.aliases),
        ("network_interface", endpoint.interface),
    ]


def recorded(config: Json) -> tuple[str, ...]:
    """The keys that this collection noted when it made the container; empty for a container of podman's."""
    note = text(notes_of(config), NOTE_OPTIONS)
    try:
        listed = json.loads(note) if note else []
    except ValueError:
        return ()
    return tuple(item for item in listed if isinstance(item, str)) if isinstance(listed, list) else ()


def is_ours(config: Json) -> bool:
    return NOTE_OPTIONS in notes_of(config)


def known(keys: Iterable[str]) -> set[str]:
    """Those of the keys that can be read from a config."""
    return {key for key in keys if key in READERS or key.startswith("ulimit.")}


def read(config: Json, keys: Iterable[str] | None = None) -> dict[str, object]:
    """The canonical values of these keys, or of all."""
    if keys is None:
        keys = [*READERS, *(f"ulimit.{name}" for name in canonical_walls.rlimits(config))]
    return {key: _value(config, key) for key in sorted(keys)}


def _value(config: Json, key: str) -> object:
    if key.startswith("ulimit."):
        return canonical_walls.rlimits(config).get(key[7:], "")
    return READERS[key](config)


def aligned(observed: dict[str, object], wanted: dict[str, object]) -> dict[str, object]:
    """`observed` with host ports that nobody chose shown as such: a wish for any port is met by the one there is."""
    before, after = observed.get("publish"), wanted.get("publish")
    if not isinstance(before, list) or not isinstance(after, list):
        return observed
    open_wishes = [item for item in after if not item[1]]
    rest = [item for item in before if item not in after]
    kept = [item for item in before if item in after]
    for address, _outside, inside, protocol in open_wishes:
        match = next((item for item in rest if (item[0], item[2], item[3]) == (address, inside, protocol)), None)
        if match is not None:
            rest.remove(match)
            kept.append((address, 0, inside, protocol))
    return {**observed, "publish": sorted(kept + rest)}


def tolerant(observed: dict[str, object], wanted: dict[str, object]) -> dict[str, object]:
    """`observed` of a container that podman made, without what podman adds by itself.

    It hands the proxies of whoever calls it to every container, and gives a bind the nosuid, nodev and noexec of the
    file system that its source lies on.
    """
    made = dict(observed)
    env, wanted_env = observed.get("env"), wanted.get("env")
    if isinstance(env, dict) and isinstance(wanted_env, dict):
        made["env"] = {key: value for key, value in env.items() if key in wanted_env or key not in PROXIES}
    binds, wanted_binds = observed.get("volume"), wanted.get("volume")
    if isinstance(binds, dict) and isinstance(wanted_binds, dict):
        made["volume"] = {target: _less_strict(shown, wanted_binds.get(target)) for target, shown in binds.items()}
    return made


def _less_strict(shown: object, wanted: object) -> object:
    if not isinstance(shown, dict) or not isinstance(wanted, dict) or shown.get("type") != mounts.BIND:
        return shown
    extra = set(texts(shown, "options")) - set(texts(wanted, "options"))
    if not extra or not extra <= _INHERITED:
        return shown
    return {**shown, "options": [word for word in texts(shown, "options") if word not in extra]}
