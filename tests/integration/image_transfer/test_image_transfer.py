"""Images moved between hosts: from the controller's files, and from another host's store."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from images import Images
from machine import USER, Machine

HOST = "{name} ansible_connection=machine ansible_host={agent} ansible_python_interpreter=/usr/bin/python3 {more}\n"


class Pair:
    """`machine` receives; `other` is a further host of the inventory."""

    def __init__(self, machine: Machine, other: Machine) -> None:
        self.machine = machine
        self.other = other

    def transfer(
        self, options: dict, *flags: str, fails: bool = False, keywords: dict | None = None, more: str = ""
    ) -> dict:
        """Run the one task on `machine`; its result. `more` are further variables of the host `other`."""
        return self.transfers([options], *flags, fails=fails, keywords=keywords, more=more)[0]

    def transfers(
        self, wanted: list[dict], *flags: str, fails: bool = False, keywords: dict | None = None, more: str = ""
    ) -> list[dict]:
        """Several tasks in one play."""
        inventory = self.machine.share / "other.ini"
        inventory.write_text(HOST.format(name="other", agent=self.other.agent, more=more))
        out = Path(self.machine.share) / "result.json"
        out.unlink(missing_ok=True)
        tasks: list[dict] = [
            {
                "daemonless.oci.image_transfer": options,
                "register": f"moved{number}",
                "ignore_errors": True,
                "diff": True,
                **(keywords or {}),
            }
            for number, options in enumerate(wanted)
        ]
        results = ", ".join(f"moved{number}" for number in range(len(wanted)))
        copy = {"content": f"{{{{ [{results}] | to_json }}}}", "dest": str(out), "mode": "0644"}
        here = {"delegate_to": "localhost", "connection": "local", "check_mode": False, "become": False}
        play = {"hosts": "machine", "gather_facts": False, "tasks": [*tasks, {"ansible.builtin.copy": copy, **here}]}
        done = self.machine.playbook("\n" + json.dumps([play]), "-i", str(inventory), *flags)
        found = json.loads(out.read_text())
        for result in found:
            assert bool(result.get("failed")) is fails, (result.get("msg"), done.stdout[-3000:], done.stderr[-2000:])
        assert not re.search(r"Traceback|DEPRECATION", done.stdout + done.stderr), done.stdout + done.stderr
        return found


@pytest.fixture
def pair(new_machine: Callable[..., Machine]) -> Pair:
    return Pair(new_machine(), new_machine())


def listed(machine, user=None) -> list:
    return machine.podman_json(["images", "--no-trunc", "--digests", "--format", "json"], user)


def test_from_a_file(pair: Pair, images: Images) -> None:
    task = {"path": str(images.oci_archive), "name": "registry.example/app:1"}
    foreseen = pair.transfer(task, "--check")
    assert foreseen["changed"] and foreseen["bytes_sent"] == 0 and foreseen["layers"]
    assert listed(pair.machine) == []
    moved = pair.transfer(task)
    assert moved["changed"]
    assert {key: moved[key] for key in ("actions", "layers", "size", "diff")} == {
        key: foreseen[key] for key in ("actions", "layers", "size", "diff")
    }
    assert moved["bytes_sent"] == moved["size"], "what is compressed already travels as it is"
    (found,) = listed(pair.machine)
    assert found["Names"] == ["registry.example/app:1"]
    assert found["Id"] == moved["image"][0]["Id"]
    again = pair.transfer(task)
    assert not again["changed"] and again["bytes_sent"] == 0 and again["actions"] == []
    assert pair.machine.podman(["system", "check"]).stdout.strip() == ""
    assert not pair.machine.exists("/var/lib/containers/storage/libpod/daemonless-transfer")


def ids_of(machine: Machine, user: str | None = None) -> dict[str, tuple[str, str]]:
    return {name: (entry["Id"], entry["Digest"]) for entry in listed(machine, user) for name in entry["Names"]}


def test_from_another_host(pair: Pair) -> None:
    """Layers that are there by any way are not sent; id and manifest digest stay."""
    name = f"{pair.other.registry.host}/web:latest"
    pair.other.podman(["pull", "-q", name])
    pair.machine.podman(["pull", "-q", f"{pair.machine.registry.host}/busybox:latest"])
    task = {"name": name, "from_host": "other"}
    foreseen = pair.transfer(task, "--check")
    moved = pair.transfer(task)
    assert {key: moved[key] for key in ("actions", "layers", "size")} == {
        key: foreseen[key] for key in ("actions", "layers", "size")
    }
    content = pair.other.podman_json(["inspect", name])[0]["RootFS"]["Layers"]
    base = pair.machine.podman_json(["inspect", f"{pair.machine.registry.host}/busybox:latest"])[0]["RootFS"]["Layers"]
    assert [layer["digest"] for layer in moved["layers"]] == [layer for layer in content if layer not in base]
    assert set(content) & set(base), "the images share a layer"
    assert 0 < moved["bytes_sent"] < moved["size"], "tars travel compressed"
    assert ids_of(pair.machine)[name] == ids_of(pair.other)[name]
    run = ["run", "--rm", "--network=none", name, "cat", "index.html"]
    assert pair.machine.podman(run).stdout == pair.other.podman(run).stdout
    again, renamed = pair.transfers([task, {"name": "mine:2", "source_name": name, "from_host": "other"}])
    assert not again["changed"] and again["bytes_sent"] == 0
    assert renamed["changed"] and renamed["bytes_sent"] == 0 and renamed["layers"] == []
    assert ids_of(pair.machine)["localhost/mine:2"] == ids_of(pair.other)[name]
    for machine in (pair.machine, pair.other):
        assert not machine.exists("/var/lib/containers/storage/libpod/daemonless-transfer")
        assert machine.sh("ls -A /root/.ansible/tmp 2>/dev/null || true") == ""


@pytest.mark.parametrize(
    ("keywords", "more"),
    [
        ({"become": True, "become_user": USER}, ""),
        ({}, f"ansible_become=true ansible_become_user={USER}"),
        ({"become": True, "become_user": USER}, "ansible_become=false"),
    ],
    ids=["both become", "the source becomes", "the source's own variables win"],
)
def test_users(pair: Pair, keywords: dict, more: str) -> None:
    """Whose store it is on each side is decided as for any task."""
    target, source = keywords.get("become_user"), None if "=false" in more else USER
    pair.other.podman(["load", "-q", "-i", str(pair.other.lab.images.docker_archive)], source)
    name = listed(pair.other, source)[0]["Names"][0]
    moved = pair.transfer({"name": name, "from_host": "other"}, keywords=keywords, more=more)
    assert moved["changed"]
    assert ids_of(pair.machine, target)[name] == ids_of(pair.other, source)[name]


def test_from_root_to_a_user_who_cannot_take_over_files(pair: Pair) -> None:
    """On one host; and the source's layers come through answers where the log-in user may not see the task's files."""
    pair.machine.podman(["load", "-q", "-i", str(pair.machine.lab.images.docker_archive)], USER)
    name = listed(pair.machine, USER)[0]["Names"][0]
    task = {"name": name, "from_host": "machine", "source_become": True, "source_become_user": USER}
    moved = pair.transfer(task)
    assert moved["changed"] and moved["bytes_sent"] > 0
    assert ids_of(pair.machine)[name] == ids_of(pair.machine, USER)[name]
    assert not pair.machine.exists(f"/home/{USER}/.local/share/containers/storage/libpod/daemonless-transfer")


def test_delegated_with_platforms(pair: Pair) -> None:
    """With delegate_to the image goes to that host; of several platforms the one that it runs, or the one asked for."""
    registry = pair.other.registry
    layout = pair.machine.share / "multi"
    pair.other.skopeo(["copy", "-q", "--all", f"docker://{registry.host}/multi:latest", "oci:/srv/multi:one"])
    pair.other.run(["tar", "-C", "/srv", "-cf", str(pair.other.share / "multi.tar"), "multi"])
    shutil.unpack_archive(pair.other.share / "multi.tar", layout.parent)
    delegated = {"delegate_to": "other"}
    moved = pair.transfer({"path": f"oci:{layout}:one", "name": "app"}, keywords=delegated)
    mine = moved["image"][0]["Architecture"]
    assert mine == pair.other.podman_json(["info", "--format", "json"])["host"]["arch"]
    index = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    assert index in str(moved["image"][0]["RepoDigests"]), "the index is known as well"
    offered = pair.other.skopeo(["inspect", "--raw", f"docker://{registry.host}/multi:latest"]).stdout
    foreign = next(
        m["platform"]["architecture"] for m in json.loads(offered)["manifests"] if m["platform"]["architecture"] != mine
    )
    task = {"path": str(layout), "name": "foreign", "platform": f"linux/{foreign}"}
    assert pair.transfer(task, keywords=delegated)["image"][0]["Architecture"] == foreign
    assert set(ids_of(pair.other)) == {"localhost/app:latest", "localhost/foreign:latest"}
    assert listed(pair.machine) == []


PREFILL = """
import sys
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.parcels import Parcel, Parcels
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session

