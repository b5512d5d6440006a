"""The EXAMPLES of every module, run as they stand by ansible-playbook, in order and then once more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from machine import Machine

MODULES = Path(__file__).resolve().parents[2] / "plugins" / "modules"
#: These take something from a second host; their own tests have one.
NAMES = sorted(path.stem for path in MODULES.glob("*.py") if not path.stem.endswith("_transfer"))

#: What must hold after the examples of a module.
PROOFS = {
    "container": """
    - ansible.builtin.assert:
        that:
          - once.stdout == "hello from example\\n"
          - once.rc == 0
    - daemonless.oci.container_info:
      register: left
    - ansible.builtin.assert:
        that: not left.containers
""",
    "host_info": """
    - ansible.builtin.assert:
        that: found.host.runtimes.chosen.name in ["crun", "runc"]
""",
}


def examples(name: str) -> str:
    for node in ast.walk(ast.parse((MODULES / f"{name}.py").read_text())):
        if isinstance(node, ast.Assign) and node.targets[0].id == "EXAMPLES":  # type: ignore[attr-defined]
            return str(ast.literal_eval(node.value))
    raise AssertionError(f"{name} has no EXAMPLES")


def prepare(machine: Machine) -> dict[str, str]:
    """A registry that answers for every registry, and the files of the examples; what to replace in them."""
    registry = machine.registry
    images = machine.lab.images
    machine.write(
        "/etc/containers/registries.conf",
        "".join(
            f'[[registry]]\nprefix = "{prefix}"\nlocation = "{registry.host}"\ninsecure = true\n'
            for prefix in ("quay.io/libpod", "docker.io/library", "registry.example.com/team", registry.host)
        ),
    )
    for theirs, ours in (
        ("alpine:latest", "multi:latest"),
        ("nginx:1.27", "web:latest"),
        ("app:1.4", "busybox:latest"),
    ):
        source, target = f"docker://{registry.host}/{ours}", f"docker://{registry.host}/{theirs}"
        machine.skopeo(["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", source, target])
    machine.sh("mkdir -p /srv/images")
    machine.sh(f"cp {images.docker_archive} /srv/images/app.tar; cp {images.rootfs} /srv/images/rootfs.tar")
    machine.sh("gzip -k /srv/images/rootfs.tar; printf 'A=1\\n' > /srv/db.env")
    digest = machine.skopeo(
        ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{registry.host}/app:1.4"]
    ).stdout.strip()
    source = f"docker://{registry.host}/busybox:latest"
    machine.skopeo(["copy", "--src-tls-verify=false", source, "containers-storage:localhost/example:latest"])
    return {r"sha256:[0-9a-f]{64}": digest, "linux/arm64": "linux/riscv64"}


def accounts(machine: Machine) -> dict[str, str]:
    """A registry that wants to know who asks."""
    guarded = machine.start_registry(5443, users={"deploy": "secret", "team": "secret"}, empty=True)
    path = "/etc/containers/registries.conf"
    machine.write(path, f'{machine.read(path)}[[registry]]\nlocation = "{guarded.host}"\ninsecure = true\n')
    return {r"registry\.example\.com": guarded.host}


def keys(machine: Machine) -> dict[str, str]:
    """Keys of both kinds, and an image to sign."""
    host = machine.registry.host
    machine.sh("mkdir -p /etc/keys /etc/containers/registries.d; printf secret > /etc/keys/release.passphrase")
    made = ["--output-prefix", "/etc/keys/release", "--passphrase-file", "/etc/keys/release.passphrase"]
    machine.skopeo(["generate-sigstore-key", *made])
    machine.sh("gpg --batch --pinentry-mode loopback --passphrase secret --quick-gen-key r@lab ed25519 sign never")
    listed = machine.sh("gpg --with-colons --list-keys r@lab")
    fingerprint = re.search(r"^fpr:+([0-9A-F]{40}):", listed, re.MULTILINE)
    assert fingerprint
    loose = ["--src-tls-verify=false", "--dest-tls-verify=false"]
    machine.skopeo(["copy", *loose, f"docker://{host}/busybox:latest", f"docker://{host}/shop/web:1.4"])
    return {r"registry\.example\.com": host, "[0-9A-F]{40}": fingerprint[1]}


def pushes(machine: Machine) -> dict[str, str]:
    """What is pushed goes to the registry itself: a push knows no other location."""
    return {r"registry\.example\.com": machine.registry.host}


def freezing(machine: Machine) -> dict[str, str]:
    """A CRIU for new kernels, and a runtime that was built with it: not what every Debian has by itself."""
    machine.sh("ln -s /opt/judge/bin/criu /usr/local/sbin/criu")
    machine.write("/etc/containers/containers.conf", '[engine]\nruntime = "runc"\n')
    return {r"/var/tmp/counter-at-the-controller": f"{machine.share}/counter"}


MORE = {
    "checkpoint": freezing,
    "registry_login": accounts,
    "image_sign": keys,
    "image_copy": pushes,
}


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(machine: Machine, name: str) -> None:
    replacements = prepare(machine)
    if name in MORE:
        replacements.update(MORE[name](machine))
    tasks = examples(name)
    for pattern, value in replacements.items():
        tasks = re.sub(pattern, value, tasks)
    indented = re.sub(r"^", "    ", tasks.strip(), flags=re.MULTILINE)
    head = "- hosts: machine\n  gather_facts: false\n  vars:\n    registry_password: secret\n  tasks:\n"
    ran = machine.playbook(head + indented + PROOFS.get(name, ""))
    assert "failed=0" in ran.stdout
