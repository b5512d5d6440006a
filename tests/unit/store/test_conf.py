"""storage.conf: which file counts, what it says, and what podman makes of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store import conf
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions, load


class Host:
    """A root and a user "ann" with files in a directory of the test."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = Identity(0, 0, "root", str(base / "root"), "/run", False, False)
        self.ann = Identity(1000, 1000, "ann", str(base / "ann"), str(base / "run-ann"), True, False)

    def write(self, place: str, text: str) -> str:
        path = self.base / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(conf, "_SYSTEM", (str(tmp_path / "etc/storage.conf"), str(tmp_path / "usr/storage.conf")))
    return Host(tmp_path)


def test_without_any_file(host: Host) -> None:
    assert load(host.root, {}) == StoreOptions("/var/lib/containers/storage", "/run/containers/storage")
    mine = load(host.ann, {})
    assert mine == StoreOptions(f"{host.base}/ann/.local/share/containers/storage", f"{host.base}/run-ann/containers")
    assert load(host.ann, {"XDG_DATA_HOME": "/data"}).graph_root == "/data/containers/storage"


def test_one_file_wins_and_nothing_is_merged(host: Host) -> None:
    host.write("usr/storage.conf", '[storage]\ngraphroot = "/usr-graph"\nrunroot = "/usr-run"\n')
    assert load(host.root, {})[:2] == ("/usr-graph", "/usr-run")
    host.write("etc/storage.conf", '[storage]\ngraphroot = "/etc-graph"\n')
    assert load(host.root, {})[:2] == ("/etc-graph", "/run/containers/storage")
    named = host.write("own.conf", '[storage]\nrunroot = "/own-run"\n')
    options = load(host.root, {"CONTAINERS_STORAGE_CONF": named})
    assert options[:2] == ("/var/lib/containers/storage", "/own-run") and options.config_file == named


def test_a_user_takes_options_but_no_paths_from_the_system(host: Host) -> None:
    host.write(
        "etc/storage.conf",
        '[storage]\ngraphroot = "/etc-graph"\nrunroot = "/etc-run"\n'
        '[storage.options.overlay]\nignore_chown_errors = "true"\n',
    )
    mine = load(host.ann, {})
    assert mine.graph_root == f"{host.base}/ann/.local/share/containers/storage" and mine.ignore_chown_errors
    host.write("etc/storage.conf", '[storage]\nrootless_storage_path = "/shared/$UID/storage"\n')
    assert load(host.ann, {}).graph_root == "/shared/1000/storage"
    host.write(
        "ann/.config/containers/storage.conf", '[storage]\ngraphroot = "$HOME/images"\nrunroot = "/tmp/${UID}r"\n'
    )
    assert load(host.ann, {})[:2] == (f"{host.base}/ann/images", "/tmp/1000r")
    host.write("xdg/containers/storage.conf", '[storage]\ngraphroot = "/x"\n')
    assert load(host.ann, {"XDG_CONFIG_HOME": f"{host.base}/xdg"}).graph_root == "/x"


def test_every_option_and_the_environment_over_it(host: Host) -> None:
    host.write(
        "etc/storage.conf",
        """
        [storage]
        driver = "overlay"
        transient_store = true
        [storage.options]
        additionalimagestores = ["/a", "/b", "relative"]
        disable-volatile = true
        mount_program = "/usr/bin/old"
        [storage.options.overlay]
        mount_program = "/usr/bin/fuse-overlayfs"
        mountopt = "nodev,metacopy=on"
        skip_mount_home = "true"
        sync = "filesystem"
        """,
    )
    options = load(host.root, {})
    assert options == StoreOptions(
        "/var/lib/containers/storage", "/run/containers/storage", "overlay", ("/a", "/b"), "/usr/bin/fuse-overlayfs",
        ("nodev", "metacopy=on"), False, True, True, True, "filesystem", options.config_file,
    )  # fmt: skip
    env = {"STORAGE_OPTS": "overlay.mount_program=/bin/other,mountopt=nodev"}
    assert load(host.root, env).mount_program == "/bin/other" and load(host.root, env).mountopt == ("nodev",)


def test_links_in_the_paths_are_resolved(host: Host) -> None:
    (host.base / "real").mkdir()
    (host.base / "link").symlink_to("real")
    host.write("etc/storage.conf", f'[storage]\ngraphroot = "{host.base}/link/graph"\n')
    assert load(host.root, {}).graph_root == f"{host.base}/real/graph"


@pytest.mark.parametrize(
    "text, env, error, cause",
    [
        ('[storage]\ndriver = "btrfs"\n', {}, HostLacks, "btrfs"),
        ("", {"STORAGE_DRIVER": "vfs"}, HostLacks, "vfs"),
        ('[storage]\ngraphroot = "relative"\n', {}, BadInput, "not an absolute path"),
        ("[storage\n", {}, BadInput, "etc/storage.conf"),
        ("", {"CONTAINERS_STORAGE_CONF": "/nowhere/x.conf"}, BadInput, "/nowhere/x.conf"),
    ],
)
def test_what_makes_no_sense(host: Host, text: str, env: dict[str, str], error: type[Exception], cause: str) -> None:
    host.write("etc/storage.conf", text)
    with pytest.raises(error, match=cause):
        load(host.root, env)
