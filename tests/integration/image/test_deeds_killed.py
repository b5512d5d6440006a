"""kill -9 at every step of every deed with images: what others see stays whole, and the deed done again ends well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from images import build, root_files, tar
from machine import USER, Machine

LOG = "/tmp/steps"
APP = "localhost/app:1"
HOST = "127.0.0.1:5000"
OTHER = "localhost/other:1"
MULTI = f"docker://{HOST}/multi:latest"
PUSH = {"name": APP, "pull": False, "push": True}
LOOSE = {"validate_certs": False}
COPY = {"src_validate_certs": False, "dest_validate_certs": False}
Wish = dict[str, Any]


#: Within the store all deeds take one way: two are killed everywhere on it here, pulls and removals elsewhere.
IN_STORE = frozenset((
    "layers-announced", "tar-split-placed", "layer-tree-placed", "layers-recorded", "layers-committed",
    "image-data-written", "layers-doomed", "layer-trees-gone",
))  # fmt: skip
EVERYWHERE = ("copy into the store", "import")


@dataclass(frozen=True)
class Deed:
    """``wish(n)`` is the n-th time, so that none finds what another left. ``seen``: how skopeo is to read it."""

    module: str
    wish: Callable[[int], Wish]
    seen: Callable[[int], list[str]] = lambda n: []
    before: Callable[[Machine, str | None, int], object] = lambda machine, user, n: None
    needs: tuple[str, ...] = ()

    @property
    def stores(self) -> bool:
        """Whether it changes the store of images."""
        return any(step.startswith(("image-row", "image-re", "image-named", "manifest-list")) for step in self.needs)


def importing(machine: Machine, user: str | None, n: int) -> None:
    machine.write("/srv/small.tar", tar({"small": f"{user}{n}"}))
    for name in ("a", "b"):
        wish = {"src": "/srv/small.tar", "name": f"localhost/{name}{n}"}
        machine.task("image_import", {**wish, "changes": [f"LABEL n={n}", f"LABEL of={name}{n}"]}, user)


DEEDS = {
    "push": Deed(
        "image",
        lambda n: {**PUSH, "push_args": {"dest": f"docker://{HOST}/pushed{n}:1"}, **LOOSE},
        lambda n: [f"docker://{HOST}/pushed{n}:1"],
        needs=("blob-pushed", "manifest-to-push", "image-pushed"),
    ),
    "push to a directory": Deed(
        "image",
        lambda n: {**PUSH, "push_args": {"dest": f"/tmp/dir{n}", "transport": "dir"}},
        lambda n: [f"dir:/tmp/dir{n}"],
        needs=("image-blob-copied", "dir-manifest-written"),
    ),
    "copy between registries": Deed(
        "image_copy",
        lambda n: {
            "src": f"docker://{HOST}/layered:1", "dest": f"docker://{HOST}/copied{n}:1", "compression": "gzip",
            "compression_level": 1 + n % 9, **COPY,
        },
        lambda n: [f"docker://{HOST}/copied{n}:1"],
        needs=("manifest-to-push", "image-copied"),
    ),
    "copy all platforms to a layout": Deed(
        "image_copy",
        lambda n: {"src": MULTI, "dest": f"oci:/tmp/copied{n}:x", "all_platforms": True, **COPY},
        lambda n: ["--raw", f"oci:/tmp/copied{n}:x"],
        needs=("image-blob-copied", "image-instance-copied", "layout-blobs-written"),
    ),
    "copy into the store": Deed(
        "image_copy",
        lambda n: {"src": f"docker://{HOST}/new:1", "dest": f"containers-storage:localhost/copied{n}:1", **COPY},
        lambda n: [f"containers-storage:localhost/copied{n}:1"],
        lambda machine, user, n: machine.podman(["rmi", "-f", f"localhost/copied{n - 1}:1"], user, check=False),
        needs=("layer-staged", "layer-placed", "image-recorded"),
    ),
    "save to a docker-archive": Deed(
        "image_save",
        lambda n: {"image": [APP, OTHER], "dest": f"/tmp/d{n}.tar", "multi_image_archive": True},
        lambda n: [f"docker-archive:/tmp/d{n}.tar:{APP}"],
        needs=("image-archived",),
    ),
    "save to an oci-archive": Deed(
        "image_save",
        lambda n: {"image": [APP], "dest": f"/tmp/o{n}.tar", "format": "oci-archive"},
        lambda n: [f"oci-archive:/tmp/o{n}.tar"],
        needs=("image-blobs-copied",),
    ),
    "import": Deed(
        "image_import",
        lambda n: {"src": f"/srv/rootfs{n}.tar", "name": f"localhost/imported{n}:1"},
        lambda n: [f"containers-storage:localhost/imported{n}:1"],
        lambda machine, user, n: machine.write(f"/srv/rootfs{n}.tar", tar({"n": f"{user}{n}"})),
        needs=("layer-placed", "image-recorded"),
    ),
    "export": Deed("image_export", lambda n: {"image": APP, "dest": f"/tmp/e{n}.tar"}, needs=("export-written",)),
    "tag": Deed(
        "image_tag",
        lambda n: {"image": APP, "target_names": [f"localhost/one:{n}", f"localhost/two:{n}"]},
        lambda n: [f"containers-storage:localhost/two:{n}"],
        needs=("image-renamed", "image-named"),
    ),
    "tags, exactly": Deed(
        "image",
        lambda n: {"name": APP, "pull": False, "tags": [f"x{n}", f"y{n}"], "append_tags": False},
        lambda n: [f"containers-storage:localhost/app:y{n}"],
        needs=("image-named", "image-unnamed"),
    ),
    "tags at a registry": Deed(
        "registry_tag",
        lambda n: {"name": f"{HOST}/layered:1", "tags": [f"x{n}", f"y{n}"], **LOOSE},
        lambda n: [f"docker://{HOST}/layered:y{n}"],
        needs=("registry-tag-set",),
    ),
    "tags at a registry deleted": Deed(
        "registry_tag",
        lambda n: {"name": f"{HOST}/layered", "tags": [f"p{n}", f"q{n}"], "state": "absent", **LOOSE},
        lambda n: [f"docker://{HOST}/layered:1"],
        lambda machine, user, n: machine.task(
            "registry_tag", {"name": f"{HOST}/layered:1", "tags": [f"p{n}", f"q{n}"], **LOOSE}, user
        ),
        needs=("registry-tag-deleted",),
    ),
    "list of images, pushed": Deed(
        "manifest_list",
        lambda n: {
            "name": f"localhost/list{n}:1", "images": [{"image": MULTI, "all": True}, {"image": APP}], "push": True,
            "dest": f"docker://{HOST}/list{n}:1", **LOOSE,
        },
        lambda n: ["--raw", f"docker://{HOST}/list{n}:1"],
        needs=("manifest-list-written", "manifest-list-pushed"),
    ),
    "prune": Deed(
        "image_prune",
        lambda n: {"all": True, "filters": {"label": f"n={n}"}},
        before=importing,
        needs=("image-pruned", "image-row-gone", "layer-rows-gone"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def host(shared_machine: Machine) -> Iterator[Machine]:
    machine = shared_machine
    second, third = {"srv": None, "srv/second": "2" * 100_000}, {"srv": None, "srv/third": "3\n"}
    layered = build("layered", [tar(root_files()), tar(second), tar(third)])
    machine.registry.push("layered:1", layered)
    machine.registry.push("other:1", build("other", [tar(root_files("other\n"))]))
    machine.registry.push("new:1", build("new", [tar(root_files("new\n")), tar(second), tar(third)]))
    for user in (None, USER):
        for name, source in ((APP, "layered:1"), (OTHER, "other:1")):
            wish = {"src": f"docker://{HOST}/{source}", "dest": f"containers-storage:{name}", **COPY}
            machine.task("image_copy", wish, user)
    yield machine


def sound(machine: Machine, user: str | None, step: str) -> None:
    checked = machine.podman(["system", "check"], user, check=False)
    assert checked.returncode == 0, f"{step}: {checked.stdout}{checked.stderr}"
    graph = "/var/lib/containers/storage" if user is None else f"/home/{user}/.local/share/containers/storage"
    assert machine.sh(f"ls -A {graph}/overlay/staging 2>/dev/null || true") == "", step


def steps_of(machine: Machine, deed: Deed, user: str | None) -> list[str]:
    """The first time that the deed passes each of its steps, and the last one where they are few."""
    deed.before(machine, user, 0)
    machine.sh(f"rm -f {LOG}")
    assert machine.task(deed.module, deed.wish(0), user, env={"DAEMONLESS_STEPS_LOG": LOG})["changed"]
    passed = machine.read(LOG).split()
    assert set(deed.needs) <= set(passed), passed
    steps = dict.fromkeys(name for name in passed if not name.startswith("runtime-"))
    found = [f"{step}:1" for step in steps]
    if len(steps) < 5:
        found += [f"{step}:{passed.count(step)}" for step in steps if passed.count(step) > 1]
    return found


def shown(machine: Machine, deed: Deed, user: str | None, n: int) -> str:
    """What skopeo reads of it; nothing while it is not there."""
    words = deed.seen(n)
    if not words:
        return ""
    loose = ["--tls-verify=false"] if HOST in words[-1] else []
    done = machine.skopeo(["inspect", *loose, *words], user, check=False)
    return done.stdout if done.returncode == 0 else ""


CASES = [*((name, None) for name in DEEDS), ("copy into the store", USER)]


@pytest.mark.parametrize(("name", "user"), CASES)
def test_killed_at_every_step(host: Machine, name: str, user: str | None) -> None:
    deed = DEEDS[name]
    steps = steps_of(host, deed, user)
    if name not in EVERYWHERE:
        steps = [step for step in steps if step.partition(":")[0] not in IN_STORE]
    for n, step in enumerate(steps, 1):
        deed.before(host, user, n)
        killed = host.attempt(deed.module, deed.wish(n), user, step)
        # Each worker counts for itself, so that a later pass of a step may not come.
        assert killed.returncode != 0 or not step.endswith(":1"), (step, killed)
        if deed.stores:
            host.podman(["images"], user)
        host.task(deed.module, deed.wish(n), user)
        assert bool(shown(host, deed, user, n)) is bool(deed.seen(n)), step
        again = host.task(deed.module, deed.wish(n), user)
        assert not again["changed"], (step, again)
        if deed.stores:
            sound(host, user, step)
    sound(host, user, name)
    # What is left is Ansible's: a module that is killed does not remove what it was unpacked to.
    left = host.sh("ls -A /tmp /var/tmp | grep -E 'part-|daemonless' | grep -vE '^(ansible_|daemonless-lab)' || true")
    assert left == ""


def test_an_archive_is_the_old_one_until_it_is_the_new_one(host: Machine) -> None:
    host.podman(["save", "-q", "-o", "/tmp/kept.tar", OTHER])
    before = host.sh("sha256sum /tmp/kept.tar")
    wish = {"image": [APP], "dest": "/tmp/kept.tar"}
    host.attempt("image_save", wish, step="image-archived")
    assert host.sh("sha256sum /tmp/kept.tar") == before
    host.task("image_save", wish)
    listed = json.loads(host.sh("tar -xOf /tmp/kept.tar manifest.json"))
    assert listed[0]["RepoTags"] == [APP]
