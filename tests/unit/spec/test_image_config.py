"""Image configs as they are found, well-behaved and not."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import image_config
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.image_config import ImageConfig

DIFF = "sha256:" + "d" * 64


def read(document: object) -> ImageConfig:
    return image_config.parse(json.dumps(document).encode())


def config(**run: object) -> dict[str, object]:
    rootfs = {"type": "layers", "diff_ids": [DIFF]}
    return {"architecture": "amd64", "os": "linux", "config": run, "rootfs": rootfs}


def test_whole() -> None:
    found = read(
        {
            **config(
                Env=["PATH=/bin", "EMPTY=", "A=b=c"],
                Entrypoint=["/init"],
                Cmd=[],
                User="1:2",
                WorkingDir="/srv",
                Volumes={"/data": {}},
                ExposedPorts={"80/tcp": {}},
                Labels={"a": "b"},
                StopSignal="SIGQUIT",
                Healthcheck={"Test": ["CMD", "true"], "Interval": 1},
            ),
            "variant": "v2",
            "created": "2024-01-01T00:00:00Z",
            "history": [{"created_by": "x", "empty_layer": True}, {}],
        }
    )
    assert found.environment == {"PATH": "/bin", "EMPTY": "", "A": "b=c"}
    assert found.entrypoint == ("/init",)
    assert found.cmd == ()
    assert found.volumes == ("/data",)
    assert found.exposed_ports == ("80/tcp",)
    assert found.labels == {"a": "b"}
    assert found.healthcheck == {"Test": ["CMD", "true"], "Interval": 1}
    assert str(found.diff_ids[0]) == DIFF
    assert [line.empty_layer for line in found.history] == [True, False]
    assert str(found.platform) == "linux/amd64/v2"


def test_unset_is_not_empty() -> None:
    found = read(config())
    assert found.entrypoint is None
    assert found.cmd is None
    assert found.healthcheck is None


def test_env_without_value_never_takes_the_hosts() -> None:
    assert read(config(Env=["SECRET", "=x", "", "OK=1"])).env == ("OK=1",)


def test_null_everywhere_is_unset() -> None:
    keys = ("Env", "Entrypoint", "Cmd", "Volumes", "ExposedPorts", "Labels", "Healthcheck", "User", "WorkingDir")
    found = read(config(**dict.fromkeys(keys)))
    assert found == read(config())


def test_command_as_text_is_one_word() -> None:
    assert read(config(Cmd="/bin/sh -c x")).cmd == ("/bin/sh -c x",)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"config": []},
        config(Env="A=b"),
        config(Env=[1]),
        config(Labels={"a": 1}),
        config(User=0),
        config(Volumes=["/data"]),
        {"rootfs": {"type": "base", "diff_ids": []}},
        {"rootfs": {"type": "layers", "diff_ids": ["../../x"]}},
        {"rootfs": {"type": "layers", "diff_ids": DIFF}},
        {"history": [1]},
        {"architecture": 1},
        {"RootFS": {"type": "layers", "diff_ids": []}},
    ],
)
def test_refused(document: object) -> None:
    with pytest.raises(Corrupt, match="read the image config"):
        read(document)
