"""Units of systemd for containers: their text, and that what they run makes the same container."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli import create_flags, create_task, goflags
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import params
from ansible_collections.daemonless.oci.plugins.module_utils.engine.quadlet import command, service
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import container_options

FACTS = service.Facts("web", "/usr/local/lib/daemonless/current/daemonless", 10, "/run/containers/storage")


def test_the_text():
    wish = service.parse({"restart_sec": 5, "time": 3, "after": "db.service", "requires": ["a.service", "b.mount"]})
    assert service.name_of(wish, "web") == "container-web"
    assert (
        service.render(wish, FACTS)
        == """\
# container-web.service
# written by daemonless.oci

[Unit]
Description=Container web
Wants=network-online.target
After=network-online.target
After=db.service
Requires=a.service
Requires=b.mount
RequiresMountsFor=/run/containers/storage

[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
Restart=on-failure
RestartSec=5
TimeoutStopSec=63
ExecStart=/usr/local/lib/daemonless/current/daemonless start --attach --sig-proxy=false web
ExecStop=/usr/local/lib/daemonless/current/daemonless stop -i -t 3 web
ExecStopPost=/usr/local/lib/daemonless/current/daemonless stop -i -t 3 web
Type=exec
KillMode=process
StandardOutput=null
StandardError=null

[Install]
WantedBy=default.target
"""
    )


def test_names():
    assert service.parse({}) is None
    for given, name in (
        ({"container_prefix": "c", "separator": "."}, "c.web"),
        ({"container_prefix": ""}, "web"),
        ({"no_header": True}, "container-web"),
    ):
        assert service.name_of(service.parse(given), "web") == name
    assert not service.render(service.parse({"no_header": "yes"}), FACTS).startswith("#")


@pytest.mark.parametrize(
    "given",
    [
        {"nme": 1},
        {"names": False},
        {"restart_policy": "maybe"},
        {"restart_sec": "soon"},
        {"stop_timeout": -1},
        {"new": "perhaps"},
        {"after": ["a b"]},
        {"wants": "x\nExecStart=/bin/evil"},
        {"path": "/x\ny"},
    ],
    ids=str,
)
def test_mistakes(given):
    with pytest.raises(BadInput):
        service.parse(given)
    with pytest.raises(BadInput):
        service.name_of(service.parse({"separator": "/../"}), "web")


OPTIONS = {
    "annotation": {"a": "b c"},
    "cap_add": ["net_admin"],
    "cap_drop": ["chown", "kill"],
    "cpus": "0.5",
    "device": ["/dev/null:/dev/one"],
    "dns": ["10.0.0.1"],
    "dns_option": "ndots:2",
    "entrypoint": '["sh", "-c"]',
    "env": {"A": "b $HOME 50% 'q' \"z\"", "EMPTY": None},
    "etc_hosts": {"db": "10.0.0.1"},
    "healthcheck": "test -e /ok || exit 1",
    "healthcheck_interval": "1m",
    "hostname": "one",
    "http_proxy": False,
    "init": True,
    "interactive": True,
    "ip": "10.89.0.7",
    "label": {"a": "with blanks", "b": ""},
    "log_opt": {"max_size": "1m"},
    "memory": "64m",
    "mount": ["type=bind,src=/etc,dst=/d,ro"],
    "network": ["shop"],
    "network_aliases": ["one", "two"],
    "no_hostname": True,
    "oom_score_adj": 100,
    "pids_limit": "100",
    "publish": ["8080:80", "127.0.0.1:81:81/udp"],
    "read_only": True,
    "read_only_tmpfs": False,
    "requires": ["db"],
    "secrets": ["one,type=env,target=ONE"],
    "security_opt": ["no-new-privileges", "label=disable"],
    "shm_size": "1m",
    "stop_signal": 9,
    "stop_timeout": 3,
    "sysctl": {"net.ipv4.ip_forward": "1"},
    "systemd": "always",
    "timezone": "local",
    "tmpfs": {"/t": "size=1m", "/u": None},
    "tty": True,
    "uidmap": ["0:100000:1000"],
    "ulimit": ["nofile=100:200"],
    "umask": "0027",
    "unsetenv": ["X"],
    "user": "1000:1000",
    "uts": "private",
    "volume": ["data:/data:ro"],
    "workdir": "/tmp",
}


def test_what_the_unit_runs_makes_the_same_container():
    given = {**dict.fromkeys(container_options.OPTIONS), **OPTIONS, "name": "web", "image": "i:1"}
    argv = command.run(given, "web", ("echo", "a b", "--x"))
    assert argv[:5] == ["run", "--rm", "--replace", "--name", "web"]
    line = goflags.read(argv[1:], create_flags.FLAGS, stop_early=True)
    assert line.words == ("i:1", "echo", "a b", "--x")
    options = create_task._options(line.given)
    wanted = {key: value for key, value in OPTIONS.items() if value is not None}
    found = params.parse({**options, "name": "web", "image": "i:1"})
    expected = params.parse({**wanted, "name": "web", "image": "i:1", "rm": True})
    assert vars(found) == vars(expected)


def test_every_option_is_in_the_command_or_known_not_to_be():
    """An option that were forgotten would be missing from containers that a unit makes."""
    written = {option for option, _kind, _flag in (*command.TABLE, *command.container.FLAGS)}
    beside = {
        *"name state image command rootfs rm rmi restart_policy creds generate_systemd executable".split(),
        *"quadlet_dir quadlet_filename quadlet_file_mode quadlet_options".split(),
        *"image_strict recreate force_restart force_delete delete_volumes detach comparisons wait_timeout".split(),
        *"delete_depend attach delete_time restart_time stop_time cmd_args debug detach_keys log_level".split(),
        *"preserve_fd preserve_fds sig_proxy pod_id_file update_order".split(),
    }
    assert set(container_options.OPTIONS) - written - beside == set()


def test_what_systemd_would_take_for_its_own_is_escaped():
    facts = FACTS._replace(make=("run", "--env", "A=50% of $HOME", "it's"))
    text = service.render(service.parse({"new": True}), facts)
    assert "--env 'A=50%% of $$HOME' \"it's\"" in text
    with pytest.raises(BadInput, match="line break"):
        service.render(service.parse({"new": True}), FACTS._replace(make=("run", "a\nExecStart=/bin/evil")))
    with pytest.raises(BadInput, match="authfile"):
        command.run({"image": "i", "creds": "a:b"}, "web", ())
    with pytest.raises(BadInput, match="names no image"):
        command.run({}, "web", ())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="this host has no systemd-analyze")
def test_systemd_takes_it(tmp_path):
    facts = FACTS._replace(command="/bin/true", make=("run", "--env", "A=b c", "i"))
    path = tmp_path / "container-web.service"
    path.write_text(service.render(service.parse({"new": True, "restart_policy": "always"}), facts))
    argv = ["systemd-analyze", "verify", "--man=no", path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    said = [text for text in done.stderr.splitlines() if "container-web" in text]
    assert said == []
