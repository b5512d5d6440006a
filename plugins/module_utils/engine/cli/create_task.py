# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the words of `run` and `create` to the task that the module `container` would be given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..container import option_files, params
from .context import Usage
from .create_flags import OPTION_OF, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..container.desired import ContainerDesired
    from ..container.reconcile import Task
    from ..image.options import PullOptions
    from .goflags import Line

#: Options that tell how an image is fetched, not what the container is.
_PULLING = "arch authfile cert_dir creds os platform retry retry_delay tls_verify variant".split()
_FLAGS = ("pull",)
_HOST_FILES = ("cidfile", "conmon_pidfile", "pid_file")


def task_of(line: Line, name: str, command: Sequence[str]) -> Task:
    """`name` is what it will be called, `command` the whole command line. Raises BadInput, Usage."""
    from ..container.reconcile import Task

    options = _options(line.given)
    image, *words = line.words
    options["name"] = name
    options["image"] = _absolute(image) if options.get("rootfs") else image
    if words:
        options["command"] = words
    pulling = {key: options.pop(key) for key in _PULLING if key in options}
    flags = params.parse_flags({key: options.pop(key) for key in _FLAGS if key in options})
    desired = params.parse(options, option_files.read(params.files_needed(options)))
    return Task(desired, flags, _pull_options(pulling), tuple(command))


def wish_of(given: Mapping[str, object], name: str) -> ContainerDesired:
    """What flags say of a container that exists. Raises BadInput, Usage."""
    options = _options(given)
    return params.parse({**options, "name": name}, option_files.read(params.files_needed(options)))


def _options(given: Mapping[str, object]) -> dict[str, object]:
    for key in given:
        if key in REFUSED and given[key] not in (False, "", []):
            raise Usage(f"--{key} cannot be had: {REFUSED[key]}")
    found = {OPTION_OF[key]: value for key, value in given.items() if key in OPTION_OF and key not in REFUSED}
    for key in _SLICES & set(found):
        found[key] = slices(found[key])
    for key, read in _SPELLINGS.items():
        if key in found:
            found[key] = read(found[key])
    _pod(found, str(given.get("pod-id-file") or ""))
    _environment(found)
    labels(found)
    return found


def _pod(found: dict[str, object], path: str) -> None:
    if not path:
        return
    if found.get("pod"):
        raise Usage("--pod and --pod-id-file cannot be used together")
    with open(path, encoding="utf-8") as file:
        found["pod"] = file.read().split("\n", 1)[0].strip()


def labels(found: dict[str, object]) -> None:
    """Those of files first, so that --label has the last word."""
    kept: dict[str, str] = {}
    for path in _texts(found.pop("label_file", ())):
        lines = [line.strip() for line in option_files.read((path,))[path].decode("utf-8", "replace").splitlines()]
        kept.update(pairs([line for line in lines if line and not line.startswith("#")]))
    kept.update(pairs(_texts(found.get("label", ()))))
    if kept or "label" in found:
        found["label"] = kept


def _environment(found: dict[str, object]) -> None:
    """A bare NAME takes our value, in files as well; `NAME*` takes all that begin so."""
    kept: dict[str, str] = {}
    for path in _texts(found.pop("env_file", ())):
        kept.update(_variables(option_files.read((path,))[path].decode("utf-8", "replace").splitlines()))
    kept.update(_variables(_texts(found.get("env", ()))))
    if kept or "env" in found:
        found["env"] = kept


