"""The rows. Each function takes the ground and gives the rows of one subject."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from .floor import floor
from .ground import IMAGE, Ground
from .loaded import loaded
from .measure import Deed, Row, say
from .moving import migrate
from .pods import pod

EMPTY = "bench.empty.nothing"
OURS = "daemonless.oci.container"
PEER = "containers.podman.podman_container"
OURS_LISTED = "daemonless.oci.containers"
PEER_LISTED = "containers.podman.podman_containers"
TASKS = 20


def noop(ground: Ground) -> Iterator[Row]:
    """A task with nothing to do: each further one in a playbook."""
    wish = {"name": "idle", "image": IMAGE, "command": ["sleep", "100000"], "env": {"STAGE": "bench"}}
    ground.machine.task("container", wish)
    # Its own container: what one tool made the other may see as changed in options that it records differently.
    peer = {**wish, "name": "idle-peer"}
    ground.playbook(PEER, peer, 1)
    sides = {"ours": (OURS, wish), "an empty module": (EMPTY, {}), "podman_container": (PEER, peer)}
    many = {name: ground.playbook_of(module, asked, TASKS) for name, (module, asked) in sides.items()}
    yield Row(
        "noop",
        "each further task of a playbook, nothing to do",
        many.pop("ours"),
        many,
        {"an empty module": 1.15, "podman_container": 1 / 1.7},
        bases={name: ground.playbook_of(module, asked, 1) for name, (module, asked) in sides.items()},
        further=TASKS - 1,
    )


def host_side(ground: Ground) -> Iterator[Row]:
    """The same task without the controller: what it costs on the managed host."""
    wish = {"name": "idle", "image": IMAGE, "command": ["sleep", "100000"], "env": {"STAGE": "bench"}}
    ground.machine.task("container", wish)
    yield Row(
        "host",
        "the module alone, on the host, nothing to do",
        ground.payload("container", wish),
        {"an empty module": ground.payload("ansible.builtin.ping", {})},
        {},
        rounds=15,
    )
    ours = ground.processor_time("container", wish)
    empty = ground.processor_time("ansible.builtin.ping", {})
    say(f"    processor time {ours * 1000:.0f} ms, an empty module {empty * 1000:.0f} ms")


def ps(ground: Ground) -> Iterator[Row]:
    """Listing 50 containers."""
    for number in range(50):
        ground.podman("create", "--name", f"many{number}", "--network", "none", IMAGE, "sleep", "1")
    yield Row(
        "ps",
        "ps -a of 50 containers",
        ground.daemonless("ps", "-a"),
        {"podman ps": ground.podman_deed("ps", "-a")},
        {"podman ps": 1.0},
        rounds=15,
        processor=ground.processor,
    )
    ground.none_left()


def listed(ground: Ground) -> Iterator[Row]:
    """One task with a list of 50 containers, nothing to do."""

    def items(stem: str) -> list[dict[str, object]]:
        return [
            {"name": f"{stem}{number}", "image": IMAGE, "command": ["sleep", "100000"], "stop_timeout": 0}
            for number in range(50)
        ]

    ours, peers = ({"containers": items(stem)} for stem in ("listed", "peer"))
    ground.machine.task("containers", ours)
    ground.playbook(PEER_LISTED, peers, 1)  # its own: what one tool made the other may see as changed
    yield Row(
        "listed",
        "one task with 50 containers, nothing to do",
        ground.playbook_of(OURS_LISTED, ours, 1),
        {"podman_containers": ground.playbook_of(PEER_LISTED, peers, 1)},
        {"podman_containers": 1 / 10},
        rounds=3,
        floor=ground.playbook_of(EMPTY, {}, 1),
        above={"podman_containers": 1 / 40},
    )
    ground.none_left()


def start(ground: Ground) -> Iterator[Row]:
    """Creating and starting 20 on a bridge: one after another, and as a list in one task."""
    names = [f"new{number}" for number in range(20)]
    tasks = [{"name": name, "image": IMAGE, "command": ["sleep", "100000"], "stop_timeout": 0} for name in names]

    def by_podman() -> None:
        for name in names:
            ground.podman("run", "-d", "--name", name, IMAGE, "sleep", "100000")

    empty = ground.playbook_of(EMPTY, {}, 1)
    yield Row(
        "start",
        "create and start 20 on a bridge, one task for each",
        lambda: ground.playbook_items(OURS, tasks),
        {"podman_container": lambda: ground.playbook_items(PEER, tasks)},
        {},
        rounds=3,
        before=ground.none_left,
        floor=empty,
    )
    yield Row(
        "start listed",
        "create and start 20 on a bridge, one task",
        ground.playbook_of(OURS_LISTED, {"containers": tasks}, 1),
        {
            "podman_containers": ground.playbook_of(PEER_LISTED, {"containers": tasks}, 1),
            "20 x podman run -d": by_podman,
        },
        {"podman_containers": 1 / 6, "20 x podman run -d": 1 / 2.5},
        rounds=5,
        before=ground.none_left,
        floor=empty,
        processor=ground.processor,
    )
    yield Row(
        "start here",
        "the same without the controller: the module alone, on the host",
        ground.payload("containers", {"containers": tasks}),
        {"20 x podman run -d": by_podman},
        {"20 x podman run -d": 1 / 2.5},
        rounds=7,
        before=ground.none_left,
        processor=ground.processor,
    )
    ground.none_left()


def remove(ground: Ground) -> Iterator[Row]:
    """Removing 20 that run."""

    def made() -> None:
        for number in range(20):
            ground.podman("run", "-d", "--name", f"old{number}", IMAGE, "sleep", "100000")

    names = [f"old{number}" for number in range(20)]
    wishes = [{"name": name, "image": IMAGE, "command": ["sleep", "100000"]} for name in names]
    made_by_task = ground.payload("containers", {"containers": wishes})
    yield Row(
        "remove",
        "remove 20 that run, each side those that it made",
        ground.daemonless("rm", "-f", "-t", "0", "-a"),
        {"podman rm": ground.podman_deed("rm", "-f", "-t", "0", "-a")},
        {"podman rm": 1 / 3},
        rounds=5,
        befores={"ours": made_by_task, "podman rm": made},
        processor=ground.processor,
    )
    yield Row(
        "remove podman's",
        "remove 20 that run, made by podman, whose monitors call podman when they end",
        ground.daemonless("rm", "-f", "-t", "0", "-a"),
        {"podman rm": ground.podman_deed("rm", "-f", "-t", "0", "-a")},
        {},
        rounds=3,
        before=made,
        processor=ground.processor,
    )


QUICK = bool(os.environ.get("BENCH_QUICK"))  # a tenth of the bytes: to see that the rows run


def pull(ground: Ground) -> Iterator[Row]:
    """Pulling from a registry on the same machine, into a store in memory."""
    older = ground.older
    for name, goal in (("one-layer", 0.6), ("many-files", 0.3), ("one-layer-zstd", 0.55)):
        reference = ground.big_image(name, QUICK)
        words = ("pull", "-q", "--tls-verify=false", reference)
        skopeo = f"skopeo copy -q --src-tls-verify=false docker://{reference} containers-storage:{reference}"
        podman = f"CONTAINERS_CONF_OVERRIDE=/run/lab/judge.conf podman pull -q --tls-verify=false {reference}"
        yield Row(
            f"pull {name}",
            ground.big_images[name],
            ground.daemonless(*words),
            {
                "podman pull": ground.podman_deed("pull", "-q", "--tls-verify=false", reference),
                "skopeo copy": lambda: ground.machine.sh(skopeo) and None,  # noqa: B023
                **({older.name: lambda: older.pull(reference)} if older else {}),  # noqa: B023
            },
            {"podman pull": goal, **({older.name: goal} if older else {})},
            rounds=5,
            processor=ground.processor,
            before=lambda: ground.forget(reference),  # noqa: B023
        )
        scripts = {"ours": f"daemonless {' '.join(words)}", "podman": podman}
        if older is not None:
            scripts[older.name] = older.script("pull", "-q", "--tls-verify=false", reference)
        for who, script in scripts.items():
            ground.forget(reference)
            ground.cost(who, script)
        podman_again = ground.podman_deed("pull", "-q", "--tls-verify=false", reference)
        host, _slash, rest = reference.partition("/")
        asked = _script(ground, _HEAD, host, f"/v2/{rest.replace(':', '/manifests/')}")
        yield Row(
            f"pull {name} again",
            "nothing has moved, command against command",
            ground.daemonless(*words),
            {"podman pull": podman_again, "Python's HTTP library, the same requests": asked},
            {"podman pull": 1.0},
            rounds=15,
        )
        yield Row(
            f"pull {name} again, as a task",
            "nothing has moved; what a task does beside an empty one",
            ground.payload("image", {"name": reference, "pull_policy": "always", "validate_certs": False}),
            {"podman pull": podman_again},
            {},
            floor=ground.payload("ansible.builtin.ping", {}),
        )
        ground.forget(reference)  # the next one may hold the same content


def push(ground: Ground) -> Iterator[Row]:
    """Pushing from the store to an empty registry, one for each: blobs of sibling repositories need not travel."""
    for at, name in enumerate(("one-layer", "many-files")):
        reference = ground.big_image(name, QUICK)
        ground.podman("pull", "-q", "--tls-verify=false", reference)
        ours, podmans, skopeos = _empty_registries(ground, 5010 + 3 * at)
        wish = {"src": f"containers-storage:{reference}", "dest": f"docker://{ours}", "dest_validate_certs": False}
        skopeo = f"skopeo copy -q --dest-tls-verify=false containers-storage:{reference} docker://{skopeos}"
        yield Row(
            f"push {name}",
            ground.big_images[name],
            ground.payload("image_copy", wish),
            {
                "podman push": ground.podman_deed("push", "-q", "--tls-verify=false", reference, podmans),
                "skopeo copy": lambda: ground.machine.sh(skopeo) and None,  # noqa: B023
            },
            {"podman push": 1.0, "skopeo copy": 1.0},
            rounds=1,
        )
        ground.forget(reference)


def copy(ground: Ground) -> Iterator[Row]:
    """From one registry to another, nothing of it kept in between."""
    for at, name in enumerate(("one-layer", "many-files")):
        reference = ground.big_image(name, QUICK)
        ours, skopeos, _nobody = _empty_registries(ground, 5020 + 3 * at)
        certs = {"src_validate_certs": False, "dest_validate_certs": False}
        wish = {"src": f"docker://{reference}", "dest": f"docker://{ours}", **certs}
        loose = "--src-tls-verify=false --dest-tls-verify=false"
        skopeo = f"skopeo copy -q {loose} docker://{reference} docker://{skopeos}"
        yield Row(
            f"copy {name}",
            ground.big_images[name],
            ground.payload("image_copy", wish),
            {"skopeo copy": lambda: ground.machine.sh(skopeo) and None},  # noqa: B023
            {"skopeo copy": 1.0},
            rounds=1,
        )


def attach(ground: Ground) -> Iterator[Row]:
    """A running container joins a second network and leaves it."""
    for name in ("first", "second"):
        ground.podman("network", "create", name)
    ground.podman("run", "-d", "--name", "guest", "--network", "first", IMAGE, "sleep", "100000")

    def by(command: Callable[..., Deed]) -> Deed:
        connect, disconnect = (command("network", verb, "second", "guest") for verb in ("connect", "disconnect"))

        def both() -> None:
            connect()
            disconnect()

        return both

    yield Row(
        "attach",
        "a running container attached to a network and detached",
        by(ground.daemonless),
        {"podman network connect, disconnect": by(ground.podman_deed)},
        {},
    )
    ground.podman("rm", "-f", "-t", "0", "guest")
    ground.podman("network", "rm", "first", "second")


_ASK = """
import socket, sys
question = bytes.fromhex("123401000001000000000000046e616d6503646e7306706f646d616e0000010001")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.settimeout(5)
    client.connect((sys.argv[1], 53))
    for turn in range(int(sys.argv[2])):
        client.send(question)
        answer = client.recv(512)
        assert answer[7], answer
