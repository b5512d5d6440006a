"""Words of `podman pull` as options."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task.pull_arguments import parse


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("-q --quiet", {}),
        ("--arch arm64 --os=linux --variant v8", {"arch": "arm64", "os": "linux", "variant": "v8"}),
        ("--tls-verify", {"validate_certs": True}),
        ("--tls-verify=false", {"validate_certs": False}),
        ("--retry 5 --retry-delay=2s", {"retry": 5, "retry_delay": "2s"}),
        ("--authfile '/a b.json' --cert-dir /c", {"auth_file": "/a b.json", "ca_cert_dir": "/c"}),
        ("--policy newer --platform linux/arm64", {"pull_policy": "newer", "platform": "linux/arm64"}),
    ],
)
def test_options(text: str, options: dict[str, object]) -> None:
    assert parse(text) == options


REFUSED = ["--all-tags", "--arch", "x", "--retry many", "--tls-verify=maybe", "--arch 'x", "--creds u:p"]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(BadInput, match="pull_extra_args"):
        parse(text)
