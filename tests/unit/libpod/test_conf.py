"""containers.conf: which files count, and how they merge."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.toml import loads
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import conf, conf_keys
from hypothesis import given
from hypothesis import strategies as st

ROOT = Identity(0, 0, "root", "/root", "/run", False, False)


class Host:
    """A tree with configuration files."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.environ: dict[str, str] = {}
        self.root = ROOT._replace(home=str(top / "root"))
        self.joe = Identity(1000, 1000, "joe", str(top / "home/joe"), "/run/user/1000", True, False)

    def write(self, path: str, text: str) -> Path:
        full = self.top / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        return full

    def load(self, who: Identity | None = None) -> conf.ContainersConf:
        return conf.load(who or self.root, self.environ, str(self.top))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_defaults_are_podmans(host: Host) -> None:
    found = host.load()
    assert found.files == ()
    assert (found.num_locks, found.lock_type, found.stop_timeout, found.pids_limit) == (2048, "shm", 10, 2048)
    assert (found.shm_size, found.log_size_max, found.events_logfile_max_size) == (65536 * 1000, -1, 1_000_000)
    assert (found.netns, found.ipcns, found.umask, found.cgroups) == ("private", "shareable", "0022", "enabled")
    assert len(found.default_capabilities) == 11 and all(name.startswith("CAP_") for name in found.default_capabilities)
    assert found.runtimes["crun"][0] == "/usr/bin/crun"
    assert found.default_subnet_pools[0] == ("10.89.0.0/16", 24)


@pytest.mark.parametrize("folder", ["", "storage", "/srv/big"])
def test_where_copies_of_images_wait(host: Host, folder: str) -> None:
    host.write("etc/containers/containers.conf", f'[engine]\nimage_copy_tmp_dir = "{folder}"\n')
    assert host.load().image_copy_tmp_dir == folder


def test_a_relative_place_for_copies_is_refused(host: Host) -> None:
    host.write("etc/containers/containers.conf", '[engine]\nimage_copy_tmp_dir = "big"\n')
    with pytest.raises(BadInput, match="absolute path"):
        host.load()


def test_every_key_has_a_field() -> None:
    assert {key.field for key in conf_keys.KEYS} | {"files"} == set(conf.ContainersConf._fields)


def test_later_files_win_key_by_key(host: Host) -> None:
    host.write("usr/share/containers/containers.conf", '[containers]\ntz = "a"\nuserns = "a"\numask = "a"\n')
    host.write("etc/containers/containers.conf", '[containers]\nuserns = "b"\numask = "b"\n')
    host.write("etc/containers/containers.conf.d/10.conf", '[containers]\numask = "c"\n')
    host.write("etc/containers/containers.conf.d/20.conf", "[engine]\nnum_locks = 64\n")
    host.write("etc/containers/containers.conf.d/30.txt", "[engine]\nnum_locks = 99\n")
    found = host.load()
    assert (found.tz, found.userns, found.umask, found.num_locks) == ("a", "b", "c", 64)
    assert [Path(path).name for path in found.files] == ["containers.conf", "containers.conf", "10.conf", "20.conf"]


def test_a_plain_user_reads_more_files_in_order(host: Host) -> None:
    places = [
        "etc/containers/containers.conf",
        "etc/containers/containers.rootless.conf",
        "etc/containers/containers.rootless.conf.d/a.conf",
        "etc/containers/containers.rootless.conf.d/1000/a.conf",
        "home/joe/.config/containers/containers.conf",
        "home/joe/.config/containers/containers.conf.d/a.conf",
    ]
    for number, place in enumerate(places):
        host.write(place, f'[containers]\ntz = "{number}"\n')
    host.write("etc/containers/containers.rootless.conf.d/1001/a.conf", '[containers]\ntz = "other"\n')
    found = host.load(host.joe)
    assert list(found.files) == [str(host.top / place) for place in places]
    assert found.tz == "5"
    assert host.load().tz == "0"


def test_roots_own_file_counts_too(host: Host) -> None:
    host.write("root/.config/containers/containers.conf", '[containers]\ntz = "own"\n')
    assert host.load().tz == "own"
    host.environ["XDG_CONFIG_HOME"] = str(host.top / "elsewhere")
    assert host.load().tz == ""


def test_containers_conf_replaces_all_but_the_override(host: Host) -> None:
    host.write("etc/containers/containers.conf", '[containers]\ntz = "etc"\nuserns = "etc"\n')
    host.environ["CONTAINERS_CONF"] = str(host.write("only.conf", '[containers]\ntz = "only"\n'))
    assert (host.load().tz, host.load().userns) == ("only", "")
    host.environ["CONTAINERS_CONF_OVERRIDE"] = str(host.write("over.conf", '[containers]\ntz = "over"\n'))
    assert host.load().tz == "over"
    host.environ["CONTAINERS_CONF"] = str(host.top / "missing.conf")
    with pytest.raises(HostLacks, match="missing.conf"):
        host.load()


def test_lists_replace_unless_told_to_append(host: Host) -> None:
    host.write("usr/share/containers/containers.conf", '[containers]\nenv = ["A=1"]\n')
    host.write("etc/containers/containers.conf", '[containers]\nenv = ["B=2", {append=true}]\n')
    assert host.load().env == ("A=1", "B=2")
    host.write("etc/containers/containers.conf.d/a.conf", '[containers]\nenv = ["C=3"]\n')
    assert host.load().env == ("A=1", "B=2", "C=3")  # the attribute holds for the files that follow
    host.write("etc/containers/containers.conf.d/b.conf", '[containers]\nenv = ["D=4", {append=false}]\n')
    assert host.load().env == ("D=4",)


