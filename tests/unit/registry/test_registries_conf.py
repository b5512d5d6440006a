"""registries.conf: which file counts, what later ones change, and where a name leads."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Denied, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import registries_conf
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.registries_conf import (
    Registries,
    load,
    match_prefix,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference

AT = "@sha256:" + "a" * 64


class Files:
    """A system and a home to write configuration into."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system, self.home = base / "etc", base / "home"
        monkeypatch.setattr(registries_conf, "SYSTEM", str(self.system))
        self.env: dict[str, str] = {}

    def write(self, where: str, text: str) -> Path:
        path = self.system / where[1:] if where.startswith("/") else self.home / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def load(self, *, rootless: bool = True) -> Registries:
        return load(Identity(1000, 1000, "u", str(self.home), "/run/user/1000", rootless, False), self.env)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    return Files(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "prefix", "length"),
    [
        ("q.io/app:1", "q.io", 4),
        ("q.io/app:1", "q.io/app", 8),
        ("q.io/app:1", "q.io/ap", None),
        ("q.io/app:1", "q.io/app:1", 10),
        ("q.io/app", "q.io/app/more", None),
        ("q.io:5000/app", "q.io", 4),
        ("q.ioxx/app", "q.io", None),
        ("q.io/app" + AT, "q.io/app", 8),
        ("a.b.example/app", "*.example", 11),
        ("a.example:5000/app", "*.example", 9),
        ("example/app", "*.example", None),
        ("q.io/a.example/x", "*.example", None),
        ("a.examples/x", "*.example", None),
    ],
)
def test_prefix(name: str, prefix: str, length: int | None) -> None:
    assert match_prefix(name, prefix) == length


def test_nothing_there(files: Files) -> None:
    found = files.load()
    ref = reference.parse("q.io/app:1")
    assert [str(place.reference) for place in found.endpoints(ref)] == ["q.io/app:1"]
    assert found.mode == "permissive"


def test_users_file_hides_the_systems(files: Files) -> None:
    files.write("/registries.conf", 'unqualified-search-registries = ["sys.example"]')
    files.write("/registries.conf.d/10.conf", 'short-name-mode = "enforcing"')
    assert files.load().search == ("sys.example",)
    assert files.load().mode == "enforcing"
    files.write(".config/containers/registries.conf", 'unqualified-search-registries = ["own.example"]')
    assert files.load().search == ("own.example",)
    assert files.load().mode == "permissive", "the system's drop-ins belong to the system's file"


def test_named_file_wins(files: Files) -> None:
    files.write(".config/containers/registries.conf", 'unqualified-search-registries = ["own.example"]')
    files.env["CONTAINERS_REGISTRIES_CONF"] = str(files.write("x.conf", 'unqualified-search-registries = ["x.io"]'))
    assert files.load().search == ("x.io",)
    files.env["CONTAINERS_REGISTRIES_CONF"] = "/nonexistent"
    with pytest.raises(BadInput, match="does not exist"):
        files.load()


def test_drop_ins_in_order(files: Files) -> None:
    files.write("/registries.conf", '[[registry]]\nlocation = "a.io"\nblocked = true\n[aliases]\none = "a.io/one"\n')
    files.write("/registries.conf.d/20.conf", '[[registry]]\nlocation = "a.io"\ninsecure = true\n')
    files.write("/registries.conf.d/10.conf", '[aliases]\none = "b.io/one"\ntwo = "b.io/two"\n')
    files.write("/registries.conf.d/30.ignored", "this is no TOML")
    files.write(".config/containers/registries.conf.d/01.conf", '[aliases]\ntwo = ""\n')
    found = files.load()
    assert found.registries["a.io"].blocked is False
    assert found.registries["a.io"].own.insecure is True
    assert str(found.alias("one:7")) == "b.io/one:7"
    assert found.alias("two") is None


def test_recorded_aliases_come_first(files: Files) -> None:
    files.write("/registries.conf", '[aliases]\none = "a.io/one"\n')
    files.write(".cache/containers/short-name-aliases.conf", '[aliases]\none = "c.io/one"\n')
    assert str(files.load().alias("one")) == "c.io/one"


MIRRORS = """
[[registry]]
prefix = "docker.io"
location = "hub.corp.example/dockerhub"
[[registry.mirror]]
location = "m1.example"
[[registry.mirror]]
location = "m2.example/x"
pull-from-mirror = "digest-only"
insecure = true
[[registry.mirror]]
location = "m3.example"
pull-from-mirror = "tag-only"
[[registry]]
prefix = "docker.io/library"
location = "lib.example/l"
[[registry]]
location = "old.example"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m4.example"
[[registry]]
prefix = "*.wild.example"
insecure = true
[[registry]]
prefix = "*.moved.example"
location = "new.example/all"
"""


