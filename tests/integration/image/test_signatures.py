"""policy.json with signatures: what skopeo signed is let in, and nothing else; what came in is kept as podman does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from machine import USER, Machine

HOST = "127.0.0.1:5000"
COPY = ["--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"]
ACCEPT = [{"type": "insecureAcceptAnything"}]
REJECT = [{"type": "reject"}]
REGISTRIES_D = f"""# where signatures are
default-docker:
  lookaside: file:///srv/lookaside
docker:
  {HOST}/cosigned:
    use-sigstore-attachments: true   # attached
"""


def signed_by(key: str, identity: object = None) -> list[dict]:
    found = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": key}
    return [{**found, "signedIdentity": identity} if identity else found]


def sigstore(key: str, **more: object) -> list[dict]:
    return [{"type": "sigstoreSigned", "keyPath": key, **more}]


def policy(machine: Machine, scopes: dict, user: str | None = None) -> None:
    path = "/etc/containers/policy.json" if user is None else f"/home/{user}/.config/containers/policy.json"
    machine.write(
        path, json.dumps({"default": REJECT, "transports": {"docker": scopes, "dir": {"": ACCEPT}}}), user=user
    )


def new_key(machine: Machine, name: str) -> str:
    """A key pair of gpg in /srv/gpg, its public half in /srv/NAME.gpg; its fingerprint."""
    machine.sh(
        f"export GNUPGHOME=/srv/gpg; mkdir -p -m 700 $GNUPGHOME; "
        f"gpg --batch --quick-gen-key --passphrase '' '{name} <{name}@lab>' ed25519 sign never 2>/dev/null; "
        f"gpg --export {name}@lab >/srv/{name}.gpg"
    )
    listed = machine.sh(f"GNUPGHOME=/srv/gpg gpg --with-colons --list-keys {name}@lab")
    return re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.MULTILINE)[1]


def sign(machine: Machine, name: str, *how: str) -> None:
    source, target = f"docker://{HOST}/busybox:latest", f"docker://{HOST}/{name}"
    machine.skopeo([*COPY, *how, source, target], env={"GNUPGHOME": "/srv/gpg"})


@pytest.fixture(scope="module")
def signing(shared_machine: Machine) -> Iterator[Machine]:
    """A registry with the images signed:1 (gpg), cosigned:1 (sigstore) and busybox (not signed)."""
    machine = shared_machine
    assert machine.registry.host == HOST
    machine.write("/etc/containers/registries.d/default.yaml", REGISTRIES_D)
    machine.write("/srv/passphrase", "open sesame\n")
    fingerprint = new_key(machine, "good")
    new_key(machine, "evil")
    for name in ("sig", "other"):
        arguments = ["--output-prefix", f"/srv/{name}", "--passphrase-file", "/srv/passphrase"]
        machine.skopeo(["generate-sigstore-key", *arguments])
    sign(machine, "signed:1", "--sign-by", fingerprint)
    private = ["--sign-by-sigstore-private-key", "/srv/sig.private", "--sign-passphrase-file", "/srv/passphrase"]
    sign(machine, "cosigned:1", *private)
    yield machine


def refused(machine: Machine, name: str, why: str, user: str | None = None) -> None:
    result = machine.task("image", {"name": f"{HOST}/{name}", "validate_certs": False}, user, fails=True)
    assert re.search(why, result["msg"]), result["msg"]
    assert machine.podman_json(["images", "-a", "--format", "json"], user) == []


@pytest.mark.parametrize("user", [None, USER])
def test_what_skopeo_signed_is_let_in(signing: Machine, user: str | None) -> None:
    good, attached = signed_by("/srv/good.gpg"), sigstore("/srv/sig.pub")
    policy(signing, {f"{HOST}/signed": good, f"{HOST}/cosigned": attached}, user)
    for name in ("signed:1", "cosigned:1"):
        options = {"name": f"{HOST}/{name}", "validate_certs": False}
        assert signing.task("image", options, user, check=True)["changed"]
        assert signing.task("image", options, user)["changed"]
        assert not signing.task("image", {**options, "pull_policy": "always"}, user)["changed"]
        # podman finds the signatures in the store, and they are still good
        trees = signing.podman(["info", "--format", "{{.Store.GraphRoot}}"], user).stdout.strip()
        image = signing.podman_json(["image", "inspect", f"{HOST}/{name}"], user)[0]
        rows = json.loads(signing.read(f"{trees}/overlay-images/images.json"))
        row = next(row for row in rows if row["id"] == image["Id"])
        sizes = json.loads(row["metadata"])
        assert sizes["signature-sizes"] == sizes["signatures-sizes"][image["Digest"]]
        assert f"signature-{image['Digest'][7:]}" in row["big-data-names"]
        signing.podman(["rmi", f"{HOST}/{name}"], user)


FULCIO = {"caPath": "/srv/ca.pem", "oidcIssuer": "https://issuer.example", "subjectEmail": "me@lab"}
CASES = {
    "not signed": ("busybox:latest", {HOST: signed_by("/srv/good.gpg")}, "a signature was required .*there is none"),
    "not attached": ("busybox:latest", {HOST: sigstore("/srv/sig.pub")}, "a signature was required .*there is none"),
    "wrong key": ("signed:1", {HOST: signed_by("/srv/evil.gpg")}, "by a key that is not trusted"),
    "wrong sigstore key": ("cosigned:1", {HOST: sigstore("/srv/other.pub")}, "not made by a trusted key"),
    "wrong kind": ("signed:1", {HOST: sigstore("/srv/sig.pub")}, "there is none; 1 of other kinds"),
    "wrong tag": ("signed:2", {HOST: signed_by("/srv/good.gpg")}, "does not match"),
    "wrong name": (
        "signed:1",
        {HOST: signed_by("/srv/good.gpg", {"type": "exactRepository", "dockerRepository": "q.io/a/b"})},
        "does not match q.io/a/b",
    ),
    "wrong sigstore name": (
        "cosigned:1",
        {HOST: sigstore("/srv/sig.pub", signedIdentity={"type": "exactReference", "dockerReference": "q.io/a/b:1"})},
        "does not match q.io/a/b:1",
    ),
    "both needed": ("signed:1", {HOST: [*signed_by("/srv/good.gpg"), *sigstore("/srv/sig.pub")]}, "there is none"),
    "no such key file": ("signed:1", {HOST: signed_by("/srv/none.gpg")}, "/srv/none.gpg cannot be read"),
    "no key in the file": ("signed:1", {HOST: signed_by("/srv/sig.pub")}, "no.* OpenPGP public key"),
    "no key in the sigstore file": ("cosigned:1", {HOST: sigstore("/srv/good.gpg")}, "not a PEM file"),
    "rekor": (
        "cosigned:1",
        {HOST: sigstore("/srv/sig.pub", rekorPublicKeyPath="/srv/sig.pub")},
        "it has no annotation dev.sigstore.cosign/bundle",
    ),
    "fulcio": (
        "cosigned:1",
        {HOST: [{"type": "sigstoreSigned", "fulcio": FULCIO, "rekorPublicKeyPath": "/srv/sig.pub"}]},
        "the key /srv/ca.pem cannot be read",
    ),
    "pki": (
        "cosigned:1",
        {HOST: [{"type": "sigstoreSigned", "pki": {"caRootsPath": "/srv/ca.pem", "subjectEmail": "me@lab"}}]},
        "the key /srv/ca.pem cannot be read",
    ),
    # What podman cannot verify either: a demand that nobody can meet lets nothing in, signed well or not.
    "base layer": (
        "signed:1",
        {
            HOST: [
                *signed_by("/srv/good.gpg"),
                {"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchRepository"}},
            ]
        },
        "demands signedBaseLayer, which no engine implements, which this engine cannot verify",
    ),
    **{
        key_type: (
            "signed:1",
            {HOST: [{**signed_by("/srv/good.gpg")[0], "keyType": key_type}]},
            f"demands signedBy with the keyType {key_type} which this engine cannot verify",
        )
        for key_type in ("X509Certificates", "signedByX509CAs", "signedByGPGKeys")
    },
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_policy_does_not_trust_is_refused(signing: Machine, case: str) -> None:
    name, scopes, why = CASES[case]
    if name == "signed:2":  # the signature of another tag, as somebody who writes to the registry could move it
        signing.skopeo([*COPY, f"docker://{HOST}/signed:1", f"docker://{HOST}/{name}"])
    policy(signing, scopes)
    refused(signing, name, why)
    judged = signing.podman(["pull", "-q", "--tls-verify=false", f"{HOST}/{name}"], check=False)
    assert judged.returncode != 0, "podman lets it in"


@pytest.mark.parametrize("user", [None, USER])
def test_what_is_here_is_held_against_a_policy_that_changed(signing: Machine, user: str | None) -> None:
    """With an unchanged digest too, in check mode too, for images and containers; as podman does, which pulls anew."""
    policy(signing, {HOST: ACCEPT}, user)
    options = {"name": f"{HOST}/signed:1", "validate_certs": False}
    signing.task("image", options, user)
    policy(signing, {HOST: signed_by("/srv/evil.gpg")}, user)
    judged = signing.podman(["pull", "-q", "--tls-verify=false", options["name"]], user, check=False)
    assert judged.returncode != 0
    for pull_policy in ("always", "newer"):
        for check in (True, False):
            asked = {**options, "pull_policy": pull_policy}
            assert "key that is not trusted" in signing.task("image", asked, user, fails=True, check=check)["msg"]
    assert not signing.task("image", {**options, "pull_policy": "missing"}, user)["changed"]
    container = {"name": "c", "image": options["name"], "pull": "always", "state": "created"}
    if user is None:
        signing.write("/etc/containers/registries.conf.d/lab.conf", f'[[registry]]\nlocation="{HOST}"\ninsecure=true\n')
        assert "key that is not trusted" in signing.task("container", container, user, fails=True)["msg"]
        signing.sh("rm /etc/containers/registries.conf.d/lab.conf")
    policy(signing, {HOST: signed_by("/srv/good.gpg")}, user)
    assert not signing.task("image", {**options, "pull_policy": "always"}, user)["changed"]
    signing.podman(["rmi", options["name"]], user)


def test_a_signature_of_another_image_or_a_damaged_one_is_refused(signing: Machine) -> None:
    policy(signing, {HOST: signed_by("/srv/good.gpg", {"type": "matchRepository"})})
    listed = signing.sh("cd /srv/lookaside; echo signed@*").split()
    assert len(listed) == 1
    other = signing.skopeo(["inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{HOST}/web:1"])
    target = f"signed@{other.stdout.strip().replace(':', '=')}"
    signing.skopeo([*COPY, f"docker://{HOST}/web:1", f"docker://{HOST}/signed:moved"])
    signing.sh(f"cd /srv/lookaside; cp -r {listed[0]} {target}")
    refused(signing, "signed:moved", "it is for the manifest")
    # In the signature, in what is signed, in the packet's head: what lies between, as the date, nobody signs.
    flip = "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); d[int(len(d) * float(sys.argv[2]))] ^= 1; "
    flip += "open(sys.argv[1], 'wb').write(d)"
    path = f"/srv/lookaside/{listed[0]}/signature-1"
    for at in (0.97, 0.5, 0):
        signing.run(["cp", path, "/srv/whole"])
        signing.run(["python3", "-c", flip, path, str(at)])
        refused(signing, "signed:1", "signature")
        signing.run(["mv", "/srv/whole", path])
    options = {"name": f"{HOST}/signed:1", "validate_certs": False}
    assert signing.task("image", options)["changed"]
    signing.podman(["rmi", f"{HOST}/signed:1"])


def test_a_directory_carries_signatures(signing: Machine) -> None:
    """exactRepository is what dir: images are judged by: they have no name of their own."""
    signing.skopeo([*COPY, f"docker://{HOST}/signed:1", "dir:/srv/carried"])
    rule = signed_by("/srv/good.gpg", {"type": "exactRepository", "dockerRepository": f"{HOST}/signed"})
    options = {"name": "carried", "path": "/srv/carried"}
    for requirements, good in ((rule, True), (signed_by("/srv/good.gpg"), False)):
        document = {"default": REJECT, "transports": {"dir": {"/srv": requirements}}}
        signing.write("/etc/containers/policy.json", json.dumps(document))
        result = signing.task("image", options, fails=not good)
        assert good or "needs an image that is known by a name" in result["msg"]
        if good:
            signing.podman(["rmi", "-a"])


def test_signatures_go_along_with_copies(signing: Machine) -> None:
    """skopeo finds on the copy what it had put on the original; what cannot keep them is refused, in check mode too."""
    machine = signing
    signed, attached = f"docker://{HOST}/signed:1", f"docker://{HOST}/cosigned:1"
    policy(machine, {HOST: ACCEPT})
    insecure = {"src_validate_certs": False, "dest_validate_certs": False}
    machine.task("image_copy", {"src": signed, "dest": "dir:/srv/with-signature", **insecure})
    assert machine.read("/srv/with-signature/manifest.json")
    assert machine.sh("ls /srv/with-signature").split().count("signature-1") == 1
    original = {"type": "exactReference", "dockerReference": f"{HOST}/signed:1"}
    policy(machine, {f"{HOST}/moved": signed_by("/srv/good.gpg", original)})
    machine.task("image_copy", {"src": "dir:/srv/with-signature", "dest": f"docker://{HOST}/moved:1", **insecure})
    assert machine.task("image", {"name": f"{HOST}/moved:1", "validate_certs": False})["changed"]
    policy(machine, {HOST: ACCEPT})
    for dest in ("oci:/srv/layout:a", "oci-archive:/srv/a.tar", "docker-archive:/srv/d.tar:a:1"):
        for check in (True, False):
            wish = {"src": attached, "dest": dest, **insecure}
            said = machine.task("image_copy", wish, fails=True, check=check)["msg"]
            assert "it is signed" in said and "remove_signatures" in said, dest
    machine.task("image_copy", {"src": attached, "dest": "oci:/srv/layout:a", "remove_signatures": True, **insecure})
    changed = {"src": attached, "dest": "dir:/srv/other", "compression": "zstd", "format": "oci", **insecure}
    assert "do not sign" in machine.task("image_copy", changed, fails=True)["msg"]
    machine.task("image", {"name": f"{HOST}/moved:1", "state": "absent"})


def test_signatures_go_along_with_a_manifest_list(signing: Machine) -> None:
    """A policy that demands them lets in what was pushed; without them only when that was asked for."""
    machine = signing
    policy(machine, {HOST: ACCEPT})
    wish = {
        "name": f"{HOST}/cosigned/list:1",
        "images": [{"image": f"docker://{HOST}/cosigned:1"}],
        "push": True,
        "validate_certs": False,
    }
    original = {"type": "exactReference", "dockerReference": f"{HOST}/cosigned:1"}
    for name, signed in (("bare", False), ("list", True)):
        wish["name"] = f"{HOST}/cosigned/{name}:1"
        assert machine.task("manifest_list", {**wish, "remove_signatures": not signed})["changed"]
        assert not machine.task("manifest_list", {**wish, "remove_signatures": not signed})["changed"]
        machine.task("manifest_list", {"name": wish["name"], "state": "absent"})
        policy(machine, {HOST: sigstore("/srv/sig.pub", signedIdentity=original)})
        judged = machine.podman(["pull", "-q", "--tls-verify=false", wish["name"]], check=False)
        assert (judged.returncode == 0) == signed, judged.stderr
        policy(machine, {HOST: ACCEPT})
        machine.podman(["rmi", "-a", "-f"])
    unwritten = {"name": f"{HOST}/elsewhere:1", "images": [{"image": f"docker://{HOST}/cosigned:1"}], "push": True}
    said = machine.task("manifest_list", {**unwritten, "validate_certs": False}, fails=True)["msg"]
    assert "attach" in said
    machine.podman(["manifest", "rm", unwritten["name"]], check=False)
