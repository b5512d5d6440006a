# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ps --filter`: within a key any value may match (labels: all must), and every key must."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..container.model import Container

    Test = Callable[[Container, str], bool]


def matching(containers: list[Container], wanted: dict[str, list[str]]) -> list[Container]:
    """Raises Usage for a key that does not exist."""
    kept = containers
    for key, values in wanted.items():
        if key in ("before", "since"):
            kept = _by_age(containers, kept, key, values)
            continue
        test = _TESTS.get(key)
        if test is None:
            raise Usage(f"{key} is an invalid filter")
        every = all if key in ("label", "label!") else any
        kept = [container for container in kept if every(test(container, value) for value in values)]
    return kept


def _by_age(everyone: list[Container], kept: list[Container], key: str, values: list[str]) -> list[Container]:
    for value in values:
        named = [other for other in everyone if other.name == value or other.id.startswith(value)]
        if not named:
            raise Usage(f"no container with name or ID {value!r} found")
        pivot = named[0].created
        kept = [one for one in kept if (one.created < pivot if key == "before" else one.created > pivot)]
    return kept


def label_matches(labels: dict[str, str], value: str) -> bool:
    """`key` or `key=value`."""
    key, equals, text = value.partition("=")
    return key in labels and (not equals or labels[key] == text)


def is_ancestor(name: str, identity: str, value: str) -> bool:
    """Whether an image of this name and id is meant: by its id's beginning, with or without registry and tag."""
    without_tag = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    same = {name, without_tag, name.rpartition("/")[2], without_tag.rpartition("/")[2]}
    return value in same or (len(value) >= 3 and identity.startswith(value))


def name_fits(name: str, value: str) -> bool:
    try:
        return re.search(value, name) is not None
    except re.error as error:
        raise Usage(f"filter name={value}: {error}") from error


def _network(container: Container, value: str) -> bool:
    from .ps import networks

    return value in networks(container)


def _volume(container: Container, value: str) -> bool:
    from ..base import jsonval
    from ..container.model import volume_names

    return value in volume_names(container.config) or value in jsonval.texts(container.config, "userVolumes")


def _exited(container: Container, value: str) -> bool:
    return container.status == "exited" and str(container.exit_code) == value


def _starts_at_boot(container: Container, value: str) -> bool:
    from ..base import jsonval

    if value not in ("true", "false"):
        raise Usage(f"filter should-start-on-boot={value}: it is true or false")
    by_user = jsonval.flag(container.state, "stoppedByUser")
    policy = container.restart_policy
    return (policy == "always" or (policy == "unless-stopped" and not by_user)) == (value == "true")


_TESTS: dict[str, Test] = {
    "id": lambda container, value: container.id.startswith(value.lower()),
    "name": lambda container, value: name_fits(container.name, value),
    "label": lambda container, value: label_matches(container.labels, value),
    "label!": lambda container, value: not label_matches(container.labels, value),
    "status": lambda container, value: container.status == ("exited" if value == "stopped" else value),
    "exited": _exited,
    "ancestor": lambda container, value: is_ancestor(container.image_name, container.image_id, value),
    "network": _network,
    "volume": _volume,
    "pod": lambda container, value: bool(container.pod_id) and container.pod_id.startswith(value),
    "should-start-on-boot": _starts_at_boot,
    "restart-policy": lambda container, value: container.restart_policy == value,
}