@pytest.mark.parametrize(
    ("name", "places"),
    [
        (
            "docker.io/team/app:1",
            ["m1.example/team/app:1", "m3.example/team/app:1", "hub.corp.example/dockerhub/team/app:1"],
        ),
        (
            "docker.io/team/app" + AT,
            ["m1.example/team/app" + AT, "m2.example/x/team/app" + AT, "hub.corp.example/dockerhub/team/app" + AT],
        ),
        ("busybox", ["lib.example/l/busybox:latest"]),
        ("old.example/a", ["old.example/a:latest"]),
        ("old.example/a" + AT, ["m4.example/a" + AT, "old.example/a" + AT]),
        ("x.wild.example/a:1", ["x.wild.example/a:1"]),
        ("x.moved.example/a:1", ["new.example/all/a:1"]),
        ("other.example/a:1", ["other.example/a:1"]),
    ],
)
def test_places(files: Files, name: str, places: list[str]) -> None:
    files.write("/registries.conf", MIRRORS)
    found = files.load().endpoints(reference.parse(name).with_default_tag())
    assert [str(place.reference) for place in found] == places


def test_insecure_belongs_to_the_place(files: Files) -> None:
    files.write("/registries.conf", MIRRORS)
    found = files.load()
    assert [p.insecure for p in found.endpoints(reference.parse("docker.io/team/app" + AT))] == [False, True, False]
    assert [p.insecure for p in found.endpoints(reference.parse("x.wild.example/a"))] == [True]


def test_blocked(files: Files) -> None:
    files.write("/registries.conf", '[[registry]]\nprefix = "q.io/bad"\nlocation = "q.io/bad"\nblocked = true\n')
    with pytest.raises(Denied, match="blocked"):
        files.load().endpoints(reference.parse("q.io/bad/app"))
    assert files.load().endpoints(reference.parse("q.io/badly/app"))


def test_short_names(files: Files) -> None:
    files.write(
        "/registries.conf", 'unqualified-search-registries = ["one.io", "two.io:5000"]\n[aliases]\nal = "z.io/al"'
    )
    found = files.load()
    assert [str(name) for name in found.pull_candidates("app:1")] == ["one.io/app:1", "two.io:5000/app:1"]
    assert [str(name) for name in found.pull_candidates("al")] == ["z.io/al:latest"]
    assert [str(name) for name in found.pull_candidates("al:3")] == ["z.io/al:3"]
    assert [str(name) for name in found.pull_candidates("q.io/al")] == ["q.io/al:latest"]
    assert [str(name) for name in found.pull_candidates("docker://al")] == ["docker.io/library/al:latest"]
    assert [str(name) for name in found.local_candidates("al")] == [
        "z.io/al:latest",
        "localhost/al:latest",
        "one.io/al:latest",
        "two.io:5000/al:latest",
        "docker.io/library/al:latest",
    ]
    assert [str(name) for name in found.local_candidates("q.io/app")] == ["q.io/app:latest"]


def test_enforcing_does_not_guess(files: Files) -> None:
    files.write("/registries.conf", 'unqualified-search-registries = ["a.io", "b.io"]\nshort-name-mode = "enforcing"\n')
    with pytest.raises(BadInput, match=r"may mean a.io/app:latest, b.io/app:latest"):
        files.load().pull_candidates("app")
    files.write("/registries.conf", 'unqualified-search-registries = ["a.io"]\nshort-name-mode = "enforcing"\n')
    assert len(files.load().pull_candidates("app")) == 1


