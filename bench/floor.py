"""What the programs below cost that any engine of this kind starts: conmon, the runtime, netavark. With no engine.

A script of some hundred lines takes the bundles of containers that the collection has made and drives the programs
itself: nothing is recorded, nothing is locked, nothing is undone when it fails. No engine can be quicker, unless it
spares the programs themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

from .ground import IMAGE, Ground
from .measure import Row

COUNT = 20
_DRIVER = "/run/lab/floor.py"


def floor(ground: Ground) -> Iterator[Row]:
    """Starting and removing 20 on a bridge: by the programs alone, by the collection, by podman."""
    names = [f"floor{number}" for number in range(COUNT)]
    wishes = [{"name": name, "image": IMAGE, "command": ["sleep", "100000"], "stop_timeout": 0} for name in names]
    task = ground.payload("containers", {"containers": wishes})
    ground.machine.write(_DRIVER, DRIVER)

    def none_left() -> None:
        drive("remove")
        ground.none_left()

    def by_podman() -> None:
        for name in names:
            ground.podman("run", "-d", "--name", name, IMAGE, "sleep", "100000")

    def drive(verb: str) -> None:
        ground.machine.run(["/usr/bin/python3", "-IS", _DRIVER, verb], timeout=600)

    def bundles_left() -> None:
        none_left()
        task()
        drive("remember")
        ground.machine.run(["daemonless", "stop", "-a"], timeout=600)

    def bundles_started() -> None:
        bundles_left()
        drive("start")

    def fresh(make: object) -> object:
        def deed() -> None:
            none_left()
            make()  # type: ignore[operator]

        return deed

    programs = "conmon, crun, netavark alone"
    yield Row(
        "floor start",
        f"{COUNT} containers started on a bridge; ours is a task without its playbook, and makes them as well",
        task,
        {programs: lambda: drive("start"), f"{COUNT} x podman run -d": by_podman},
        {},
        rounds=3,
        befores={"ours": none_left, programs: bundles_left, f"{COUNT} x podman run -d": none_left},
        processor=ground.processor,
        floor=ground.payload("ansible.builtin.ping", {}),
    )
    yield Row(
        "floor remove",
        f"{COUNT} running containers ended and given back, each by who made them",
        ground.daemonless("rm", "-f", "-t", "0", "-a"),
        {programs: lambda: drive("remove"), "podman rm": ground.podman_deed("rm", "-f", "-t", "0", "-a")},
        {"podman rm": 1 / 3},
        rounds=3,
        befores={"ours": fresh(task), programs: bundles_started, "podman rm": fresh(by_podman)},  # type: ignore[dict-item]
        processor=ground.processor,
    )
    none_left()


DRIVER = r'''
import ctypes, json, os, select, signal, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

libc = ctypes.CDLL(None, use_errno=True)
LEFT = "/run/lab/floor.json"
RUNS = "/run/lab/floor.runs"
NETWORKS = "/run/containers/networks"
NETAVARK = next(p for p in ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark") if os.path.exists(p))
CRUN = "/usr/bin/crun"


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name, arguments)


def remember():
    """How the running containers were made: from their monitors' command lines, their mounts and their bundles."""
    mounts = [line.split() for line in open("/proc/self/mounts")]
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            argv = open(f"/proc/{pid}/cmdline", "rb").read().decode().split("\0")[:-1]
        except OSError:
            continue
        if not argv or not argv[0].endswith("conmon"):
            continue
        cut = argv.index("--exit-command") if "--exit-command" in argv else len(argv)
        cid, bundle = argv[argv.index("-c") + 1], argv[argv.index("-b") + 1]
        try:
            config = json.load(open(f"{bundle}/config.json"))
        except OSError:  # one that is on its way out
            continue
        root = config["root"]["path"]
        shm = next(each["source"] for each in config["mounts"] if each["destination"] == "/dev/shm")
        options = {target: text for _source, target, _kind, text, *_rest in mounts}
        lower = ",".join(o for o in options[root].split(",") if o.startswith(("lowerdir=", "upperdir=", "workdir=")))
        found.append({"cid": cid, "argv": argv[:cut], "bundle": bundle, "config": config, "root": root, "shm": shm,
                      "overlay": lower, "pidfile": argv[argv.index("-p") + 1],
                      "exit": argv[argv.index("--exit-dir") + 1] + "/" + cid})
    network = json.loads(subprocess.run(["podman", "network", "inspect", "podman"], capture_output=True).stdout)[0]
    network.pop("containers", None)
    for number, one in enumerate(sorted(found, key=lambda one: one["cid"])):
        one["netns"] = f"/run/netns/floor{number}"
        one["request"] = json.dumps({
            "container_id": one["cid"], "container_name": f"floor{number}",
            "networks": {"podman": {"interface_name": "eth0", "static_ips": [f"10.88.9.{number + 2}"]}},
            "network_info": {"podman": network},
        })
    assert found, "no container runs"
    json.dump(found, open(LEFT, "w"))


