"""image_prune and prune: what nobody uses goes, and what check mode said; podman then finds nothing more."""

from __future__ import annotations

from subprocess import CompletedProcess

import pytest
from machine import USER, Machine

BASE, OTHER, LOOSE = "localhost/busybox:latest", "localhost/other:1", "localhost/loose:1"


@pytest.fixture(params=[None, USER], ids=["root", "rootless"])
def user(request: pytest.FixtureRequest) -> str | None:
    return request.param


def loaded(machine: Machine, user: str | None) -> str:
    """An image with a name, one built on it, and one without a name; the id of the last."""
    machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)], user)
    for name, command in ((OTHER, "echo 1 >/one"), (LOOSE, "echo two and more >/two")):
        machine.podman(["run", "--name", "step", "--network", "none", BASE, "sh", "-c", command], user)
        machine.podman(["commit", "-q", "-c", f"LABEL made={name[10:15]}", "step", name], user)
        machine.podman(["rm", "-f", "-t0", "step"], user)
    identity = machine.podman(["image", "inspect", "-f", "{{.Id}}", LOOSE], user).stdout.strip()
    machine.podman(["untag", LOOSE], user)
    return identity


def names(machine: Machine, user: str | None) -> set[str]:
    """Without the image that podman makes for pods."""
    found = machine.podman(["images", "-a", "--format", "{{.Repository}}:{{.Tag}}"], user).stdout.split()
    return {name for name in found if not name.startswith("localhost/podman-pause:")}