def test_runtimes_are_added_by_name(host: Host) -> None:
    host.write(
        "etc/containers/containers.conf", '[engine]\nruntime = "mine"\n[engine.runtimes]\nmine = ["/opt/mine"]\n'
    )
    found = host.load()
    assert found.runtime == "mine"
    assert found.runtimes["mine"] == ("/opt/mine",)
    assert "crun" in found.runtimes


def test_values_in_our_units(host: Host) -> None:
    text = """
    [containers]
    shm_size = "1g"
    log_size_max = -1
    default_capabilities = ["chown", "CAP_KILL"]
    [engine]
    env = ["X=1"]
    events_logfile_max_size = "2m"
    [network]
    default_subnet_pools = [{base = "10.1.0.0/16", size = 24}]
    """
    host.write("etc/containers/containers.conf", text)
    found = host.load()
    assert found.shm_size == 1 << 30
    assert found.default_capabilities == ("CAP_CHOWN", "CAP_KILL")
    assert found.engine_env == ("X=1",)
    assert found.events_logfile_max_size == 2 << 20
    assert found.default_subnet_pools == (("10.1.0.0/16", 24),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[containers\n", "containers.conf"),
        ('[engine]\nnum_locks = "many"\n', r"\[engine\] num_locks.*'many' is not a integer"),
        ("[containers]\ninit = 1\n", r"\[containers\] init"),
        ("[containers]\nenv = 'A=1'\n", r"\[containers\] env.*not a list"),
        ("[containers]\nenv = [1]\n", r"\[containers\] env"),
        ("[containers]\nshm_size = 'big'\n", r"\[containers\] shm_size"),
        ("[engine]\nnum_locks = true\n", r"\[engine\] num_locks"),
        ("[engine]\nruntimes = 1\n", r"\[engine\] runtimes"),
        ("[network]\ndefault_subnet_pools = [1]\n", r"\[network\] default_subnet_pools"),
    ],
)
def test_mistakes_are_named_with_file_and_key(host: Host, text: str, named: str) -> None:
    host.write("etc/containers/containers.conf", text)
    with pytest.raises(BadInput, match=named):
        host.load()


def test_files_that_only_comment_cost_nothing(host: Host) -> None:
    host.write("usr/share/containers/containers.conf", "# [containers]\n[containers]\n  # tz = 'x'\n\n[engine]\n")
    assert host.load().tz == ""
    assert len(host.load().files) == 1


def test_unknown_keys_and_tables_are_ignored(host: Host) -> None:
    host.write("etc/containers/containers.conf", 'new = 1\n[machine]\ncpus = 3\n[containers]\nfuture = "x"\ntz = "y"\n')
    assert host.load().tz == "y"


def test_a_file_that_is_not_text_is_named(host: Host) -> None:
    host.write("etc/containers/containers.conf", "").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        host.load()


@pytest.mark.parametrize(
    ("comm", "journal", "expected"),
    [
        ("systemd", True, ("journald", "journald")),
        ("systemd", False, ("k8s-file", "file")),
        ("init", True, ("k8s-file", "file")),
    ],
)
def test_journal_is_used_where_podman_uses_it(host: Host, comm: str, journal: bool, expected: tuple[str, str]) -> None:
    host.write("proc/1/comm", f"{comm}\n")
    if journal:
        host.write("run/log/journal/0123/system.journal", "")
    runs = conf.journald_runs(str(host.top), str(host.top / "proc"))
    assert runs is (expected[0] == "journald")


@given(st.sampled_from(conf_keys.KEYS), st.one_of(st.integers(), st.booleans(), st.text(max_size=5)))
def test_any_scalar_is_taken_or_refused_by_name(key: conf_keys.Key, value: object) -> None:
    try:
        conf_keys.convert(key, value, key.name)
    except BadInput as error:
        assert key.name in str(error)


@given(st.text(alphabet="[]containers=#'\"env \n", max_size=60))
def test_skipping_files_that_set_nothing_loses_nothing(text: str) -> None:
    """The quick look may only skip what TOML reads as empty tables, or refuses."""
    if not conf._sets_nothing(text):
        return
    try:
        tables = loads(text)
    except BadInput:
        return
    assert all(value == {} for value in tables.values())


def test_our_own_table(host: Host) -> None:
    assert host.load().max_layer_size == 1 << 42
    host.write("etc/containers/containers.conf", '[daemonless]\nmax_layer_size = "5g"\nmax_layer_entries = 1000\n')
    found = host.load()
    assert (found.max_layer_size, found.max_layer_entries, found.max_layer_ratio) == (5 << 30, 1000, 400)


@pytest.mark.parametrize(
    "line, cause",
    [
        ("max_layer_sise = 1", "no such key: max_layer_sise"),
        ("max_layer_size = 0", "not above zero"),
        ("max_layer_ratio = -1", "not above zero"),
        ("max_layer_entries = true", "not a integer"),
    ],
)
def test_a_slip_in_our_own_table_is_no_wall_that_is_not_there(host: Host, line: str, cause: str) -> None:
    host.write("etc/containers/containers.conf", f"[daemonless]\n{line}\n")
    with pytest.raises(BadInput, match=cause):
        host.load()
    host.write("etc/containers/containers.conf", "daemonless = 1\n")
    with pytest.raises(BadInput, match="not a table"):
        host.load()
