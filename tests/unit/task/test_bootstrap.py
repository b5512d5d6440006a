"""Where a task imports the engine from, and the copy that it leaves on the host."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils import bootstrap, installed
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks, Refused
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import install, links

ROOT = Path(__file__).resolve().parents[3]
UTILS = ROOT / "plugins" / "module_utils"
INSIDE = "ansible_collections/daemonless/oci/plugins/module_utils"


def small_engine(where: Path, text: str = "VALUE = 1\n") -> Path:
    """An engine of three files with a command that prints its arguments."""
    engine = where / "engine"
    for room in ("base", "cli"):
        (engine / room).mkdir(parents=True)
        (engine / room / "__init__.py").touch()
    (engine / "__init__.py").touch()
    (engine / "base" / "value.py").write_text(text)
    (engine / "base" / "bundle.py").write_bytes((UTILS / "engine" / "base" / "bundle.py").read_bytes())
    (engine / "cli" / "main.py").write_text(
        "from ..base.value import VALUE\n\ndef main(argv):\n    import sys\n"
        "    sys.stdout.write(f'{VALUE} {argv} {sys.flags.isolated} {__file__}\\n')\n    return len(argv)\n"
    )
    return where


def delivery(where: Path, base: Path) -> installed.Delivery:
    listing = installed.listing_of_directory(str(where / "engine"))
    return installed.Delivery(installed.digest_of(listing), listing, str(where), "engine/", str(base))


@pytest.fixture
def place(tmp_path: Path) -> installed.Delivery:
    return delivery(small_engine(tmp_path / "source"), tmp_path / "usr" / "lib" / "daemonless")


def zipped(path: Path, source: Path) -> ModuleType:
    """bootstrap.py as it is imported out of a payload that carries `source`/engine."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("bootstrap.py", "installed.py"):
            archive.write(UTILS / name, f"{INSIDE}/{name}")
        for file in sorted((source / "engine").rglob("*.py")):
            archive.write(file, f"{INSIDE}/engine/{file.relative_to(source / 'engine')}")
    package = ModuleType(f"payload_{path.stem}_{os.urandom(4).hex()}")
    package.__path__ = [f"{path}/{INSIDE}"]
    sys.modules[package.__name__] = package
    return import_module(f"{package.__name__}.bootstrap")


# --- which engine it is


def test_payload_and_directory_have_one_digest(tmp_path: Path) -> None:
    source = small_engine(tmp_path / "source")
    from_zip = zipped(tmp_path / "payload.zip", source).delivered()
    from_directory = delivery(source, tmp_path / "base")
    assert from_zip.digest == from_directory.digest
    assert from_zip.listing == from_directory.listing
    assert set(from_zip.listing) == {"base/bundle.py", "base/value.py", "cli/main.py"}
    assert from_zip.source == str(tmp_path / "payload.zip")


def test_digest_is_found_without_the_private_table_of_zipimport(tmp_path: Path) -> None:
    source = small_engine(tmp_path / "source")
    module = zipped(tmp_path / "payload.zip", source)
    expected = module.delivered().listing

    class Loader:
        archive = str(tmp_path / "payload.zip")

    assert module._listing_of_archive(Loader(), Loader.archive, f"{INSIDE}/engine/") == expected
    Loader._files = {f"{INSIDE}/engine/base/value.py": ("of", "another", "shape")}  # type: ignore[attr-defined]
    assert module._listing_of_archive(Loader(), Loader.archive, f"{INSIDE}/engine/") == expected


def test_digest_follows_content_and_names_and_nothing_else(tmp_path: Path) -> None:
    first = delivery(small_engine(tmp_path / "a"), tmp_path).digest
    same = small_engine(tmp_path / "b")
    (same / "engine" / "base" / "__pycache__").mkdir()
    (same / "engine" / "base" / "__pycache__" / "value.py").write_text("never looked at")
    (same / "engine" / "base" / "empty.py").touch()
    os.utime(same / "engine" / "base" / "value.py", (1, 1))
    assert delivery(same, tmp_path).digest == first
    assert delivery(small_engine(tmp_path / "c", "VALUE = 2\n"), tmp_path).digest != first
    (same / "engine" / "base" / "value.py").rename(same / "engine" / "base" / "other.py")
    assert delivery(same, tmp_path).digest != first


