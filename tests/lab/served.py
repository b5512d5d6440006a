"""A real registry (Debian's docker-registry) inside a test machine, on the loopback."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from images import Blob, Image, Images

if TYPE_CHECKING:
    from commands import Process
    from lab import Lab
    from machine import Machine

PUSH = Path(__file__).with_name("push.py")


@dataclass
class Registry:
    """`host` is what goes before the slash of a reference; `ca` the path of its CA certificate, with TLS."""

    machine: Machine
    port: int
    ca: str | None
    log: str
    process: Process
    users: Mapping[str, str]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def reference(self, name: str) -> str:
        return f"{self.host}/{name}"

    @classmethod
    def start(cls, machine: Machine, lab: Lab, port: int, *, tls: bool, users: dict[str, str], empty: bool) -> Registry:
        base = f"/run/lab/registry-{port}"
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": f"{base}/data"}, "delete": {"enabled": True}},
            "http": {"addr": f"127.0.0.1:{port}"},
        }
        ca = None
        machine.sh(f"mkdir -p {base}/data")
        if tls:
            ca = f"{base}/certs/ca.crt"
            machine.sh(certificates(base))
            pair = {"certificate": f"{base}/tls.crt", "key": f"{base}/tls.key"}
            config["http"] = {"addr": f"127.0.0.1:{port}", "tls": pair}
        if users:
            lines = "".join(f"{name}:{bcrypt(machine, password)}\n" for name, password in users.items())
            machine.write(f"{base}/htpasswd", lines)
            config["auth"] = {"htpasswd": {"realm": "lab", "path": f"{base}/htpasswd"}}
        machine.write(f"{base}/config.yml", json.dumps(config))
        command = f"exec docker-registry serve {base}/config.yml >{base}/log 2>&1"
        process = machine.spawn(["sh", "-c", command])
        registry = cls(machine, port, ca, f"{base}/log", process, users)
        registry._await()
        if not empty:
            registry.push_all(lab.images)
        return registry

    def _await(self) -> None:
        """Wait until the port answers, from inside."""
        script = f"import socket; socket.create_connection(('127.0.0.1', {self.port}), 1)"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.machine.run(["/usr/bin/python3", "-I", "-S", "-c", script], check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"the registry did not start: {self.machine.read(self.log)}")

    def push_all(self, images: Images) -> None:
        wanted: list[tuple[str, Blob, tuple[Image, ...]]] = []
        for name, image in images.images.items():
            wanted.append((name, image.manifest, (image,)))
        for name, (top, members) in images.indexes.items():
            wanted.append((name, top, members))
        self._push(wanted)

    def push(self, name: str, image: Image) -> str:
        """Push `image` as "repository:tag"; returns the manifest's digest."""
        self._push([(name, image.manifest, (image,))])
        return image.manifest.digest

    def _push(self, wanted: list[tuple[str, Blob, tuple[Image, ...]]]) -> None:
        """One process in the machine uploads all; blobs go by files, since they may be large."""
        spool = self.machine.share / f"push-{self.port}"
        spool.mkdir(exist_ok=True)
        jobs = []
        for name, top, members in wanted:
            repository, tag = name.rsplit(":", 1)
            blobs, manifests = {}, []
            for image in members:
                for blob in (image.config, *image.layers):
                    blobs[blob.digest] = blob
                if image.manifest.digest != top.digest:
                    manifests.append((image.manifest.digest, image.manifest))
            manifests.append((tag, top))
            for blob in [*blobs.values(), *(manifest for _tag, manifest in manifests)]:
                (spool / blob.digest).write_bytes(blob.data)
            jobs.append(
                {
                    "repository": repository,
                    "blobs": list(blobs),
                    "manifests": [[at, manifest.digest, manifest.media_type] for at, manifest in manifests],
                }
            )
        headers = {}
        for name, password in list(self.users.items())[:1]:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        request = {"port": self.port, "ca": self.ca, "spool": str(spool), "headers": headers, "jobs": jobs}
        (spool / "jobs.json").write_text(json.dumps(request))
        self.machine.run(["/usr/bin/python3", "-I", "-", str(spool / "jobs.json")], input=PUSH.read_text())

    def stop(self) -> None:
        self.process.kill()


def certificates(base: str) -> str:
    """A shell script that makes a CA and a certificate for 127.0.0.1 and localhost in `base`."""
    return f"""cd {base}; mkdir certs
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=lab CA' \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out certs/ca.crt 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=127.0.0.1' \
    -keyout tls.key -out tls.csr 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\nauthorityKeyIdentifier=keyid\\nsubjectKeyIdentifier=hash\\n' >ext
openssl x509 -req -in tls.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile ext \
    -out tls.crt 2>/dev/null
"""


def bcrypt(machine: Machine, password: str) -> str:
    """The hash by the system's crypt(3), which knows bcrypt on every Debian; Python's own `crypt` left in 3.13."""
    script = (
        "import ctypes, sys; lib = ctypes.CDLL('libcrypt.so.1'); lib.crypt.restype = ctypes.c_char_p\n"
        "print(lib.crypt(sys.argv[1].encode(), b'$2b$05$abcdefghijklmnopqrstuu').decode())"
    )
    return machine.run(["/usr/bin/python3", "-I", "-c", script, password]).stdout.strip()
