"""Pushing by the module image; skopeo is the judge."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

WEB = "127.0.0.1:5000/web:latest"


@pytest.mark.parametrize("user", [None, USER])
def test_pushed_when_it_differs(machine: Machine, user: str | None) -> None:
    registry = machine.registry
    wish = {"name": WEB, "push": True, "push_args": {"dest": "127.0.0.1:5000/team/copy:1"}, "validate_certs": False}
    ahead = machine.task("image", wish, user=user, check=True)
    done = machine.task("image", wish, user=user)
    assert done["actions"] == [f"Pulled image {WEB}", "Pushed image to docker://127.0.0.1:5000/team/copy:1"]
    for key in ("changed", "actions", "podman_actions", "diff"):
        assert ahead[key] == done[key], key
    assert not machine.task("image", wish, user=user)["changed"]
    assert not machine.task("image", wish, user=user, check=True)["changed"]
    raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/team/copy:1"]).stdout
    assert json.loads(raw)["config"]["digest"] == f"sha256:{done['image'][0]['Id']}"
    machine.skopeo(["copy", "-q", "--src-tls-verify=false", "docker://127.0.0.1:5000/team/copy:1", "dir:/tmp/whole"])
    # to where it came from: one HEAD tells that it is there
    before = machine.read(registry.log).count("\n")
    own = {"name": WEB, "push": True, "validate_certs": False}
    assert not machine.task("image", own, user=user)["changed"]
    asked = [line for line in machine.read(registry.log).splitlines()[before:] if " /v2/web/" in line]
    assert len(asked) == 1 and '"HEAD ' in asked[0]


def test_format_compression_and_digest_file(machine: Machine) -> None:
    assert machine.registry
    args = {"dest": "127.0.0.1:5000/other:1", "format": "v2s2", "digestfile": "/tmp/digest"}
    wish = {"name": WEB, "push": True, "push_args": args, "validate_certs": False}
    assert machine.task("image", wish)["changed"]
    assert not machine.task("image", wish)["changed"]
    raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/other:1"]).stdout
    assert json.loads(raw)["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    told = machine.skopeo(
        ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://127.0.0.1:5000/other:1"]
    )
    assert machine.read("/tmp/digest").strip() == told.stdout.strip()
    zstd = {**wish, "push_args": {"dest": "127.0.0.1:5000/other:1", "extra_args": "--compression-format zstd"}}
    zstd["push_args"]["format"] = "oci"
    assert machine.task("image", zstd)["changed"]
    assert not machine.task("image", zstd)["changed"]
    raw = machine.skopeo(["inspect", "--raw", "--tls-verify=false", "docker://127.0.0.1:5000/other:1"]).stdout
    assert {layer["mediaType"].rpartition("+")[2] for layer in json.loads(raw)["layers"]} == {"zstd"}
    for more, words in (
        ({"format": "v2s1"}, "obsolete"),
        ({"transport": "ostree"}, "ostree"),
        ({"sign_by": "me"}, "does not sign"),
        ({"extra_args": "--all"}, "is not one of"),
        ({"dest": "short"}, "names no registry"),
        ({"transport": "oci-archive"}, "needs a destination"),
        ({"transport": "dir", "dest": "relative"}, "must be absolute"),
        ({"dest": "docker-archive:/tmp/x.tar", "compression_format": "zstd", "format": "oci"}, "cannot hold"),
        ({"dest": "docker-archive:/tmp/x.tar", "compression_format": "gzip"}, "never compressed"),
        ({"dest": "containers-storage:a"}, "image_copy"),
    ):
        bad = {"name": WEB, "push": True, "push_args": more, "validate_certs": False}
        assert words in machine.task("image", bad, fails=True)["msg"]
    # a file that is another by now is named, and nothing stands under the new name
    files = "find /var/lib/containers/storage/overlay/*/diff -type f -size +8"
    machine.sh(f"printf x | dd of=$({files} | head -1) conv=notrunc 2>/dev/null")
    there = machine.start_registry(5002, empty=True).reference("damaged:1")  # which has no blob of it yet
    wish = {"name": WEB, "pull": False, "push": True, "push_args": {"dest": there}, "validate_certs": False}
    assert "is not as it was unpacked" in machine.task("image", wish, fails=True)["msg"]
    assert machine.skopeo(["inspect", "--tls-verify=false", f"docker://{there}"], check=False).returncode


PLACES = {
    "dir": {"transport": "dir", "dest": "/tmp/{}.dir"},
    "compressed dir": {"transport": "dir", "dest": "/tmp/{}.gz.dir", "compress": True},
    "docker-archive": {"transport": "docker-archive", "dest": "/tmp/{}.tar:localhost/pushed:1"},
    "oci-archive": {"transport": "oci-archive", "dest": "/tmp/{}.oci.tar:one"},
    "oci": {"dest": "oci:/tmp/{}.layout:one", "digestfile": "/tmp/{}.digest"},
}


@pytest.mark.parametrize("user", [None, USER])
def test_pushed_to_what_is_no_registry(machine: Machine, user: str | None) -> None:
    """Once each, foretold by check mode, also of an image that is still to be pulled; skopeo reads what was written."""
    assert machine.registry
    for kind, place in PLACES.items():
        args = {key: value.format(user) if isinstance(value, str) else value for key, value in place.items()}
        wish = {"name": WEB, "push": True, "push_args": args, "validate_certs": False}
        machine.podman(["rmi", "-f", WEB], user, check=False)
        to = args["dest"] if kind == "oci" else f"{args['transport']}:{args['dest']}"
        ahead = machine.task("image", wish, user=user, check=True)
        done = machine.task("image", wish, user=user)
        assert done["actions"][:2] == [f"Pulled image {WEB}", f"Pushed image to {to}"]
        for key in ("changed", "actions", "podman_actions", "diff"):
            assert ahead[key] == done[key], key
        for check in (True, False):
            assert not machine.task("image", wish, user=user, check=check)["changed"], kind
        where = to.removesuffix(":localhost/pushed:1")
        raw = json.loads(machine.skopeo(["inspect", "--raw", where], None).stdout)
        assert raw["config"]["digest"] == f"sha256:{done['image'][0]['Id']}"
        gzip = all("gzip" in layer["mediaType"] for layer in raw["layers"])
        assert gzip == (kind in ("compressed dir", "oci-archive", "oci")) or kind == "docker-archive"
        if "digestfile" in args:
            told = machine.skopeo(["inspect", "--format", "{{.Digest}}", where], None).stdout.strip()
            assert machine.read(args["digestfile"]).strip() == told
    other = {"name": "127.0.0.1:5000/busybox:latest", "push": True, "validate_certs": False}
    args = {"transport": "dir", "dest": f"/tmp/{user}.dir"}
    assert machine.task("image", {**other, "push_args": args}, user=user)["changed"]


@pytest.mark.parametrize("user", [None, USER])
def test_over_tls_with_accounts(machine: Machine, user: str | None) -> None:
    """An authority of one's own, a name and a password: from the task, from the auth file, and not without."""
    registry = machine.start_registry(5001, tls=True, users={"me": "pw-s3cret"})
    certs = registry.ca.rpartition("/")[0]
    assert machine.registry
    machine.task("image", {"name": WEB, "validate_certs": False}, user=user)
    image = {"src": f"containers-storage:{WEB}", "dest_ca_cert_dir": certs}
    for number, (account, why) in enumerate((({}, "401"), ({"dest_username": "me", "dest_password": "wr0ng"}, "401"))):
        wish = {**image, **account, "dest": f"docker://{registry.reference(f'team/refused{number}:1')}"}
        said = machine.task("image_copy", wish, user=user, fails=True)["msg"]
        assert why in said and "wr0ng" not in said
    untrusted = {"src": image["src"], "dest": f"docker://{registry.reference('team/app:1')}"}
    assert "is not valid" in machine.task("image_copy", untrusted, user=user, fails=True)["msg"]
    account = {"username": "me", "password": "pw-s3cret", "ca_cert_dir": certs}
    name = registry.reference(f"team/{user}:1").lower()
    wish = {"name": WEB, "push": True, "push_args": {"dest": name}, **account}
    for check in (True, False):
        assert machine.task("image", wish, user=user, check=check)["changed"]
    assert not machine.task("image", wish, user=user)["changed"]
    copy = ["copy", "-q", f"--src-cert-dir={certs}", "--src-creds=me:pw-s3cret"]
    machine.skopeo([*copy, f"docker://{name}", "dir:/tmp/over-tls"])
    assert "pw-s3cret" not in machine.read(registry.log)
    stored = machine.podman(["login", "--cert-dir", certs, "-u", "me", "-p", "pw-s3cret", registry.host], user)
    assert stored.returncode == 0
    again = {**image, "dest": f"docker://{name}", "compression": "zstd", "format": "oci"}
    assert machine.task("image_copy", again, user=user)["changed"]
    machine.podman(["logout", registry.host], user)


