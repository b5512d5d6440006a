"""Who stays with a container to its end finds nothing of it afterwards, where it was to vanish."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import run


@pytest.mark.parametrize(
    ("image_goes", "removing", "monitor", "looks"),
    [
        (False, [False], [], 1),
        (False, [True, True, False], [], 3),  # its row has gone; its volumes, its lock and its event follow
        (True, [False, False], [True, False], 2),  # and its image, when the monitor's exit command is through
    ],
)
def test_all_that_goes_with_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, image_goes: bool, removing: list[bool], monitor: list[bool], looks: int
) -> None:
    asked: list[str] = []

    def under_way(cid: str, deed: str) -> bool:
        asked.append(f"{cid} {deed}")
        return removing[len(asked) - 1]

    monkeypatch.setattr(run.lookup, "by_id", lambda session, cid: None)
    monkeypatch.setattr(run, "journal", lambda session: SimpleNamespace(under_way=under_way))
    monkeypatch.setattr(run, "monitor_alive", lambda init: monitor.pop(0))
    container = SimpleNamespace(id="c", init=None, auto_remove_image=image_goes)
    run._see_it_gone(SimpleNamespace(command="/bin/daemonless"), container)  # type: ignore[arg-type]
    assert asked == ["c remove"] * looks and monitor == []
