"""What `ansible-galaxy collection build` makes of the tree: everything a user needs, and nothing foreign."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent.parent
AT_TOP = {
    "CHANGELOG.rst",
    "CONTRIBUTING.md",
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Paths in a tarball built from the tree as it is, virtual environment and caches included."""
    out = tmp_path_factory.mktemp("tarball")
    program = Path(sys.executable).with_name("ansible-galaxy")
    environment = {**os.environ, "ANSIBLE_HOME": str(out), "ANSIBLE_LOCAL_TEMP": str(out)}
    subprocess.run(
        [str(program), "collection", "build", "--output-path", str(out), str(ROOT)],
        env=environment,
        check=True,
        capture_output=True,
    )
    with tarfile.open(out / f"daemonless-oci-{galaxy()['version']}.tar.gz") as archive:
        return archive.getnames()


def galaxy() -> dict[str, object]:
    loaded = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def module_names() -> set[str]:
    return {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}


def test_nothing_foreign(names: list[str]) -> None:
    assert {name.split("/")[0] for name in names} <= AT_TOP
    assert [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".tar.gz", "~"))] == []


def test_what_travels_is_tracked(names: list[str]) -> None:
    """A file that lies about in the work tree must not reach users: all that is built is in git, or will be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    files = {name for name in names if (ROOT / name).is_file()}
    assert files - set(listed) == set()


def test_everything_needed(names: list[str]) -> None:
    missing = [
        path.relative_to(ROOT).as_posix()
        for folder in ("plugins", "roles", "playbooks", "meta")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and not set(path.parts) & {"__pycache__", ".mypy_cache", ".ruff_cache"}
        and path.relative_to(ROOT).as_posix() not in names
    ]
    assert missing == []


def test_identity() -> None:
    known = galaxy()
    assert (known["namespace"], known["name"]) == ("daemonless", "oci")
    assert known["license"] == ["GPL-3.0-or-later"]


def test_action_group_holds_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"] == ">=2.17.0"
    group = runtime["action_groups"]["all"]
    assert group == sorted(group)
    assert set(group) == module_names() - {"task"}  # sent by the action plugins, not written in playbooks


def test_modules_carry_the_version_they_came_with() -> None:
    for name in module_names():
        tree = ast.parse((ROOT / "plugins" / "modules" / f"{name}.py").read_text())
        documentation = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
        )
        assert yaml.safe_load(documentation)["version_added"], name


def test_changelog_fragments_are_well_formed() -> None:
    program = Path(sys.executable).with_name("antsibull-changelog")
    done = subprocess.run([str(program), "lint"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