"""
_HEAD = """
import http.client, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    http.client.HTTPSConnection(sys.argv[1], context=context).request("GET", "/v2/")
    raise SystemExit("it speaks TLS")
except OSError:
    pass
client = http.client.HTTPConnection(sys.argv[1])
kinds = "oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.v2"
accept = ", ".join(f"application/vnd.{kind}+json" for kind in kinds)
for method, path in (("GET", "/v2/"), ("HEAD", sys.argv[2])):
    client.request(method, path, headers={"Accept": accept})
    answer = client.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
"""
_FETCH = """
import sys, urllib.request
with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/big") as answer:
    size = 0
    while part := answer.read(1 << 20):
        size += len(part)
assert size == int(sys.argv[2]), size
"""
_UNTIL_SERVED = """
import sys, time, urllib.request
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/small", timeout=5)
        break
    except OSError:
        time.sleep(0.1)
"""
_CONNECT = """
import http.client, sys
for turn in range(int(sys.argv[2])):
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    client.request("GET", "/small")
    assert client.getresponse().read() == b"x\\n"
    client.close()
"""


def names(ground: Ground) -> Iterator[Row]:
    """Names answered on networks that either side has made, with one container each."""
    asked = {}
    for who, subnet in (("ours", "10.131.1"), ("podman", "10.131.2")):
        ground.machine.podman(["network", "create", "--subnet", f"{subnet}.0/24", f"names-{who}"])
        run = ["run", "-d", "--name", f"named-{who}", "--network", f"names-{who}", "--network-alias", "name"]
        begin = ground.daemonless if who == "ours" else ground.podman_deed
        begin(*run, IMAGE, "sleep", "100000")()
        asked[who] = _script(ground, _ASK, f"{subnet}.1", "200" if QUICK else "2000")
    yield Row(
        "names",
        "2000 questions for a name, asked from the host",
        asked["ours"],
        {"podman": asked["podman"]},
        {"podman": 1.1},
    )
    for who in asked:
        ground.podman("rm", "-f", "-t", "0", f"named-{who}")
        ground.podman("network", "rm", f"names-{who}")


def published(ground: Ground) -> Iterator[Row]:
    """Published ports: bytes and connections, of root and of a plain user, on a bridge."""
    size = 20 if QUICK else 200
    page = f"mkdir -p /www; echo x >/www/small; dd if=/dev/zero of=/www/big bs=1048576 count={size} 2>/dev/null; "
    command = ["sh", "-c", f"{page} exec httpd -f -p 80 -h /www"]
    for user, port in ((None, 8100), ("tester", 8200)):
        who = user or "root"
        ground.machine.task("image", {"name": IMAGE}, user=user)
        ground.machine.podman(["network", "create", "ports"], user=user)
        wish = {"name": "served", "image": IMAGE, "command": command, "network": ["ports"], "stop_timeout": 0}
        ground.machine.task("container", {**wish, "publish": [f"{port}:80"]}, user=user)
        run = ["run", "-d", "--name", "served-peer", "--network", "ports", "-p", f"{port + 1}:80", IMAGE, *command]
        ground.machine.podman(run, user=user)
        for at in (port, port + 1):
            ground.machine.run(["/usr/bin/python3", "-c", _UNTIL_SERVED, str(at)], timeout=120)
        for what, script, count in (
            (f"{size} MB through a published port", _FETCH, size << 20),
            ("500 connections to a published port, one after another", _CONNECT, 500),
        ):
            yield Row(
                f"published {who}",
                f"{what}, {who}",
                _script(ground, script, str(port), str(count)),
                {"podman": _script(ground, script, str(port + 1), str(count))},
                {"podman": 1.0},
            )
        ground.machine.podman(["rm", "-f", "-t", "0", "served", "served-peer"], user=user)
        ground.machine.podman(["network", "rm", "ports"], user=user)


def _script(ground: Ground, text: str, *words: str) -> Deed:
    return lambda: ground.machine.run(["/usr/bin/python3", "-IS", "-c", text, *words], timeout=600) and None


def _empty_registries(ground: Ground, port: int) -> list[str]:
    """What an image is called at three registries without any."""
    started = (ground.machine.start_registry(port + number, empty=True) for number in range(3))
    return [registry.reference("pushed:1") for registry in started]


def checkpoint(ground: Ground) -> Iterator[Row]:
    """Memory frozen to files in memory and thawed, with the same CRIU and runtime."""
    size = (256 << 20) // (10 if QUICK else 1)
    script = f"x=$(yes | head -c {size}); echo ready >/ready; while :; do sleep 1; done"
    ground.podman("run", "-d", "--name", "frozen", "--network", "none", IMAGE, "sh", "-c", script)
    ground.machine.sh(
        "export CONTAINERS_CONF_OVERRIDE=/run/lab/judge.conf; until podman exec frozen test -e /ready; do sleep 1; done"
    )

    def running(wanted: bool) -> None:
        state = ground.machine.podman_json(["inspect", "frozen"])[0]["State"]  # type: ignore[index]
        if state["Running"] != wanted:
            ground.podman("container", "restore" if wanted else "checkpoint", "frozen")

    for verb, goal in (("checkpoint", 1.2), ("restore", 1.2)):
        yield Row(
            verb,
            f"{size >> 20} MB of memory",
            ground.daemonless("container", verb, "frozen"),
            {f"podman container {verb}": ground.podman_deed("container", verb, "frozen")},
            {f"podman container {verb}": goal},
            before=lambda: running(verb == "checkpoint"),  # noqa: B023
        )


SUBJECTS: dict[str, Callable[[Ground], Iterator[Row]]] = {
    "noop": noop,
    "host": host_side,
    "ps": ps,
    "listed": listed,
    "start": start,
    "loaded": loaded,
    "remove": remove,
    "floor": floor,
    "pull": pull,
    "push": push,
    "copy": copy,
    "pod": pod,
    "attach": attach,
    "names": names,
    "published": published,
    "checkpoint": checkpoint,
    "migrate": migrate,
}