diff_id, digest, size, path = sys.argv[1:]
Parcels.of(Session.open()).keep(Parcel.checked(diff_id, digest, int(size)), 0, path)
"""


def test_goes_on_where_it_stopped_and_trusts_nothing(pair: Pair, images: Images) -> None:
    image = images["busybox:latest"]
    layer = image.layers[0]
    diff_id = f"sha256:{hashlib.sha256(image.diffs[0]).hexdigest()}"
    task = {"path": f"oci-archive:{images.oci_archive}", "name": "app"}
    half = len(layer.data) // 2

    def prefill(data: bytes) -> None:
        pair.machine.write("/srv/half", data)
        pair.machine.python(PREFILL, diff_id, str(layer.digest), str(len(layer.data)), "/srv/half")

    prefill(b"x" * half)
    failed = pair.transfer(task, fails=True)
    assert "has digest" in failed["msg"] or "damaged" in failed["msg"] or "gzip" in failed["msg"]
    assert listed(pair.machine) == [], "nothing of it is stored"
    prefill(layer.data[:half])
    moved = pair.transfer(task)
    assert moved["bytes_sent"] == len(layer.data) - half
    assert pair.machine.podman(["system", "check"]).stdout.strip() == ""


def test_refusals(pair: Pair, images: Images) -> None:
    path = str(images.oci_archive)
    reject = {"default": [{"type": "reject"}]}
    pair.machine.write("/root/.config/containers/policy.json", json.dumps(reject))
    for flags in (("--check",), ()):
        assert "rejects it" in pair.transfer({"path": path, "name": "app"}, *flags, fails=True)["msg"]
    assert not pair.machine.exists("/var/lib/containers/storage/libpod/daemonless-transfer")
    refused = {
        "one of the following is required: path, from_host": {"name": "app"},
        "mutually exclusive": {"path": path, "from_host": "other"},
        "nonexistent": {"path": "/nonexistent/app.tar"},
        "no host nobody in the inventory": {"name": "app", "from_host": "nobody"},
        "set name or source_name": {"from_host": "other"},
        "other: find image app: it is not on this host": {"name": "app", "from_host": "other"},
        "root file system": {"path": str(images.rootfs), "name": "app"},
    }
    for reason, result in zip(refused, pair.transfers(list(refused.values()), fails=True)):
        assert reason in result["msg"]
    gone = pair.transfer({"name": "app", "from_host": "other"}, fails=True, more="ansible_host=/nonexistent/agent")
    assert "other" in gone["msg"]
    assert not gone.get("unreachable"), "the host of the task is well"


def test_signatures_go_along(pair: Pair) -> None:
    """The receiving host's policy judges by what the sending store keeps of them, and keeps them in its turn."""
    here, other, host = pair.machine, pair.other, pair.other.registry.host
    other.sh(
        "export GNUPGHOME=/srv/gpg; mkdir -p -m 700 $GNUPGHOME; for name in good evil; do "
        "gpg --batch --quick-gen-key --passphrase '' $name@lab ed25519 sign never 2>/dev/null; "
        "gpg --export $name@lab >/srv/$name.gpg; done"
    )
    other.write("/etc/containers/registries.d/default.yaml", "default-docker:\n  lookaside: file:///srv/lookaside\n")
    name, insecure = f"{host}/signed:1", ["--src-tls-verify=false", "--dest-tls-verify=false", "--sign-by", "good@lab"]
    copy = ["--insecure-policy", "copy", "-q", *insecure, f"docker://{host}/busybox:latest", f"docker://{name}"]
    other.skopeo(copy, env={"GNUPGHOME": "/srv/gpg"})
    other.task("image", {"name": name, "validate_certs": False})
    task = {"name": name, "from_host": "other"}
    identity = {"type": "exactRepository", "dockerRepository": f"{host}/signed"}
    for key in ("evil", "good"):
        here.write(f"/srv/{key}.gpg", other.run(["base64", f"/srv/{key}.gpg"]).stdout)
        here.sh(f"base64 -d /srv/{key}.gpg >/srv/{key}.bin")
        rule = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": f"/srv/{key}.bin", "signedIdentity": identity}
        here.write("/root/.config/containers/policy.json", json.dumps({"default": [rule]}))
        for flags in (("--check",), ()):
            moved = pair.transfer(task, *flags, fails=key == "evil")
            assert moved["changed"] if key == "good" else "by a key that is not trusted" in moved["msg"]
    rows = json.loads(here.read("/var/lib/containers/storage/overlay-images/images.json"))
    row = next(row for row in rows if name in row["names"])
    assert f"signature-{row['digest'][7:]}" in row["big-data-names"]
    assert not pair.transfer(task)["changed"]


@pytest.mark.parametrize("step", ["image-layers-staged", "layers-recorded", "image-saved"])
def test_killed_while_it_is_stored(pair: Pair, step: str) -> None:
    """Before the store has anything of it, before it has the image, and when it has all: the next run goes on."""
    machine, name = pair.machine, f"{pair.other.registry.host}/busybox:latest"
    pair.other.podman(["pull", "-q", name])
    task = {"name": name, "from_host": "other"}
    killed = pair.transfer(task, fails=True, keywords={"environment": {"DAEMONLESS_STOP_AT": step}})
    assert not killed["changed"]
    machine.podman(["images"])
    assert pair.transfer(task)["bytes_sent"] == 0, "what came stays, until it is stored"
    assert ids_of(machine)[name] == ids_of(pair.other)[name]
    assert machine.podman(["system", "check"]).stdout.strip() == ""
    for each in (machine, pair.other):
        assert not each.exists("/var/lib/containers/storage/libpod/daemonless-transfer")
        assert each.sh("ls -A /var/lib/containers/storage/overlay/staging 2>/dev/null || true") == ""