one_at_a_time = threading.Lock()  # as podman's own lock has it


def netavark(verb, one):
    with one_at_a_time:
        subprocess.run([NETAVARK, "--config", NETWORKS, "--rootless=false",
                        "--aardvark-binary=" + NETAVARK.replace("netavark", "aardvark-dns"), verb, one["netns"]],
                       input=one["request"].encode(), stdout=subprocess.DEVNULL, check=True)


def in_thread(deed):
    thread = threading.Thread(target=deed)
    thread.start()
    thread.join()


def start(one):
    call("mount", b"overlay", one["root"].encode(), b"overlay", 0, one["overlay"].encode())
    call("mount", b"shm", one["shm"].encode(), b"tmpfs", 14, b"mode=1777,size=65536000")
    open(one["netns"], "w").close()

    def bind():
        call("unshare", 0x40000000)
        call("mount", b"/proc/thread-self/ns/net", one["netns"].encode(), None, 4096, None)

    in_thread(bind)
    netavark("setup", one)
    for space in one["config"]["linux"]["namespaces"]:
        if space["type"] == "network":
            space["path"] = one["netns"]
    with open(one["bundle"] + "/config.json", "w") as file:
        json.dump(one["config"], file)
    for path in (one["exit"], one["bundle"] + "/attach", one["bundle"] + "/ctl", one["bundle"] + "/winsz"):
        if os.path.lexists(path):
            os.unlink(path)
    os.makedirs(one["argv"][one["argv"].index("--persist-dir") + 1], exist_ok=True)  # without it conmon tells nothing
    sync_read, sync_write = os.pipe()
    start_read, start_write = os.pipe()
    env = {"PATH": os.environ["PATH"], "_OCI_SYNCPIPE": str(sync_write), "_OCI_STARTPIPE": str(start_read)}
    null = subprocess.DEVNULL
    child = subprocess.Popen(one["argv"], env=env, pass_fds=(sync_write, start_read), stdin=null, stdout=null,
                             stderr=null, start_new_session=True, cwd="/")
    os.close(sync_write)
    os.close(start_read)
    os.write(start_write, b"\0")
    answer = json.loads(os.read(sync_read, 65536))
    assert answer["data"] > 0, answer
    child.wait()
    os.close(sync_read)
    os.close(start_write)
    subprocess.run([CRUN, "start", one["cid"]], check=True)


def remove(one, last):
    pid = int(open(one["pidfile"]).read())
    handle = os.pidfd_open(pid)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [], 10)
    os.close(handle)
    deadline = time.monotonic() + 10
    while not os.path.exists(one["exit"]):
        assert time.monotonic() < deadline, "conmon has not told the end"
        time.sleep(0.001)
    subprocess.run([CRUN, "delete", "--force", one["cid"]], check=True)
    if last:  # the others' links go with their namespaces, and more they have not
        netavark("teardown", one)
    for path in (one["netns"], one["shm"], one["root"]):
        call("umount2", path.encode(), 2)
    os.unlink(one["netns"])
    ports = f"{NETWORKS}/firewall/ports"
    for name in os.listdir(ports) if os.path.isdir(ports) else ():
        if name.endswith(one["cid"]):
            os.unlink(f"{ports}/{name}")


verb = sys.argv[1]
if verb == "remember":
    remember()
elif os.path.exists(LEFT):
    everyone = json.load(open(LEFT))
    os.makedirs("/run/netns", exist_ok=True)
    with ThreadPoolExecutor(4) as pool:
        if verb == "start":
            open(RUNS, "w").close()
            list(pool.map(start, everyone))
        elif os.path.exists(RUNS):
            os.unlink(RUNS)
            list(pool.map(lambda one: remove(one, False), everyone[1:]))
            remove(everyone[0], True)
'''
