"""Unit files for podman's generator: what options become, and what never gets into one."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, EngineError
from ansible_collections.daemonless.oci.plugins.module_utils.engine.quadlet import container, files, nouns, unit, words
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import (
    container_options,
    image,
    network,
    volume,
)

BASE = {"name": "web", "image": "i"}
# options, the lines that come of them; the name and the image are there beside them
CONTAINERS = [
    ({"command": ["sh", "-c", "echo a b"]}, ["Exec=sh -c 'echo a b'"]),
    ({"command": "httpd -f"}, ["Exec=httpd -f"]),
    ({"env": {"A": "b c", "N": 1}}, ["Environment='A=b c'", "Environment=N=1"]),
    ({"env": {"A": "it's"}}, ['Environment="A=it\'s"']),
    ({"env": {"HOME": "%h"}}, ["Environment=HOME=%h"]),
    ({"label": {"k": "v w"}}, ["Label='k=v w'"]),
    ({"publish": ["80:80", "81:81/udp"]}, ["PublishPort=80:80", "PublishPort=81:81/udp"]),
    ({"cap_add": ["a", "b"]}, ["AddCapability=a b"]),
    ({"user": "1:2"}, ["Group=2", "User=1"]),
    ({"tmpfs": {"/t": "size=1m", "/u": ""}}, ["Tmpfs=/t:size=1m", "Tmpfs=/u"]),
    ({"etc_hosts": {"db": "10.0.0.1"}}, ["AddHost=db:10.0.0.1"]),
    ({"log_opt": {"max_size": "1m", "tag": None}}, ["LogOpt=max-size=1m"]),
    (
        {"security_opt": ["no-new-privileges", "label=disable"]},
        ["NoNewPrivileges=true", "PodmanArgs=--security-opt label=disable"],
    ),
    ({"restart_policy": "always"}, ["[Service]", "Restart=always"]),
    ({"restart_policy": "unless-stopped"}, ["[Service]", "Restart=always"]),
    ({"memory": "1g", "cpus": "0.5"}, ["PodmanArgs=--cpus 0.5", "PodmanArgs=--memory 1g"]),
    ({"http_proxy": False, "tls_verify": False}, ["PodmanArgs=--http-proxy=false", "PodmanArgs=--tls-verify=false"]),
    ({"privileged": False, "tty": True}, ["PodmanArgs=--tty"]),
    ({"requires": ["a", "b"]}, ["PodmanArgs=--requires a,b"]),
    ({"env_merge": {"A": "${B} c"}}, ["PodmanArgs=--env-merge 'A=${B} c'"]),
    ({"hooks_dir": ["/h"]}, ["GlobalArgs=--hooks-dir /h"]),
    ({"cmd_args": ["--syslog"]}, ["PodmanArgs=--syslog"]),
    ({"init": True, "read_only": False}, ["ReadOnly=false", "RunInit=true"]),
    ({"oom_score_adj": 0}, ["PodmanArgs=--oom-score-adj 0"]),
    ({"gpus": "all"}, ["PodmanArgs=--gpus all"]),
]


def lines(text):
    return [line for line in unit.meant(text) if line]


@pytest.mark.parametrize(("options", "wanted"), CONTAINERS, ids=str)
def test_a_container(options, wanted):
    found = lines(unit.render(container.unit({**BASE, **options})))
    assert found[0] == "[Container]"
    assert [line for line in found[1:] if line not in ("ContainerName=web", "Image=i")] == wanted


def test_other_nouns():
    given = {
        "name": "n", "driver": None, "subnet": "10.0.0.0/24", "label": {"a": "b c"},
        "opt": {"mtu": 5, "isolate": "True"}, "internal": False, "route": ["10.1.0.0/24,10.0.0.1"],
    }  # fmt: skip
    assert lines(unit.render(nouns.network(given))) == [
        "[Network]", "NetworkName=n", "Internal=false", "Subnet=10.0.0.0/24", "Options=mtu=5", "Options=isolate=true",
        "Label='a=b c'", "PodmanArgs=--route 10.1.0.0/24,10.0.0.1",
    ]  # fmt: skip
    pair = [{"subnet": "10.0.0.0/24", "gateway": "10.0.0.1"}, {"subnet": "fd00::/64"}]
    found = lines(unit.render(nouns.network({"name": "n", "net_config": pair})))
    assert found[2:] == ["Gateway=10.0.0.1", "Subnet=10.0.0.0/24", "Subnet=fd00::/64"]
    given = {"name": "v", "options": ["type=tmpfs", "o=size=1m,mode=700"], "uid": 5}
    assert lines(unit.render(nouns.volume(given)))[2:] == [
        "PodmanArgs=--opt type=tmpfs", "PodmanArgs=--opt o=size=1m,mode=700", "PodmanArgs=--uid 5",
    ]  # fmt: skip
    given = {"name": "quay.io/a/b", "tag": "2", "auth_file": "/auth", "validate_certs": False, "os": "linux"}
    assert lines(unit.render(nouns.image(given)))[1:] == [
        "AuthFile=/auth", "Image=quay.io/a/b:2", "TLSVerify=false", "PodmanArgs=--os linux",
    ]  # fmt: skip


def test_ones_own_lines_and_sections():
    options = ["AutoUpdate=registry", "[Install]\nWantedBy=default.target\n"]
    text = unit.render(container.unit({**BASE, "restart_policy": "always"}), options)
    assert text == (
        f"{unit.MARK}\n[Container]\nContainerName=web\nImage=i\nAutoUpdate=registry\n\n"
        "[Service]\nRestart=always\n\n[Install]\nWantedBy=default.target\n"
    )
    text = unit.render(container.unit({**BASE, "restart_policy": "always"}), ["[Service]\nRestart=no"])
    assert "Restart=always" not in text and "Restart=no" in text
    assert unit.ours(text) and unit.meant(text) == unit.meant("# theirs\n" + text.partition("\n")[2])


EVIL = ["x\nExecStartPre=/bin/evil", "x\r", "x\0", "x\x1b[0m", "x\\"]


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_value_reaches_into_another_line(evil):
    """Each option of each module, whatever its kind: refused, or left out, or in a line of its own in quotes."""
    kinds = (
        (container_options.OPTIONS, container.unit, BASE),
        (network.OPTIONS, nouns.network, {"name": "n"}),
        (volume.OPTIONS, nouns.volume, {"name": "n"}),
        (image.OPTIONS, nouns.image, {"name": "n"}),
    )
    for table, make, base in kinds:
        for option, about in table.items():
            if about["type"] in ("bool", "int", "float") or option.startswith("quadlet_"):
                continue
            value = {"list": [evil], "dict": {"k": evil}}.get(str(about["type"]), evil)
            for given in (value, {evil: "v"}) if about["type"] == "dict" else (value,):
                try:
                    text = unit.render(make({**base, option: given}))
                except (BadInput, AttributeError):
                    continue
                assert evil[-1] == "\\" or evil not in text, option
                assert not any(line.startswith("ExecStartPre") for line in text.splitlines()), option
                assert not any(line.endswith("\\") for line in text.splitlines()), option


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a", "a"),
        ("", "''"),
        ("a b", "'a b'"),
        ("a'b", '"a\'b"'),
        ("a\\ b", '"a\\\\ b"'),
        ('a"b', "'a\"b'"),
        (True, "true"),
    ],
)
def test_words(text, wanted):
    assert words.word(text, "x") == wanted


def test_passwords_stay_out():
    with pytest.raises(BadInput, match="authfile"):
        container.unit({**BASE, "creds": "a:hunter2"})
    with pytest.raises(BadInput, match="auth_file") as caught:
        nouns.image({"name": "n", "password": "hunter2"})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(BadInput, match="no image"):
        container.unit({"name": "web"})
    assert container.unit({**BASE, "restart_policy": "on-failure:3"}).warnings


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "-x", "a b", "a\nb", "x;y"])
def test_names_that_are_none(name):
    with pytest.raises(BadInput):
        files.path_of("container", "web", "/d", name)


def test_names():
    assert files.path_of("container", "web", "/d", "") == "/d/web.container"
    assert files.path_of("container", "web", "/d", "other") == "/d/other.container"
    assert files.path_of("container", "web", "/d/../e", "other.container") == "/e/other.container"
    assert files.path_of("volume", "web@", "/d", "") == "/d/web@.volume"


def test_files(tmp_path):
    path = str(tmp_path / "new" / "web.container")
    assert files.look(path) == (path, None, 0o640)
    files.write(path, "text\n", 0o600)
    assert files.look(path) == (path, "text\n", 0o600)
    files.remove(path)
    files.remove(path)
    (tmp_path / "new" / "web.container").mkdir()
    with pytest.raises(EngineError):
        files.look(path)
    with pytest.raises(EngineError):
        files.write(path, "text\n", 0o600)
