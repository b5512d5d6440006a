"""What image_info tells beside the inspection, in podman's own words; and choosing among images as podman does."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

#: /one looks as before in the layer above: as long, and as old
FIRST = "echo one >/one; touch -d '2000-01-01 00:00:00' /one; mkdir -p /deep/er; echo x >/deep/er/f; rm /etc/group"
MORE = "echo two >/one; touch -d '2000-01-01 00:00:00' /one; rm -r /deep; ln -s /one /l; chmod 700 /etc"
BASE, SECOND = "localhost/busybox:latest", "localhost/second:2"


@pytest.fixture(params=[None, USER], ids=["root", "rootless"], scope="module")
def user(request: pytest.FixtureRequest) -> str | None:
    return request.param


@pytest.fixture(scope="module")
def host(lab: object, user: str | None) -> Machine:
    """Images of podman's: one under two names, one built on it in steps that stay, and one without a name."""
    from machine import Spec

    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    made.podman(["load", "-q", "-i", str(made.lab.images.docker_archive)], user)
    made.podman(["tag", BASE, "quay.io/team/tool:1"], user)
    step = ["run", "--name", "step", "--network", "none"]
    made.podman([*step, BASE, "sh", "-c", FIRST], user)
    made.podman(["commit", "-q", "-c", "LABEL kind=second", "step", "localhost/first:1"], user)
    made.podman(["rm", "-f", "-t0", "step"], user)
    made.podman([*step, "localhost/first:1", "sh", "-c", MORE], user)
    made.podman(["commit", "-q", "step", SECOND], user)
    made.podman(["commit", "-q", "step", "localhost/loose:1"], user)
    made.podman(["untag", "localhost/loose:1"], user)
    yield made
    made.close()


def infos(host: Machine, user: str | None, **options: object) -> list[dict]:
    return host.task("image_info", options, user)["images"]


@pytest.mark.parametrize("name", [BASE, "localhost/first:1", SECOND])
def test_history(host: Machine, user: str | None, name: str) -> None:
    ours = infos(host, user, name=[name], history=True)[0]["history"]
    theirs = host.podman_json(["history", "--no-trunc", "--format", "json", name], user)
    assert [(step["id"], step["created_by"], step["size"], step["comment"], sorted(step["tags"])) for step in ours] == [
        (step["id"], step.get("CreatedBy", ""), step["size"], step.get("comment", ""), sorted(step.get("tags") or []))
        for step in theirs
    ]


@pytest.mark.parametrize("name", [BASE, SECOND])
def test_layers_and_tree(host: Machine, user: str | None, name: str) -> None:
    ours = infos(host, user, name=[name], layers=True)[0]
    assert ours["tree"] == host.podman(["image", "tree", name], user).stdout[:-1]
    assert [layer["diff_id"] for layer in ours["layers"]] == ours["RootFS"]["Layers"]
    assert name in ours["layers"][-1]["top_layer_of"]


def test_sizes(host: Machine, user: str | None) -> None:
    """What is shared podman has counted by layers since its version 5.5 only, so that is reckoned here."""
    ours = {each["Id"]: each["disk_usage"] for each in infos(host, user, size=True)}
    lines = host.podman(["system", "df", "-v"], user).stdout.split("\n\n")[1].splitlines()[1:]
    assert len(lines) == 5
    for line in lines:
        words = line.replace(" GB", "GB").split()
        identity, size, containers = words[2], words[-4], words[-1]
        usage = next(value for key, value in ours.items() if key.startswith(identity))
        assert human(usage["size"]) == size
        assert str(usage["containers"]) == containers
        assert usage["size"] == usage["shared"] + usage["unique"]
    layers = {name: infos(host, user, name=[name], layers=True)[0]["layers"] for name in (BASE, SECOND)}
    base, second = (next(each for each in infos(host, user, name=[name], size=True)) for name in (BASE, SECOND))
    assert base["disk_usage"]["shared"] == layers[BASE][0]["size"]
    # the image without a name has the same top layer
    assert second["disk_usage"]["shared"] == sum(layer["size"] for layer in layers[SECOND])


def human(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.4g}{unit}"
        size /= 1000
    return f"{size:.4g}GB"


def said(host: Machine, user: str | None, *names: str) -> dict[str, list[str]]:
    found = json.loads(host.podman(["image", "diff", "--format", "json", *names], user).stdout)
    return {kind: sorted(found.get(kind) or []) for kind in ("changed", "added", "deleted")}


def test_difference_from_the_layer_below(host: Machine, user: str | None) -> None:
    for name in ("localhost/first:1", SECOND):
        ours = infos(host, user, name=[name], diff_from_parent=True)[0]["diff"]
        assert ours == said(host, user, name)
    assert ours["deleted"] == ["/deep"]
    assert ours["added"] == ["/l"]
    assert {"/one", "/etc"} <= set(ours["changed"])


def test_difference_of_two_images(host: Machine, user: str | None) -> None:
    for one, other in ((SECOND, BASE), (BASE, SECOND), (SECOND, SECOND)):
        ours = infos(host, user, name=[one], diff_to=other)[0]["diff"]
        assert ours == said(host, user, one, other), (one, other)


@pytest.mark.parametrize(
    "filters",
    [
        {"dangling": True},
        {"dangling": "false"},
        {"reference": "busybox"},
        {"reference": "quay.io/*/tool"},
        {"reference": ["*/tool:1", "second:2"]},
        {"reference": "localhost/*:*"},
        {"reference!": "localhost/*"},
        {"label": "kind"},
        {"label": "kind=second"},
        {"label": "kind=other"},
        {"label!": "kind=second"},
        {"before": SECOND},
        {"since": "localhost/first:1"},
        {"until": "2001-01-01T00:00:00Z"},
        {"until": "0s"},
        {"containers": True},
        {"containers": "false", "label": "kind"},
        {"intermediate": True},
        {"readonly": "true"},
    ],
    ids=str,
)
def test_filters(host: Machine, user: str | None, filters: dict[str, object]) -> None:
    words = []
    for key, value in filters.items():
        for one in value if isinstance(value, list) else [value]:
            words += ["--filter", f"{key}={one}".lower() if isinstance(one, bool) else f"{key}={one}"]
    listed = host.podman(["images", "-a", "-q", "--no-trunc", *words], user).stdout.split()
    ours = {each["Id"] for each in infos(host, user, filters=filters)}
    assert ours == {identity.removeprefix("sha256:") for identity in listed}


def test_exists_and_what_is_refused(host: Machine, user: str | None) -> None:
    found = host.task("image_info", {"name": ["busybox", "nothing:1"]}, user)
    assert found["exists"] == {"busybox": True, "nothing:1": False}
    assert len(found["images"]) == 1
    for filters in ({"dangling": "perhaps"}, {"frob": "x"}, {"before": "nothing"}, {"until": "whenever"}):
        host.task("image_info", {"filters": filters}, user, fails=True)
    host.task("image_info", {"name": ["busybox"], "diff_to": "nothing"}, user, fails=True)
