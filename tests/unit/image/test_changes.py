"""Instructions for an imported image's config."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.changes import apply


@pytest.mark.parametrize(
    ("changes", "config"),
    [
        ([], {}),
        (['CMD ["/bin/a", "b c"]'], {"Cmd": ["/bin/a", "b c"]}),
        (["cmd echo hi"], {"Cmd": ["/bin/sh", "-c", "echo hi"]}),
        (["CMD=/bin/sh"], {"Cmd": ["/bin/sh", "-c", "/bin/sh"]}),
        (["ENTRYPOINT []"], {"Entrypoint": []}),
        (["ENV A=1", "ENV A=2 B='x y'"], {"Env": ["A=2", "B=x y"]}),
        (["ENV A old style"], {"Env": ["A=old style"]}),
        (["ENV=A=1"], {"Env": ["A=1"]}),
        (["LABEL a=b", 'LABEL c="d e"'], {"Labels": {"a": "b", "c": "d e"}}),
        (["EXPOSE 80 53/udp 1000-1002"], {"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "1000-1002/tcp": {}}}),
        (["VOLUME /a /b"], {"Volumes": {"/a": {}, "/b": {}}}),
        (['VOLUME ["/a b"]'], {"Volumes": {"/a b": {}}}),
        (["USER 1:2", "WORKDIR /w", "STOPSIGNAL SIGINT"], {"User": "1:2", "WorkingDir": "/w", "StopSignal": "SIGINT"}),
    ],
)
def test_applied(changes: list[str], config: dict[str, object]) -> None:
    assert apply(tuple(changes)) == config


@pytest.mark.parametrize(
    "change",
    ["", "CMD", "RUN true", "CMD [1]", 'CMD ["a"', "EXPOSE http", "EXPOSE 80/x", "ENV A='", "VOLUME [", "FROM x"],
)
def test_refused(change: str) -> None:
    with pytest.raises(BadInput, match="read change"):
        apply((change,))