def _variables(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        entry = line.lstrip()
        if not entry or entry.startswith("#"):
            continue
        name, equals, value = entry.partition("=")
        if not name:
            raise Usage(f"invalid variable {line!r}: it reads NAME=VALUE")
        if equals:
            found[name] = value
        elif name.endswith("*"):
            found.update({key: text for key, text in os.environ.items() if key.startswith(name[:-1])})
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def _absolute(value: object) -> str:
    return os.path.abspath(str(value))


def pairs(value: object) -> dict[str, str]:
    """KEY=VALUE, several times, as a mapping."""
    return dict(text.partition("=")[::2] for text in _texts(value))


def _paths(value: object) -> list[str]:
    return [os.path.abspath(path) for path in _texts(value)]


def volumes(value: object) -> list[str]:
    """A path of the host may be given as seen from here."""
    found = []
    for text in _texts(value):
        source, colon, rest = text.partition(":")
        found.append(f"{os.path.abspath(source)}:{rest}" if colon and source.startswith((".", "~")) else text)
    return found


def _mounts(value: object) -> list[str]:
    found = []
    for text in _texts(value):
        words = text.split(",")
        for number, word in enumerate(words):
            key, equals, path = word.partition("=")
            if equals and key in ("src", "source") and path.startswith((".", "~")):
                words[number] = f"{key}={os.path.abspath(path)}"
        found.append(",".join(words))
    return found


def _networks(value: object) -> list[str]:
    """docker's word for the network that everybody is in, and podman's commas between several."""
    found: list[str] = []
    for text in _texts(value):
        found += text.split(",") if ":" not in text else [text]
    return ["bridge" if name == "default" else name for name in found]


def _weights(value: object) -> dict[str, str]:
    return dict(text.rpartition(":")[::2] for text in _texts(value))


def slices(value: object) -> list[str]:
    """Values parted by commas, as a line of CSV."""
    import csv

    return [item for row in csv.reader(_texts(value)) for item in row]


#: Flags of which podman takes several values in one word.
_SLICES = frozenset(
    """
    annotation blkio_weight_device cap_add cap_drop cgroup_conf chrootdirs device device_cgroup_rule device_read_bps
    device_read_iops device_write_bps device_write_iops dns dns_option dns_search etc_hosts expose gidmap group_add
    log_opt network_aliases publish requires sysctl uidmap ulimit
    """.split()
)
_SPELLINGS = {
    "annotation": pairs,
    "blkio_weight_device": _weights,
    "cgroup_conf": pairs,
    "env_merge": pairs,
    "hooks_dir": lambda value: [os.path.abspath(item) for item in _texts(value)],
    "gpus": lambda value: ",".join(_texts(value)),
    "env_file": _paths,
    "label_file": _paths,
    "log_opt": pairs,
    "mount": _mounts,
    "network": _networks,
    "sysctl": pairs,
    "volume": volumes,
    **dict.fromkeys(_HOST_FILES, _absolute),
}


def _pull_options(given: Mapping[str, object]) -> PullOptions | None:
    """None for the defaults. Raises BadInput, Usage."""
    if not given:
        return None
    from ..base.units import parse_duration
    from ..image.options import PullOptions
    from ..image.view import host
    from ..spec import platform

    def text(name: str) -> str:
        return str(given.get(name, ""))

    user, colon, password = text("creds").partition(":")
    if text("creds") and not (user and colon):
        raise Usage("--creds reads USER:PASSWORD")
    wanted = None
    if text("platform"):
        wanted = platform.parse(text("platform"))
    elif text("os") or text("arch") or text("variant"):
        wanted = platform.choose(host(), os=text("os"), architecture=text("arch"), variant=text("variant"))
    retries, delay, checked = text("retry"), text("retry_delay"), given.get("tls_verify")
    if retries and not retries.isdigit():
        raise Usage(f"invalid argument {retries!r} for --retry: it is not a number")
    return PullOptions(
        platform=wanted,
        username=user,
        password=password,
        auth_file=_absolute(text("authfile")) if text("authfile") else "",
        validate_certs=checked if isinstance(checked, bool) else None,
        ca_cert_dir=_absolute(text("cert_dir")) if text("cert_dir") else "",
        retries=int(retries) if retries else 3,
        retry_delay=parse_duration(delay, "retry_delay") / 1e9 if delay else None,
    )
