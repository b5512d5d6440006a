"""Signatures by keys that an authority certified and a log recorded: one way to be good, and many to be refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("cryptography")
if not shutil.which("openssl"):
    pytest.skip("openssl verifies signatures", allow_module_level=True)

import certified
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, Denied
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import policy
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.signatures import (
    blob,
    certificates,
    pem,
    transparency,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.signatures.judging import Subject
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference
from certified import EMAIL, ISSUER, Signed, World
from certified_cases import BAD, CONTENT, GOOD, MANIFEST, NAME, OTHER, WORLD, data, fulcio, leaf, pki

RUNNER = LinuxRunner()


def judge(requirement: dict[str, object], *signed: Signed) -> None:
    ruling = policy.parse(json.dumps({"default": [requirement]}).encode(), "/p.json").rule("docker", [], "x")
    found = [blob.parse(one.blob(), "read") for one in signed]
    ruling.verify(Subject("x", reference.parse(NAME), MANIFEST, lambda: found), RUNNER)


@pytest.mark.parametrize("case", GOOD)
def test_good(case: str) -> None:
    requirement, signed = GOOD[case]
    judge(requirement, signed)
    judge(requirement, OTHER.keyless(CONTENT), signed)


@pytest.mark.parametrize("case", BAD)
def test_refused(case: str) -> None:
    requirement, signed, why = BAD[case]
    with pytest.raises(Denied, match=why):
        judge(requirement, signed)


def test_a_payload_that_was_changed_after_signing() -> None:
    made = leaf()
    with pytest.raises(Denied):
        judge(fulcio(), Signed(made.payload.replace(b"q.io/a/b", b"q.io/a/B"), made.notes))


def test_the_hosts_own_authorities_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """openssl would trust whom the host trusts, beside those whom it is told."""
    stranger = World(OTHER.root, OTHER.middle, WORLD.log, WORLD.key).keyless(CONTENT)
    (tmp_path / "all.pem").write_bytes(OTHER.root.pem)
    subject = RUNNER.run(["openssl", "x509", "-hash", "-noout"], input=OTHER.root.pem).stdout.decode().strip()
    (tmp_path / f"{subject}.0").write_bytes(OTHER.root.pem)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "all.pem"))
    with pytest.raises(Denied, match="no trusted authority vouches"):
        judge(fulcio(), stranger)
    judge(fulcio(), leaf())


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for field, requirement in (
        ("caPath", {**fulcio(), "fulcio": {"caPath": "/none", "oidcIssuer": ISSUER, "subjectEmail": EMAIL}}),
        ("log", {"type": "sigstoreSigned", "keyData": data(certified.pem(WORLD.key)), "rekorPublicKeyPath": "/none"}),
        ("between", pki(caIntermediatesPath="/none")),
    ):
        with pytest.raises(Denied, match="/none cannot be read"):
            judge(requirement, WORLD.logged(CONTENT))
        assert field


def test_certificates_cut_short() -> None:
    """Any part of one is refused, and none takes the reader out of its way."""
    whole = pem.first(WORLD.middle.pem, "read").data
    assert certificates.parse(pem.Block("CERTIFICATE", whole), "read").is_authority
    for length in range(len(whole)):
        with pytest.raises(Corrupt):
            certificates.parse(pem.Block("CERTIFICATE", whole[:length]), "read")
    for at in range(len(whole)):
        for value in (0, 0x30, 0x80, 0x84, 0xFF):
            damaged = whole[:at] + bytes((value,)) + whole[at + 1 :]
            try:
                certificates.parse(pem.Block("CERTIFICATE", damaged), "read")
            except Corrupt:
                pass


def test_the_logs_bytes_are_written_canonically() -> None:
    """RFC 8785: sorted, without blanks, letters as they are, control characters in their short forms."""
    world, body = World.make(), {"kind": "hashedrekord"}
    for log_id in ("plain", "é\u2028😀", 'quote " back \\ slash /', "\b\f\n\r\t\x01\x1f\x7f"):
        made = certified.bundle(world.log, body, 7, log_id)
        with pytest.raises(Corrupt, match="apiVersion"):  # beyond the signature
            wanted = transparency.Recorded(b"", b"", b"")
            transparency.verify(RUNNER, [certified.pem(world.log)], made.encode(), wanted)