def test_no_search_registries(files: Files) -> None:
    with pytest.raises(NotFound, match="no unqualified-search-registries are set. Write the whole name"):
        files.load().pull_candidates("app")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[registries.search]\nregistries = ["a"]\n[[registry]]\nlocation = "b"', "mixes"),
        ('[registries.block]\nregistries = ["https://a"]', "must not have a scheme"),
        ('unqualified-search-registries = ["q.io/team"]', "not a host"),
        ("[[registry]]\n", "neither prefix nor location"),
        ('[[registry]]\nprefix = "q.io"\n', "has no location"),
        ('[[registry]]\nprefix = "*.q.io/x"\n', "of the form"),
        ('[[registry]]\nlocation = "https://q.io"\n', "must not have a scheme"),
        ('[[registry]]\nlocation = "q.io"\npull-from-mirror = "all"\n', "belongs to a mirror"),
        ('[[registry]]\nlocation = "q.io"\n[[registry.mirror]]\ninsecure = true\n', "has no location"),
        ('[[registry]]\nlocation = "q.io"\n[[registry.mirror]]\nlocation = "m"\npull-from-mirror = "x"', "not one of"),
        (
            '[[registry]]\nlocation = "q.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m"\n'
            'pull-from-mirror = "all"\n',
            "both",
        ),
        ('[[registry]]\nlocation = "q.io"\n[[registry]]\nlocation = "q.io"\nblocked = true\n', "another blocked"),
        (
            '[[registry]]\nprefix = "a"\nlocation = "q.io"\ninsecure = true\n[[registry]]\nlocation = "q.io"\n',
            "another insecure",
        ),
        ('short-name-mode = "maybe"', "not one of"),
        ('unqualified-search-registries = "q.io"', "list of texts"),
        ('[aliases]\na = "b"', "names no registry"),
        ('[aliases]\n"q.io/a" = "q.io/b"', "names a registry"),
        ('[aliases]\n"a:1" = "q.io/b"', "neither tag nor digest"),
        ('[aliases]\na = "q.io/b:1"', "neither tag nor digest"),
        ('[aliases]\nA = "q.io/b"', "not the name"),
        ("[aliases]\na = 1", "not a text"),
        ("insecure", "registries.conf: "),
    ],
)
def test_refused(files: Files, text: str, reason: str) -> None:
    path = files.write("/registries.conf", text)
    with pytest.raises(BadInput, match=reason) as caught:
        files.load()
    assert str(path) in str(caught.value)


def test_first_version_is_understood(files: Files) -> None:
    files.write(
        "/registries.conf",
        '[registries.search]\nregistries = ["a.io", "b.io:5000"]\n[registries.insecure]\nregistries = ["b.io:5000/"]\n'
        '[registries.block]\nregistries = ["bad.io"]\n',
    )
    found = files.load()
    assert found.search == ("a.io", "b.io:5000")
    assert [place.insecure for place in found.endpoints(reference.parse("b.io:5000/x"))] == [True]
    with pytest.raises(Denied, match="blocked"):
        found.endpoints(reference.parse("bad.io/x"))
    files.write("/registries.conf.d/1.conf", '[registries.search]\nregistries = ["a.io"]\n')
    with pytest.raises(BadInput, match="only the main file"):
        files.load()


def test_first_of_two_tables_counts(files: Files) -> None:
    files.write(
        "/registries.conf", "".join(f'[[registry]]\nprefix = "a.io"\nlocation = "{to}"\n' for to in ("b.io", "c.io"))
    )
    assert [str(place.reference) for place in files.load().endpoints(reference.parse("a.io/x:1"))] == ["b.io/x:1"]


def test_tags_do_not_select(files: Files) -> None:
    files.write("/registries.conf", '[[registry]]\nprefix = "a.io/x:1"\nlocation = "b.io/y"\n')
    assert [str(place.reference) for place in files.load().endpoints(reference.parse("a.io/x:1"))] == ["a.io/x:1"]


def test_push_goes_to_the_registry_itself(files: Files) -> None:
    files.write("/registries.conf", MIRRORS + '[[registry]]\nlocation = "bad.io"\nblocked = true\n')
    found = files.load()
    assert found.push_endpoint(reference.parse("docker.io/team/app:1")).reference.domain == "docker.io"
    assert found.push_endpoint(reference.parse("x.wild.example/a")).insecure is True
    with pytest.raises(Denied, match=r"push bad.io/a: .* blocked"):
        found.push_endpoint(reference.parse("bad.io/a"))


def test_helpers(files: Files) -> None:
    files.write("/registries.conf", 'credential-helpers = ["pass", "containers-auth.json"]')
    assert files.load().helpers == ("pass", "containers-auth.json")
    files.write("/registries.conf.d/1.conf", "credential-helpers = []")
    assert files.load().helpers == ("containers-auth.json",)


def test_caches_and_variables(files: Files, tmp_path: Path) -> None:
    files.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    (tmp_path / "cache/containers").mkdir(parents=True)
    (tmp_path / "cache/containers/short-name-aliases.conf").write_text('[aliases]\none = "c.io/one"\n')
    files.env["REGISTRIES_CONFIG_PATH"] = str(files.write("y.conf", 'unqualified-search-registries = ["y.io"]'))
    assert str(files.load().alias("one")) == "c.io/one"
    assert files.load().search == ("y.io",)
    files.env["CONTAINERS_REGISTRIES_CONF"] = ""
    assert files.load().search == (), "set to nothing, it hides the other variable and names no file"
