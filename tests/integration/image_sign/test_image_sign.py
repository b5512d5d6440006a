"""image_sign: what it signs, podman pulls under a policy that trusts that key only; skopeo's signatures stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from machine import USER, Machine

HOST = "127.0.0.1:5000"
REGISTRIES_D = f"""
default-docker:
  lookaside: file:///srv/lookaside
  use-sigstore-attachments: true
docker:
  {HOST}/staged:
    lookaside: "http://127.0.0.1:8099/sigs"
    lookaside-staging: file:///srv/staged/sigs
  {HOST}/unattached:
    use-sigstore-attachments: false
"""


def new_key(machine: Machine, name: str, passphrase: str) -> str:
    machine.sh(
        f"export GNUPGHOME=/srv/gpg; mkdir -p -m 700 $GNUPGHOME; gpg --batch --quick-gen-key --pinentry-mode loopback "
        f"--passphrase '{passphrase}' '{name} <{name}@lab>' ed25519 sign never 2>/dev/null; "
        f"gpg --export {name}@lab >/srv/{name}.gpg"
    )
    listed = machine.sh(f"GNUPGHOME=/srv/gpg gpg --with-colons --list-keys {name}@lab")
    return re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.MULTILINE)[1]


def copy(machine: Machine, source: str, target: str, *how: str) -> None:
    plain = ["--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"]
    machine.skopeo([*plain, *how, f"docker://{HOST}/{source}", f"docker://{HOST}/{target}"])


@pytest.fixture(scope="module")
def signing(shared_machine: Machine) -> Iterator[Machine]:
    machine = shared_machine
    assert machine.registry.host == HOST
    machine.write("/etc/containers/registries.d/default.yaml", REGISTRIES_D)
    machine.write("/srv/passphrase", "open sesame\n")
    for name in ("sig", "other"):
        machine.skopeo(
            ["generate-sigstore-key", "--output-prefix", f"/srv/{name}", "--passphrase-file", "/srv/passphrase"]
        )
    machine.sh("chmod 644 /srv/*.private")
    yield machine


def trusted(machine: Machine, name: str, requirement: dict) -> None:
    """podman and the module `image` pull it when only this requirement lets images in."""
    document = {
        "default": [{"type": "reject"}],
        "transports": {"docker": {f"{HOST}/{name.split(':')[0]}": [requirement]}},
    }
    machine.write("/etc/containers/policy.json", json.dumps(document))
    machine.podman(["pull", "-q", "--tls-verify=false", f"{HOST}/{name}"])
    machine.podman(["rmi", f"{HOST}/{name}"])
    assert machine.task("image", {"name": f"{HOST}/{name}", "validate_certs": False})["changed"]
    machine.podman(["rmi", f"{HOST}/{name}"])


def sign(machine: Machine, name: str, user: str | None = None, **how: object) -> dict:
    """Ahead, done, and nothing left to do."""
    wish = {"name": f"{HOST}/{name}", "validate_certs": False, **how}
    ahead = machine.task("image_sign", wish, user, check=True)
    done = machine.task("image_sign", wish, user)
    again = machine.task("image_sign", wish, user)
    assert ahead["changed"] and done["changed"] and not again["changed"] and not again["actions"]
    assert (ahead["diff"], ahead["signed"], ahead["actions"]) == (done["diff"], done["signed"], done["actions"])
    assert again["signed"] == done["signed"]
    assert "open sesame" not in json.dumps({key: value for key, value in done.items() if key != "invocation"})
    return done


def by_gpg(name: str) -> dict:
    return {"type": "signedBy", "keyType": "GPGKeys", "keyPath": f"/srv/{name}.gpg"}


def test_by_gpg(signing: Machine) -> None:
    first, second = new_key(signing, "first", ""), new_key(signing, "second", "open sesame")
    copy(signing, "busybox:latest", "one:1")
    home = {"gpg_home": "/srv/gpg"}
    assert sign(signing, "one:1", gpg_key=first, **home)["signed"]["identity"] == f"{HOST}/one:1"
    wrong = {"name": f"{HOST}/one:1", "validate_certs": False, "gpg_key": second, "passphrase": "wrong-words", **home}
    signing.sh("GNUPGHOME=/srv/gpg gpgconf --kill gpg-agent")
    assert "gpg" in signing.task("image_sign", wrong, fails=True)["msg"]
    sign(signing, "one:1", gpg_key=second, passphrase_file="/srv/passphrase", **home)
    sign(signing, "one:1", gpg_key=first, identity="q.io/a/b:2", **home)
    for name in ("first", "second"):
        trusted(signing, "one:1", by_gpg(name))
    named = {"type": "exactReference", "dockerReference": "q.io/a/b:2"}
    trusted(signing, "one:1", {**by_gpg("first"), "signedIdentity": named})
    absent = signing.task("image_sign", {**wrong, "gpg_key": "0" * 40}, fails=True)
    assert "no secret key" in absent["msg"]


@pytest.mark.parametrize("user", [None, USER])
def test_by_a_key_of_sigstore(signing: Machine, user: str | None) -> None:
    name = f"two:{user or 'root'}"
    copy(signing, "busybox:latest" if user else "web:1", name)
    private = ["--sign-by-sigstore-private-key", "/srv/other.private", "--sign-passphrase-file", "/srv/passphrase"]
    copy(signing, name, name, *private)
    key = {"private_key": "/srv/sig.private", "passphrase_file": "/srv/passphrase"}
    wrong = {
        "name": f"{HOST}/{name}",
        "validate_certs": False,
        "private_key": "/srv/sig.private",
        "passphrase": "wrong-words",
    }
    assert "passphrase does not open it" in signing.task("image_sign", wrong, user, fails=True)["msg"]
    sign(signing, name, user, **key)
    for public in ("sig", "other"):
        trusted(signing, name, {"type": "sigstoreSigned", "keyPath": f"/srv/{public}.pub"})
    assert not signing.task(
        "image_sign", {**wrong, "passphrase": "open sesame", "private_key": "/srv/other.private"}, user
    )["changed"]


def test_keys_of_openssl_and_of_an_index(signing: Machine) -> None:
    copy(signing, "multi:latest", "three:1", "--all")
    for kind in ("RSA -pkeyopt rsa_keygen_bits:2048", "ED25519", "EC -pkeyopt ec_paramgen_curve:P-256"):
        name = kind.split()[0].lower()
        signing.sh(f"openssl genpkey -quiet -algorithm {kind} -out /srv/{name}.pem 2>/dev/null || "
                   f"openssl genpkey -algorithm {kind} -out /srv/{name}.pem 2>/dev/null")  # fmt: skip
        signing.sh(f"openssl pkey -in /srv/{name}.pem -pubout -out /srv/{name}.pub")
        done = sign(signing, "three:1", private_key=f"/srv/{name}.pem")
        assert len(done["signed"]["digests"]) > 2
        trusted(signing, "three:1", {"type": "sigstoreSigned", "keyPath": f"/srv/{name}.pub"})


def test_staging_and_what_cannot_be_done(signing: Machine) -> None:
    key = new_key(signing, "third", "")
    signing.sh("mkdir -p /srv/served/sigs /srv/staged/sigs")
    signing.spawn(["python3", "-m", "http.server", "-b", "127.0.0.1", "-d", "/srv/served", "8099"])
    probe = "import socket; socket.create_connection(('127.0.0.1', 8099))"
    signing.sh(f'for i in $(seq 100); do python3 -c "{probe}" 2>/dev/null && break; sleep 0.05; done')
    copy(signing, "busybox:latest", "staged:1")
    sign(signing, "staged:1", gpg_key=key, gpg_home="/srv/gpg")
    signing.sh("cp -r /srv/staged/sigs /srv/served/")
    trusted(signing, "staged:1", by_gpg("third"))
    copy(signing, "busybox:latest", "unattached:1")
    wish = {"name": f"{HOST}/unattached:1", "validate_certs": False, "private_key": "/srv/sig.private"}
    refused = signing.task("image_sign", {**wish, "passphrase_file": "/srv/passphrase"}, fails=True)
    assert "use-sigstore-attachments" in refused["msg"]
    digest = signing.skopeo(
        ["inspect", "--tls-verify=false", "-f", "{{.Digest}}", f"docker://{HOST}/staged:1"]
    ).stdout.strip()
    by_digest = {"name": f"{HOST}/staged@{digest}", "validate_certs": False, "gpg_key": key, "gpg_home": "/srv/gpg"}
    assert "Say by identity" in signing.task("image_sign", by_digest, fails=True)["msg"]


def test_killed_at_every_step(signing: Machine) -> None:
    """What others see stays whole, signatures of others stay, and the deed done again ends well."""
    copy(signing, "busybox:latest", "killed:1")
    pgp = new_key(signing, "fourth", "")
    before, ours = new_key(signing, "before", ""), {"validate_certs": False, "gpg_home": "/srv/gpg"}
    signing.sh("openssl genpkey -quiet -algorithm ED25519 -out /srv/kill.pem 2>/dev/null || "
               "openssl genpkey -algorithm ED25519 -out /srv/kill.pem 2>/dev/null; "
               "openssl pkey -in /srv/kill.pem -pubout -out /srv/kill.pub")  # fmt: skip
    name = f"{HOST}/killed:1"
    signing.task("image_sign", {"name": name, "gpg_key": before, **ours})
    kinds = {
        "signature-placed": ({"gpg_key": pgp, **ours}, by_gpg("fourth")),
        "manifest-to-push": (
            {"private_key": "/srv/kill.pem", "validate_certs": False},
            {"type": "sigstoreSigned", "keyPath": "/srv/kill.pub"},
        ),
    }
    for needed, (how, requirement) in kinds.items():
        log = f"/tmp/steps-{needed}"
        wish = {"name": name, **how}
        signing.task("image_sign", {**wish, "identity": "q.io/first:1"}, env={"DAEMONLESS_STEPS_LOG": log})
        passed = [step for step in signing.read(log).split() if not step.startswith("runtime-")]
        assert needed in passed
        stops = [f"{step}:{count}" for step in dict.fromkeys(passed) for count in sorted({1, passed.count(step)})]
        for number, stop in enumerate(stops):
            wish["identity"] = f"q.io/{needed}{number}:1"
            killed = signing.attempt("image_sign", wish, step=stop)
            assert killed.returncode != 0, (stop, killed)
            signing.task("image_sign", wish)
        assert not signing.task("image_sign", wish)["changed"]
        wanted = {"type": "exactReference", "dockerReference": f"q.io/{needed}0:1"}
        trusted(signing, "killed:1", {**requirement, "signedIdentity": wanted})
        trusted(signing, "killed:1", by_gpg("before"))
    assert signing.sh("find /srv/lookaside -name '.tmp-*'") == ""


def test_signed_by_many_at_once(signing: Machine) -> None:
    """Each adds its own signature; none is lost."""
    copy(signing, "busybox:latest", "many:1")
    keys = [new_key(signing, f"many{number}", "") for number in range(4)]
    wish = {"name": f"{HOST}/many:1", "validate_certs": False, "gpg_home": "/srv/gpg"}
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda key: signing.task("image_sign", {**wish, "gpg_key": key}), keys))
    assert all(result["changed"] for result in done)
    for key in keys:
        assert not signing.task("image_sign", {**wish, "gpg_key": key})["changed"]
