# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `secret`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..secret.desired import SecretDesired
    from ..secret.planner import Mode
    from ..secret.store import SecretStore
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "data": {"type": "str", "no_log": True},
    "path": {"type": "path"},
    "env": {"type": "str"},
    "labels": {"type": "dict"},
    "driver": {"type": "str"},
    "driver_opts": {"type": "dict"},
    "force": {"type": "bool", "default": False},
    "skip_existing": {"type": "bool", "default": False},
    "debug": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [["path", "env", "data"]],
    "required_if": [["state", "present", ["path", "env", "data"], True]],
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("secret", OPTIONS, reconcile, rules=RULES))


def reconcile(request: Request) -> Result:
    from ..secret import deeds
    from ..secret.planner import Mode

    wish = desired(request)
    mode = Mode(request.text("state") != "absent", request.flag("skip_existing"), request.flag("force"))
    store = deeds.open_store(request.session())
    if mode.present:
        from ..secret.desired import check_driver

        options = {str(key): str(value) for key, value in _table(request.params.get("driver_opts")).items()}
        check_driver(wish.name, request.text("driver"), options, store.values_directory)
    try:
        return _reconcile(request, store, wish, mode)
    except Conflict:  # another task has made it meanwhile: compare with that
        return _reconcile(request, store, wish, mode)


def _reconcile(request: Request, store: SecretStore, wish: SecretDesired, mode: Mode) -> Result:
    from ..secret import deeds
    from ..secret.desired import FILE
    from ..secret.planner import plan

    found = store.get(wish.name)
    if found is not None and found.driver != FILE and mode.present and not mode.skip_existing and not mode.force:
        raise Conflict(
            f"store secret {wish.name}",
            f"a secret of that name is with the driver {found.driver}",
            "Set force to have it replaced by one of the driver file",
        )
    same = found is not None and deeds.has_value(store, found, wish.value)
    made = plan(wish, found, same, mode)
    after = found
    if made.plan.changed and not request.check:
        after = deeds.apply(store, made, wish, found)
    return Result(deeds.shown(after) if after is not None and mode.present else {}, plan=made.plan)


def desired(request: Request) -> SecretDesired:
    """Raises BadInput, which never quotes a value."""
    from ..secret.desired import SecretDesired, check_name, check_value

    name = request.text("name")
    check_name(name)
    if request.text("state") == "absent":
        return SecretDesired(name)
    value = _value(request, name)
    check_value(name, value)
    given = request.params.get("labels")
    labels = None if given is None else {str(k): "" if v is None else str(v) for k, v in _table(given).items()}
    return SecretDesired(name, value, labels)


def _value(request: Request, name: str) -> bytes:
    deed = f"store secret {name}"
    if request.params.get("path") is not None:
        from ..base.files import read_bytes
        from ..secret.desired import MAX_BYTES

        path = request.text("path")
        try:
            return read_bytes(path, MAX_BYTES)
        except OSError as error:
            raise BadInput(deed, f"{path}: {error.strerror}") from error
    if request.params.get("env") is not None:
        variable = request.text("env")
        found = os.environb.get(os.fsencode(variable))
        if found is None:
            raise BadInput(deed, f"the environment variable {variable} is not set", "Set it with environment:")
        return found
    return request.text("data").encode("utf-8", "surrogateescape")


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