def test_what_is_imported_by_name_travels_with_every_module() -> None:
    """Ansible ships what import statements name, from bootstrap.py on, in functions and under TYPE_CHECKING too.

    The nouns of task/ and the commands of cli/ are imported by name at run time, so statements must name them as well.
    And the action plugin looks for a copy by the digest of all files, which a payload that lacks one never has.
    """
    carried: set[str] = set()
    waiting = ["bootstrap.py"]
    while waiting:
        name = waiting.pop()
        if name not in carried:
            carried.add(name)
            waiting += imported(name)
    files = {f"engine/{name}" for name in installed.listing_of_directory(str(UTILS / "engine"))}
    assert not files - carried, f"no import statement names {sorted(files - carried)}"


def imported(name: str) -> list[str]:
    tree = ast.parse((UTILS / name).read_text())
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = name.split("/")[: -node.level]
            target = [*package, *(node.module or "").split(".")] if node.module else package
            found.append("/".join(target) + ".py")
            found += ["/".join([*target, alias.name]) + ".py" for alias in node.names]
    return [one for one in found if (UTILS / one).is_file()]


# --- the copy


def test_the_first_installation_gives_a_command_that_works(place: installed.Delivery, tmp_path: Path) -> None:
    home = Path(install.install(place))
    assert place.fits(str(home))
    link = tmp_path / "usr" / "bin" / "daemonless"
    env = {"PYTHONPATH": str(tmp_path / "evil"), "PATH": os.environ["PATH"]}
    ran = subprocess.run([link, "ps", "-a"], capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
    assert ran.returncode == 2
    assert ran.stdout.startswith("1 ['ps', '-a'] 1 ")
    assert str(home) in ran.stdout
    assert (home / "daemonless").read_text().startswith("#!/")
    assert len(list(home.glob("engine.*.bundle"))) == 1
    assert list((home / "daemonless_oci" / "engine" / "base" / "__pycache__").glob("bundle.*.pyc"))


def test_a_second_installation_writes_nothing(place: installed.Delivery) -> None:
    home = install.install(place)
    before = {path: path.lstat().st_mtime_ns for path in Path(place.base).rglob("*")}
    assert install.install(place) == home
    assert {path: path.lstat().st_mtime_ns for path in Path(place.base).rglob("*")} == before


def test_modes_do_not_depend_on_the_umask(place: installed.Delivery) -> None:
    old = os.umask(0o077)
    try:
        home = Path(install.install(place))
    finally:
        os.umask(old)
    for path in [Path(place.base), home, *home.rglob("*")]:
        mode = path.lstat().st_mode & 0o777
        assert mode == (0o755 if path.is_dir() or path.name == "daemonless" else 0o644), path


def test_installations_at_once_end_with_one_whole_copy(place: installed.Delivery) -> None:
    children = []
    for _child in range(6):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = 0 if place.fits(install.install(place)) else 2
            finally:
                os._exit(code)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 6
    assert leftovers(place) == []


def leftovers(place: installed.Delivery) -> list[str]:
    return [name for name in os.listdir(place.base) if name.startswith((".new", ".old"))]


@pytest.mark.parametrize("step", ["runtime-written", "runtime-moved-aside", "runtime-installed"])
def test_killed_half_way_the_next_installation_repairs(place: installed.Delivery, step: str) -> None:
    home = install.install(place)
    (Path(home) / "daemonless").write_text("#!/bin/sh\nexit 9\n")
    assert not place.fits(home)
    pid = os.fork()
    if pid == 0:
        os.environ["DAEMONLESS_STOP_AT"] = step
        try:
            install.install(place)
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert place.fits(install.install(place))
    assert leftovers(place) == [] or step == "runtime-installed"


def _alter(home: Path) -> None:
    path = home / "daemonless_oci" / "engine" / "base" / "value.py"
    path.write_text(path.read_text().replace("1", "7"))


def _manifest(home: Path) -> None:
    path = home / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"].pop("daemonless_oci/engine/base/value.py")
    path.write_text(json.dumps(manifest))


def _linked(home: Path) -> None:
    home.rename(home.parent / "elsewhere")
    home.symlink_to(home.parent / "elsewhere")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a file altered": _alter,
    "a file gone": lambda home: (home / "daemonless_oci" / "engine" / "cli" / "main.py").unlink(),
    "a file writable for the group": lambda home: (home / "daemonless").chmod(0o775),
    "a directory writable for all": lambda home: (home / "daemonless_oci" / "engine" / "base").chmod(0o777),
    "the copy writable for all": lambda home: home.chmod(0o777),
    "a manifest that forgets a file": _manifest,
    "a manifest of nonsense": lambda home: (home / "manifest.json").write_text('{"files": 3}'),
    "a manifest that is no JSON": lambda home: (home / "manifest.json").write_text("{"),
    "no manifest": lambda home: (home / "manifest.json").unlink(),
    "a link instead of a copy": _linked,
    "a bundle altered": lambda home: next(home.glob("*.bundle")).write_bytes(b"\4\0\0\0evil"),
    "a bundle gone": lambda home: next(home.glob("*.bundle")).unlink(),
    "a file of another user": lambda home: os.chown(home / "daemonless", 12345, -1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_copy_is_not_used_and_replaced(place: installed.Delivery, damage: Callable[[Path], object]) -> None:
    home = Path(install.install(place))
    assert place.fits(str(home))
    try:
        damage(home)
    except PermissionError:
        pytest.skip("only root gives files away")
    assert not place.fits(str(home))
    assert install.install(place) == str(home)
    assert place.fits(str(home))


def test_a_copy_of_another_engine_does_not_fit(place: installed.Delivery, tmp_path: Path) -> None:
    other = delivery(small_engine(tmp_path / "other", "VALUE = 2\n"), Path(place.base))
    home = install.install(place)
    assert not other.fits(home)
    os.rename(home, os.path.join(place.base, other.digest))
    assert not other.fits(os.path.join(place.base, other.digest))


def test_where_others_can_write_nothing_is_installed_nor_used(place: installed.Delivery) -> None:
    home = install.install(place)
    os.chmod(place.base, 0o777)
    assert not place.fits(home)
    with pytest.raises(Refused, match="not yours alone"):
        install.install(place)


def test_below_a_directory_of_everybody_nothing_is_used(place: installed.Delivery) -> None:
    parent = os.path.dirname(place.base)
    home = install.install(place)
    os.chmod(parent, 0o777)
    assert not place.fits(home)
    with pytest.raises(Refused, match="or above it"):
        install.install(place)
    os.chmod(parent, 0o1777)
    assert place.fits(home)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "usr").write_text("a file where a directory should be")
    place = delivery(small_engine(tmp_path / "source"), tmp_path / "usr" / "lib" / "daemonless")
    with pytest.raises(HostLacks, match="install the runtime in .*/usr/lib/daemonless: .*Not a directory"):
        install.install(place)


# --- the command, and old versions


def test_somebody_elses_command_is_left_alone(place: installed.Delivery, tmp_path: Path) -> None:
    link = tmp_path / "usr" / "bin" / "daemonless"
    link.parent.mkdir(parents=True)
    link.write_text("theirs")
    install.install(place)
    assert link.read_text() == "theirs"


def test_a_lost_command_comes_back(place: installed.Delivery, tmp_path: Path) -> None:
    install.install(place)
    assert not links.link_is_missing(place.base)
    (tmp_path / "usr" / "bin" / "daemonless").unlink()
    assert links.link_is_missing(place.base)
    install.install(place)
    assert not links.link_is_missing(place.base)


def versions(place: installed.Delivery, tmp_path: Path, count: int, age: float) -> list[installed.Delivery]:
    """Install `count` further versions, the oldest first, all of them older than `place` is by `age` seconds."""
    made = []
    for number in range(count):
        other = delivery(small_engine(tmp_path / f"v{number}", f"VALUE = {number + 100}\n"), Path(place.base))
        install.install(other)
        made.append(other)
    for number, other in enumerate(made):
        manifest = os.path.join(other.base, other.digest, "manifest.json")
        written = os.stat(manifest).st_mtime - age - 100 * (count - number)
        os.utime(manifest, (written, written))
    return made


def test_old_versions_go_and_their_command_leads_to_the_new(place: installed.Delivery, tmp_path: Path) -> None:
    old = versions(place, tmp_path, 4, 2 * install.FRESH_SECONDS)
    install.install(place)
    kept = install.versions(place.base)
    assert kept == sorted([place.digest, old[-1].digest, old[-2].digest])
    stale = os.path.join(place.base, old[0].digest, "daemonless")
    ran = subprocess.run([stale, "container", "cleanup"], capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("1 ['container', 'cleanup']")
    assert install.install(old[0]) == os.path.dirname(stale)
    assert old[0].fits(os.path.dirname(stale))


def test_versions_of_the_last_day_stay(place: installed.Delivery, tmp_path: Path) -> None:
    versions(place, tmp_path, 4, 0)
    install.install(place)
    assert len(install.versions(place.base)) == 5


def test_a_version_that_a_process_uses_stays(place: installed.Delivery, tmp_path: Path) -> None:
    old = versions(place, tmp_path, 4, 2 * install.FRESH_SECONDS)
    command = os.path.join(place.base, old[0].digest, "daemonless")
    words = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", command]
    monitor = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert monitor.stdout
    monitor.stdout.readline()  # its command line can be read now
    try:
        install.install(place)
        assert old[0].digest in install.versions(place.base)
        assert old[1].digest not in install.versions(place.base)
    finally:
        monitor.communicate(b"")


@pytest.mark.parametrize(
    ("python", "first"),
    [
        ("/usr/bin/python3", "#!/usr/bin/python3 -IS"),
        ("/opt/my tools/python", "#!/bin/sh"),
        ("/very" * 60 + "/python", "#!/bin/sh"),
    ],
)
def test_first_line_of_the_command(python: str, first: str) -> None:
    text = install.script(python)
    assert text.splitlines()[0] == first
    compile(text, "daemonless", "exec")
    assert python in text


def test_a_python_in_a_directory_with_blanks_runs(
    place: installed.Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "my tools" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(install, "interpreter", lambda: str(python))
    home = install.install(place)
    ran = subprocess.run([os.path.join(home, "daemonless"), "a b", "c"], capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("1 ['a b', 'c']")


def test_the_commands_python_may_be_another_than_the_tasks(
    place: installed.Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = f"python3.{sys.version_info[1]}"
    names = [f"python3.{minor}" for minor in range(9, 20) if f"python3.{minor}" != ours]
    folders = [*os.get_exec_path(), *map(str, Path.home().glob(".pyenv/versions/*/bin"))]
    found = [path for folder in folders for name in names if os.access(path := os.path.join(folder, name), os.X_OK)]
    others = [path for path in found if "shims" not in path]
    if not others:
        pytest.skip("there is one Python only")
    monkeypatch.setattr(install, "interpreter", lambda: others[0])
    home = Path(install.install(place))
    assert place.fits(str(home))
    assert len(list(home.glob("*.bundle"))) == 2
    assert len(list((home / "daemonless_oci" / "engine" / "base" / "__pycache__").glob("bundle.*"))) == 2
    ran = subprocess.run([home / "daemonless", "x"], capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("1 ['x']")


def test_version_of_a_python(tmp_path: Path) -> None:
    assert install.python_version(str(tmp_path / "none")) == ()
    assert install.python_version(sys.executable) == sys.version_info[:2]
    (tmp_path / "python3").symlink_to(tmp_path / "python3.7")
    (tmp_path / "python3.7").touch()
    assert install.python_version(str(tmp_path / "python3")) == (3, 7)


def test_plain_users_have_their_own_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somebody/elses")
    if os.geteuid() == 0:
        monkeypatch.delenv("_CONTAINERS_ROOTLESS_UID", raising=False)
        assert installed.base_directory() == "/usr/local/lib/daemonless"
        monkeypatch.setenv("_CONTAINERS_ROOTLESS_UID", "1000")
    assert installed.base_directory().endswith("/.local/lib/daemonless")
    assert not installed.base_directory().startswith("/somebody")


def test_adopting_a_copy_leaves_the_search_path_alone(place: installed.Delivery) -> None:
    home = install.install(place)
    code = (
        f"import sys; sys.path.insert(0, {str(UTILS)!r}); import installed; before = list(sys.path)\n"
        f"installed.adopt({home!r}); from daemonless_oci.engine.base.value import VALUE\n"
        "assert VALUE == 1 and sys.path == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loader_of_a_plain_file_is_no_archive() -> None:
    found = bootstrap.delivered()
    assert found.source == str(UTILS)
    assert "base/errors.py" in found.listing
    assert spec_from_loader("x", bootstrap.__loader__) is not None
