"""Read into the scripts that network tests run inside a machine: namespaces that stand for containers, and traffic."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import socket
import subprocess
import sys
import time

from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import errors
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark import (
    connect,
    ipam,
    netns,
    rootless_bridge,
    settings,
    setup,
    status,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.draft import Draft, SubnetDraft
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.networks import NetworkDir
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.request import Attachment, ContainerNet
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import ports as port_values

# For the scripts that follow this one.
__all__ = ("Draft", "SubnetDraft", "errors", "settings", "setup", "status")

SERVER = """
import http.server, socket, sys, threading
answer = sys.argv[1].encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = answer + b" to " + self.client_address[0].replace("::ffff:", "").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
echo = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
echo.bind(("::", 7))
def serve():
    while True:
        data, peer = echo.recvfrom(65536)
        echo.sendto(answer + b":" + data, peer)
threading.Thread(target=serve, daemon=True).start()
server = Server(("::", 80), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def context():
    """The session's own, seen from inside the user's namespace where there is one."""
    session = Session.open()
    made = session.net
    return made._replace(settings=made.settings._replace(**SETTINGS))


SETTINGS = json.loads(os.environ.get("NETWORK_SETTINGS", "{}"))
FORWARDER = """
import sys
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.forward_main import main
sys.exit(main(sys.argv[1:]))
"""
CTX = context()
NETWORKS = NetworkDir(CTX.settings)


class Container:
    """A namespace with a name, an HTTP server on port 80 and a UDP echo on port 7."""

    def __init__(self, name, networks, ports=(), way=None, hold=True, **attachment):
        self.name = name
        self.id = (name.encode().hex() * 64)[:64]
        attachments = tuple(
            item if isinstance(item, Attachment) else Attachment(item, **attachment) for item in networks
        )
        mappings = port_values.parse_all(ports)
        self.net = ContainerNet(self.id, name, name, attachments, mappings)
        self.way = (way or connect.Way())._replace(command=(sys.executable, "-c", FORWARDER))
        self.netns = netns.create(netns.new_path(CTX.settings.netns_dir))
        try:
            self.link = connect.begin(CTX, self.netns, self.net, self.way)
            try:
                self.connection = self.link.finish()
            except BaseException:
                self.let_go()
                raise
        except BaseException:
            netns.remove(self.netns)
            raise
        self.status = self.connection.network_status
        self.ips = list(self.connection.addresses)
        self.server = None

    def serve(self, answer=None):
        self.server = subprocess.Popen(
            ["nsenter", f"--net={self.netns}", sys.executable, "-c", SERVER, answer or self.name],
            stdout=subprocess.PIPE,
        )
        atexit.register(self.server.kill)
        assert self.server.stdout.readline() == b"ready\n"
        return self

    def run(self, *argv, check=True):
        return subprocess.run(
            ["nsenter", f"--net={self.netns}", *argv], check=check, capture_output=True, text=True, timeout=60
        )

    def get(self, address, port=80, timeout=20):
        return netns.visit(self.netns, lambda: get(address, port, timeout))

    def echo(self, address, port=7, timeout=20):
        return netns.visit(self.netns, lambda: echo(address, port, timeout))

    def resolve(self, name, kind="A"):
        """Ask the network's resolver itself, so that nothing of the host's resolv.conf takes part."""
        return netns.visit(self.netns, lambda: ask(self.connection.nameservers[0], name, kind))

    def let_go(self):
        """Nobody else holds its descriptors: as if conmon had ended."""
        self.link.close()

    def down(self, netns_first=False):
        if self.server:
            self.server.kill()
            self.server.wait()
        self.let_go()
        if netns_first:
            netns.remove(self.netns)
        connect.disconnect(CTX, self.netns, self.net, self.way)
        netns.remove(self.netns)


def get(address, port=80, timeout=20):
    client = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        client.request("GET", "/")
        return client.getresponse().read().decode()
    finally:
        client.close()


def echo(address, port=7, timeout=20):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((address, port))
        client.send(b"ping")
        return client.recv(65536).decode()


def fails(deed, *arguments, **more):
    try:
        deed(*arguments, **more)
    except OSError:
        return True
    return False


def ask(server, name, kind="A"):
    """The addresses (or name) in a resolver's answer; "NXDOMAIN" or another code's number when there is none."""
    number = {"A": 1, "AAAA": 28, "PTR": 12}[kind]
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".")) + b"\0"
    query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + question + number.to_bytes(2, "big") + b"\0\x01"
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((server, 53))
        answer, unanswered = b"", 0
        for _attempt in range(400):
            try:
                client.send(query)
                answer = client.recv(4096)
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
            except TimeoutError:
                # A question that arrives while aardvark-dns reads anew is lost: resolvers ask again, resolv.conf(5)
                unanswered += 1
                if unanswered == 5:
                    return "TIMEOUT"
        if not answer:
            return "REFUSED"
    code = answer[3] & 15
    if code:
        return {3: "NXDOMAIN"}.get(code, str(code))
    found, at = [], len(query)
    for _count in range(int.from_bytes(answer[6:8], "big")):
        while answer[at] and answer[at] < 192:
            at += answer[at] + 1
        at += 2 if answer[at] >= 192 else 1
        sort, length = int.from_bytes(answer[at : at + 2], "big"), int.from_bytes(answer[at + 8 : at + 10], "big")
        data = answer[at + 10 : at + 10 + length]
        at += 10 + length
        if sort == 1:
            found.append(socket.inet_ntop(socket.AF_INET, data))
        elif sort == 28:
            found.append(socket.inet_ntop(socket.AF_INET6, data))
        elif sort == 12:
            labels, place = [], 0
            while data[place]:
                labels.append(data[place + 1 : place + 1 + data[place]].decode())
                place += data[place] + 1
            found.append(".".join(labels))
    return sorted(found)


def shared_namespace():
    return rootless_bridge.Shared(CTX.settings) if rootless_bridge.exists(CTX.settings) else None


def firewall():
    """The rules, without counters and without the empty chains that netavark leaves at hand."""
    text = ""
    for program in ("iptables-save", "ip6tables-save"):
        text += subprocess.run([program], capture_output=True, text=True, check=False).stdout
    return [line for line in text.splitlines() if line.startswith("-A")]


def left_over():
    """What attached containers would leave: leases, links, namespaces, resolver entries, port rules. The kernel clears
    the links of a namespace that has gone a moment later.
    """
    deadline = time.monotonic() + 20
    while True:
        found = look_for_rest()
        if found == NOTHING_LEFT or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def look_for_rest():
    links = [name for _index, name in socket.if_nameindex() if name.startswith(("veth", "podman"))]
    resolver = os.path.join(CTX.settings.run_dir, "aardvark-dns")
    entries = os.listdir(resolver) if os.path.isdir(resolver) else []
    return {
        "leases": {k: v for k, v in ipam.holders_by_network(CTX.settings.ipam_db).items() if v},
        "links": links,
        "namespaces": netns.bound_in(CTX.settings.netns_dir),
        "resolver": [entry for entry in entries if entry != "aardvark.pid"],
        "rules": [rule for rule in firewall() if "dport" in rule or "dnat name" in rule],
    }


NOTHING_LEFT = {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}


def show(value):
    print(json.dumps(value))
