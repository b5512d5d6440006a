"""What a wish for a volume comes to."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, EngineError
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume import planner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume.desired import (
    VolumeDesired,
    check,
    parse_options,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume.observed import VolumeView
from ansible_collections.daemonless.oci.plugins.module_utils.engine.volume.planner import Mode, Users

TMPFS = (("device", "tmpfs"), ("type", "tmpfs"))
NOBODY = Users()
AT_REST, RUNNING = Users(("web",), ()), Users(("web",), ("web",))
GIVEN = frozenset(("driver", "labels", "options"))


def volume(options: dict[str, str] | None = None, count: int = 0) -> VolumeView:
    return VolumeView("v", "/v/_data", "local", options or {}, {"a": "b"}, False, True, True, False, count, 1, "", ())


@pytest.mark.parametrize(
    ("wish", "found", "users", "mode", "steps"),
    [
        (VolumeDesired("v"), None, NOBODY, Mode(), ["create volume v"]),
        (VolumeDesired("v"), volume(), NOBODY, Mode(), []),
        (VolumeDesired("v"), None, NOBODY, Mode("absent"), []),
        (VolumeDesired("v"), volume(), NOBODY, Mode("absent"), ["remove volume v"]),
        (VolumeDesired("v"), volume(), AT_REST, Mode("absent"), "containers use it: web"),
        (VolumeDesired("v"), volume(), RUNNING, Mode(given=frozenset(("labels",))), ["change volume v label"]),
        (VolumeDesired("v", labels=(("a", "b"),)), volume(), RUNNING, Mode(given=GIVEN), []),
        (VolumeDesired("v", options=TMPFS), volume(), RUNNING, Mode(given=frozenset(("options",))), "run with it: web"),
        (VolumeDesired("v", options=TMPFS), volume(), AT_REST, Mode(given=frozenset(("options",))), 1),
        (VolumeDesired("v", uid=7), volume(), RUNNING, Mode(), ["change volume v uid"]),
        (VolumeDesired("v", driver="x"), volume(), NOBODY, Mode(given=frozenset(("driver",))), "its driver is local"),
        (VolumeDesired("v"), volume(), NOBODY, Mode(recreate=True), ["remove volume v", "create volume v"]),
        (VolumeDesired("v"), volume(), AT_REST, Mode(recreate=True), "containers use it"),
        (VolumeDesired("v"), volume(), NOBODY, Mode("mounted"), []),
        (VolumeDesired("v"), volume(dict(TMPFS)), NOBODY, Mode("mounted"), ["mount volume v"]),
        (VolumeDesired("v"), volume(dict(TMPFS), 1), RUNNING, Mode("mounted"), ["mount volume v"]),
        (VolumeDesired("v"), volume(dict(TMPFS), 2), RUNNING, Mode("mounted"), []),
        (VolumeDesired("v"), volume(dict(TMPFS), 1), RUNNING, Mode("unmounted"), []),
        (VolumeDesired("v"), volume(dict(TMPFS), 2), RUNNING, Mode("unmounted"), ["unmount volume v"]),
    ],
)
def test_plan(
    wish: VolumeDesired, found: VolumeView | None, users: Users, mode: Mode, steps: list[str] | str | int
) -> None:
    if isinstance(steps, str):
        with pytest.raises(EngineError) as raised:
            planner.plan(wish, found, users, mode)
        assert steps in str(raised.value)
        return
    made = planner.plan(wish, found, users, mode)
    assert len(made.steps) == steps if isinstance(steps, int) else [str(step) for step in made.steps] == steps


def test_options_as_podman_records_them() -> None:
    wish = VolumeDesired("v", options=parse_options(["type=tmpfs", "o=size=1m", "o=uid=5,noexec"]))
    assert wish.stored_options() == {"type": "tmpfs", "o": "size=1m,uid=5,noexec", "SIZE": "1m", "UID": "5"}
    assert wish.owner() == (5, None)
    assert wish._replace(uid=6).owner() == (6, None)
    check(wish)


@pytest.mark.parametrize("text", ["", "=", "type", "=tmpfs"])
def test_no_option(text: str) -> None:
    with pytest.raises(BadInput):
        parse_options([text])