def test_layers_of_a_base_image_are_not_sent_again(machine: Machine) -> None:
    """What podman builds calls its layers plain; those that were pulled are mounted from where they came from."""
    registry = machine.registry
    machine.task("image", {"name": WEB, "validate_certs": False})
    machine.podman(["create", "--name", "c", "--network=none", WEB, "true"])
    machine.sh("echo new >/tmp/new")
    machine.podman(["cp", "/tmp/new", "c:/new"])
    machine.podman(["commit", "-q", "c", "localhost/mine:1"])
    base = json.loads(machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{WEB}"]).stdout)["layers"]
    wish = {"name": "localhost/mine:1", "push": True, "validate_certs": False}
    dest = registry.reference("team/built:1")
    before = machine.read(registry.log).count("\n")
    assert machine.task("image", {**wish, "push_args": {"dest": dest}})["changed"]
    uploads = [line for line in machine.read(registry.log).splitlines()[before:] if '"PATCH ' in line]
    assert len(uploads) == 1, "the new layer alone"
    top = json.loads(machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{dest}"]).stdout)
    assert [layer["digest"] for layer in top["layers"][:-1]] == [layer["digest"] for layer in base]
    machine.skopeo(["copy", "-q", "--src-tls-verify=false", f"docker://{dest}", "dir:/tmp/built"])
    assert not machine.task("image", {**wish, "push_args": {"dest": dest}})["changed"]
