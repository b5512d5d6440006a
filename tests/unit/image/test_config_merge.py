"""One image configuration over another: what goes before, what is joined, and what is refused."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.config_merge import lay_over, parse

BASE = {
    "Cmd": ["a"],
    "Entrypoint": ["e"],
    "Env": ["A=1", "B=2"],
    "Labels": {"x": "1"},
    "User": "0",
    "StopSignal": "INT",
}


@pytest.mark.parametrize(
    ("over", "changed"),
    [
        ({}, {}),
        ({"User": "", "Cmd": [], "Env": None, "Labels": {}}, {}),
        ({"User": "7", "WorkingDir": "/w"}, {"User": "7", "WorkingDir": "/w"}),
        ({"Env": ["B=3=4", "C="]}, {"Env": ["A=1", "B=3=4", "C="]}),
        ({"Labels": {"x": "2", "y": "3"}}, {"Labels": {"x": "2", "y": "3"}}),
        ({"ExposedPorts": {"80/tcp": {}}}, {"ExposedPorts": {"80/tcp": {}}}),
        ({"Cmd": ["b"]}, {"Cmd": ["b"], "Entrypoint": None}),
        ({"Entrypoint": ["f"]}, {"Entrypoint": ["f"], "Cmd": None}),
        ({"Hostname": "h", "Tty": True, "Healthcheck": {"Test": ["NONE"]}, "Whatever": 1}, {}),
    ],
)
def test_laid_over(over: dict[str, object], changed: dict[str, object]) -> None:
    config = json.loads(json.dumps(BASE))
    lay_over(config, over, docker=False)
    expected = {key: value for key, value in {**BASE, **changed}.items() if value is not None}
    assert config == expected


def test_docker_knows_more() -> None:
    config: dict[str, object] = {"Healthcheck": {"Test": ["CMD", "old"]}}
    more = {
        "Hostname": "h",
        "Tty": True,
        "Healthcheck": {"Test": ["NONE"]},
        "OnBuild": ["RUN x"],
        "Shell": ["/bin/ash"],
    }
    lay_over(config, {**more, "Whatever": 1}, docker=True)
    assert config == more


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("\x00", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("3", "no object"),
        ('{"Cmd": "a b"}', "Cmd is not"),
        ('{"Env": [1]}', "Env is not"),
        ('{"Labels": {"a": 1}}', "Labels is not"),
        ('{"Volumes": ["/a"]}', "Volumes is not"),
        ('{"Tty": "yes"}', "Tty is not"),
        ('{"Healthcheck": {"Interval": true}}', "Healthcheck is not"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse(text.encode(), "read it")
    assert parse(b'{"Healthcheck": {"Test": ["CMD"], "Interval": 5}, "Env": null}', "read it")