def clean(machine: Machine, user: str | None) -> None:
    checked = machine.podman(["system", "check", "--quick"], user, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def run(machine: Machine, module: str, user: str | None, **options: object) -> dict:
    """The task in check mode, for real, and again: the same answer twice, and then no change."""
    before = names(machine, user)
    told = machine.task(module, options, user, check=True)
    assert names(machine, user) == before
    done = machine.task(module, options, user)
    for key in ("changed", "actions", "bytes", "diff"):
        assert told.get(key) == done.get(key), key
    again = machine.task(module, options, user)
    assert not again["changed"] and again["bytes"] == 0, again
    return done


def test_images(machine: Machine, user: str | None) -> None:
    loose = loaded(machine, user)
    machine.podman(["create", "--name", "user", "--network", "none", OTHER], user)
    done = run(machine, "image_prune", user)
    assert [(one["id"], one["names"]) for one in done["images"]] == [(loose, [])]
    assert 0 < done["bytes"] < 10_000  # not the layer that others stand on
    assert machine.podman(["image", "prune", "-f"], user).stdout == ""
    done = run(machine, "image_prune", user, all=True, filters={"label": "made"})
    assert not done["changed"]
    done = run(machine, "image_prune", user, all=True)
    assert [one["names"] for one in done["images"]] == [[BASE]]
    assert names(machine, user) == {OTHER}
    assert machine.podman(["image", "prune", "-a", "-f"], user).stdout == ""
    clean(machine, user)
    machine.podman(["rm", "user"], user)
    done = run(machine, "image_prune", user, all=True, filters={"until": "0s", "label!": "nothing"})
    assert done["bytes"] > 1_000_000
    assert machine.podman_json(["images", "--format", "json"], user) == []
    clean(machine, user)


def test_filters_keep_what_does_not_pass(machine: Machine, user: None = None) -> None:
    loaded(machine, user)
    assert not run(machine, "image_prune", user, all=True, filters={"until": "24h", "label": "made"})["changed"]
    assert len(run(machine, "image_prune", user, all=True, filters={"label": "made=other"})["images"]) == 1
    assert names(machine, user) == {BASE, "<none>:<none>"}
    machine.task("image_prune", {"filters": {"frob": 1}}, user, fails=True)


def test_containers_of_other_programs_keep_their_images(machine: Machine) -> None:
    loaded(machine, None)
    working = machine.buildah(["from", "--pull-never", OTHER]).stdout.strip()
    done = run(machine, "prune", None, container=True, image=True, image_filters={"dangling_only": False})
    assert OTHER in names(machine, None)
    assert done["image"]["changed"] and not done["container"]["changed"]
    done = run(machine, "prune", None, system=True, system_build=True, system_all=True)
    assert [one["names"] for one in done["system"]["details"]] == [[working], [OTHER]]
    assert machine.buildah(["containers", "-q"]).stdout == ""
    clean(machine, None)


def test_images_of_other_programs(machine: Machine) -> None:
    """buildah's working containers go with their images, a mounted one stays; podman judges, and does the same."""

    def ours(words: list[str]) -> CompletedProcess[str]:
        return machine.run(["daemonless", *words])

    loose = loaded(machine, None)
    clean_before = names(machine, None)
    working = machine.buildah(["from", "--pull-never", loose]).stdout.strip()
    mounted = machine.buildah(["from", "--pull-never", OTHER]).stdout.strip()
    machine.buildah(["mount", mounted])
    assert not run(machine, "image_prune", None)["changed"]
    machine.sh("mkdir -p /var/tmp/buildah-cache-0/abc/lib && echo kept >/var/tmp/buildah-cache-0/abc/file")
    done = run(machine, "image_prune", None, external=True, build_cache=True)
    assert [one["id"] for one in done["images"]] == [loose]
    assert working in done["actions"][0] and "build cache" in done["actions"][-1] and len(done["actions"]) == 3
    machine.sh("test ! -e /var/tmp/buildah-cache-0")
    assert names(machine, None) == clean_before - {"<none>:<none>"}
    wish = {"image": True, "image_filters": {"external": True, "dangling_only": False}}
    assert [one["names"] for one in run(machine, "prune", None, **wish)["image"]["details"]] == [[BASE]]
    assert OTHER in names(machine, None) and mounted in machine.buildah(["containers"]).stdout
    clean(machine, None)
    machine.buildah(["umount", mounted])
    machine.buildah(["rm", "-a"])
    # The same by the command, beside podman
    said = []
    for run_words in (ours, machine.podman):
        machine.podman(["rmi", "-a", "-f"])
        loaded(machine, None)
        machine.buildah(["from", "--pull-never", OTHER])
        machine.sh("mkdir -p /var/tmp/buildah-cache-0/abc")
        gone = run_words(["image", "prune", "-f", "-a", "--external", "--build-cache"])
        said.append(len(gone.stdout.split()))
        assert names(machine, None) == set() and machine.buildah(["containers", "-q"]).stdout == ""
        machine.sh("test ! -e /var/tmp/buildah-cache-0")
    assert said == [3, 3]
    clean(machine, None)


def test_what_killed_programs_left(machine: Machine) -> None:
    def ours(words: list[str], check: bool = True) -> CompletedProcess[str]:
        return machine.run(["daemonless", *words], check=check)

    loaded(machine, None)
    store = machine.podman(["info", "-f", "{{.Store.GraphRoot}}"]).stdout.strip()
    machine.task("image_tag", {"image": BASE, "target_names": ["again:1"]})  # the command comes with a change
    before = names(machine, None)
    for run_words in (ours, machine.podman):
        machine.sh(f"mkdir -p {store}/overlay/{'e' * 64}/diff")
        assert run_words(["system", "prune", "--external"]).stdout == ""
        machine.sh(f"test ! -e {store}/overlay/{'e' * 64}")
        refused = run_words(["system", "prune", "--external", "-a", "-f"], check=False)
        assert refused.returncode == 125 and "cannot be combined" in refused.stderr
    assert names(machine, None) == before
    clean(machine, None)


def test_everything(machine: Machine, user: str | None) -> None:
    """A container that needs another, a network and a volume; one that runs; and what only those that end use."""
    loaded(machine, user)
    made = [("create", "--network", "none", "-v", "kept:/data", "--name", "last", OTHER, "true")]
    made += [("run", "-d", "--network", "none", "-v", "used:/data", "--name", "runs", BASE, "sleep", "1000")]
    made += [("create", "--network", "old", "-v", "gone:/data", "-v", "/anon", "--name", "first", OTHER, "true")]
    made += [("create", "--network", "container:first", "--name", "second", OTHER, "true")]
    for name in ("old", "unused", "labelled"):
        machine.podman(["network", "create", *(["--label", "keep"] if name == "labelled" else []), name], user)
    for words in made:
        machine.podman(list(words), user)
    machine.sh("dd if=/dev/zero of=/tmp/fill bs=1000 count=7 2>/dev/null")
    path = machine.podman(["volume", "inspect", "-f", "{{.Mountpoint}}", "gone"], user).stdout.strip()
    machine.sh(f"cp /tmp/fill {path}/", user)
    done = run(
        machine,
        "prune",
        user,
        container=True,
        container_filters={"label!": "keep"},
        network=True,
        network_filters={"label!": "keep"},
    )
    assert len(done["container"]["container"]) == 3
    assert sorted(done["network"]["network"]) == ["old", "unused"]
    assert machine.podman(["ps", "-a", "--format", "{{.Names}}"], user).stdout.split() == ["runs"]
    for words in made[2:]:
        machine.podman([word.replace("old", "labelled") for word in words], user)
    for pod in ("ended", "kept"):
        machine.podman(["pod", "create", "--name", pod, "--network", "none", "--label", f"{pod}=1"], user)
        machine.podman(["run", "--pod", pod, "--name", f"in-{pod}", "-v", "podded:/data", BASE, "true"], user)
    machine.podman(["pod", "stop", "-t", "0", "ended"], user)
    labelled = {"container": True, "container_filters": {"label": "none"}, "system": True}
    assert "ended" in str(machine.task("prune", labelled, user, check=True)["diff"])
    done = run(machine, "prune", user, system=True, system_all=True, system_volumes=True)
    gone = [(one["kind"], *one["names"]) for one in done["system"]["details"]]
    assert gone[:3] == [("pod", "ended"), ("container", "second"), ("container", "first")]
    assert machine.podman(["pod", "ps", "--format", "{{.Name}}"], user).stdout.split() == ["kept"]
    assert {each for each in gone if each[0] in ("network", "volume")} >= {
        ("network", "labelled"),
        ("volume", "gone"),
        ("volume", "kept"),
    }
    assert names(machine, user) == {BASE}
    assert done["bytes"] >= 7000
    assert done["system"]["system"][0] == "Deleted Containers"
    assert set(machine.podman(["volume", "ls", "-q"], user).stdout.split()) == {"used", "podded"}
    assert machine.podman(["network", "ls", "-q"], user).stdout.split() == ["podman"]
    nothing = machine.podman(["system", "prune", "-a", "-f", "--volumes"], user).stdout
    assert nothing == "Total reclaimed space: 0B\n"
    clean(machine, user)
    machine.podman(["rm", "-f", "-t0", "runs"], user)


def test_nothing_asked_nothing_done(machine: Machine) -> None:
    loaded(machine, None)
    assert not run(machine, "prune", None)["changed"]
    assert len(names(machine, None)) == 3
