"""Which certificates count at a registry: as many kinds of certs.d as skopeo knows, and the same answer as skopeo's."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from machine import USER, Machine

PORT = 5443
HOST = f"127.0.0.1:{PORT}"
SYSTEM, DOCKER = "/etc/containers/certs.d", "/etc/docker/certs.d"
OWN = f"/home/{USER}/.config/containers/certs.d"
CA, WRONG = "ca", "other"
# Where which authority lies (or what else), and whether that is enough; for the user too.
CASES: dict[str, tuple[dict[str, str], bool]] = {
    "none": ({}, False),
    "by host and port": ({f"{SYSTEM}/{HOST}/ca.crt": CA}, True),
    "any name will do": ({f"{SYSTEM}/{HOST}/x.crt": CA}, True),
    "but not any end": ({f"{SYSTEM}/{HOST}/ca.pem": CA}, False),
    "by host alone": ({f"{SYSTEM}/127.0.0.1/ca.crt": CA}, False),
    "another port": ({f"{SYSTEM}/127.0.0.1:5000/ca.crt": CA}, False),
    "at docker's place": ({f"{DOCKER}/{HOST}/ca.crt": CA}, True),
    "containers' place before docker's": ({f"{SYSTEM}/{HOST}/ca.crt": WRONG, f"{DOCKER}/{HOST}/ca.crt": CA}, False),
    "an empty directory hides docker's": ({f"{SYSTEM}/{HOST}/": "", f"{DOCKER}/{HOST}/ca.crt": CA}, False),
    "two authorities": ({f"{SYSTEM}/{HOST}/a.crt": WRONG, f"{SYSTEM}/{HOST}/b.crt": CA}, True),
    "a certificate without its key": ({f"{SYSTEM}/{HOST}/ca.crt": CA, f"{SYSTEM}/{HOST}/c.cert": CA}, False),
    "a key without its certificate": ({f"{SYSTEM}/{HOST}/ca.crt": CA, f"{SYSTEM}/{HOST}/c.key": CA}, False),
    "the user's own": ({f"{OWN}/{HOST}/ca.crt": CA}, False),
}
LOOK = {"name": f"{HOST}/busybox:latest", "raw": True}
FOR_USER = {"the user's own": True}


@pytest.fixture(scope="module")
def served(shared_machine: Machine) -> Iterator[Machine]:
    registry = shared_machine.start_registry(PORT, tls=True)
    shared_machine.sh(f"mkdir -p /srv/pki; cp {registry.ca} /srv/pki/ca.crt; chmod 644 /srv/pki/ca.crt")
    shared_machine.task("registry_info", LOOK, fails=True)
    shared_machine.task("registry_info", LOOK, USER, fails=True)
    shared_machine.sh(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null "
        "-out /srv/pki/other.crt -subj /CN=other -days 9 2>/dev/null"
    )
    yield shared_machine


def laid(machine: Machine, files: dict[str, str]) -> None:
    machine.sh(f"rm -rf {SYSTEM} {DOCKER} {OWN}")
    for path, which in files.items():
        if path.endswith("/"):
            machine.sh(f"mkdir -p {path}")
        else:
            machine.sh(f'mkdir -p "$(dirname {path})"; cp /srv/pki/{which}.crt {path}')
    machine.sh(f"chown -R {USER}: /home/{USER}/.config 2>/dev/null || true")


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_as_skopeo(served: Machine, user: str | None) -> None:
    found = {}
    for name, (files, enough) in CASES.items():
        laid(served, files)
        judged = served.skopeo(["inspect", "--raw", f"docker://{HOST}/busybox:latest"], user, check=False)
        wanted = FOR_USER.get(name, enough) if user else enough
        said = json.loads(served.attempt("registry_info", LOOK, user).stdout)
        verdicts = (wanted, judged.returncode == 0, not said.get("failed"))
        if len(set(verdicts)) > 1:
            found[name] = (*verdicts, judged.stderr[-300:], said.get("msg"))
        assert verdicts[2] or "certificate" in said["msg"] or "key" in said["msg"], (name, said["msg"])
    assert found == {}, json.dumps(found, indent=1)


def test_a_directory_of_ones_own(served: Machine) -> None:
    """ca_cert_dir takes the place of all others, as --cert-dir does."""
    laid(served, {f"{SYSTEM}/{HOST}/ca.crt": CA, "/srv/mine/ca.crt": WRONG, "/srv/yours/ca.crt": CA})
    for directory, good in (("/srv/mine", False), ("/srv/yours", True)):
        options = {"name": f"{HOST}/busybox:latest", "ca_cert_dir": directory}
        served.task("registry_info", options, fails=not good)
        words = ["inspect", "--raw", "--cert-dir", directory, f"docker://{HOST}/busybox:latest"]
        assert (served.skopeo(words, check=False).returncode == 0) is good
