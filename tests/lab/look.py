"""Runs inside a test machine (any Python from 3.9 on): prints what containers can leave behind, as JSON by kind."""

from __future__ import annotations

import glob
import json
import os
import struct

STORES = ["/var/lib/containers/storage", *glob.glob("/home/*/.local/share/containers/storage")]
# There for good once the store or the user's namespace exists: no container's trace.
LASTING_PROCESSES = ("catatonit -P", "docker-registry", "/usr/bin/docker-registry")


def mounts() -> list:
    found = []
    with open("/proc/1/mountinfo") as lines:
        for line in lines:
            left, right = line.split(" - ", 1)
            place = left.split()[4]
            if place not in ["/run/netns", *[f"{store}/overlay" for store in STORES]]:
                found.append(f"{place} ({right.split()[0]})")
    return found


def netns() -> list:
    return glob.glob("/run/netns/*") + glob.glob("/run/user/*/netns/*")


def links() -> list:
    return os.listdir("/sys/class/net")


def processes() -> list:
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in (1, os.getpid()):
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as source:
                words = source.read().replace(b"\0", b" ").decode(errors="replace").strip()
            with open(f"/proc/{entry}/stat") as source:
                state = source.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        base = words.rsplit("/", 1)[-1] if words.endswith(" -P") else words
        if state != "Z" and not base.startswith(LASTING_PROCESSES):
            found.append(f"{entry} {words[:200]}")
    return found


def cgroups() -> list:
    found = []
    for directory, _names, _files in os.walk("/sys/fs/cgroup"):
        if os.path.basename(directory).startswith("libpod-"):
            found.append(directory)
    return found


def locks() -> list:
    """Allocated numbers of libpod's lock segments: header of 8, a mutex, two u32; groups of 32 behind a bitmap."""
    mutex = 48 if os.uname().machine == "aarch64" else 40
    found = []
    for path in glob.glob("/dev/shm/libpod*_lock*"):
        with open(path, "rb") as source:
            data = source.read()
        groups = struct.unpack_from("=I", data, 8 + mutex)[0]
        for group in range(groups):
            bitmap = struct.unpack_from("=I", data, 16 + mutex + group * (8 + 32 * mutex))[0]
            found += [f"{path} {group * 32 + bit}" for bit in range(32) if bitmap >> bit & 1]
    return found


class Bolt:
    """Just enough of a bolt database to list its buckets."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        metas = []
        self.size = struct.unpack_from("=I", data, 16 + 8)[0]
        for page in (0, 1):
            base = page * self.size + 16
            root = struct.unpack_from("=Q", data, base + 16)[0]
            transaction = struct.unpack_from("=Q", data, base + 48)[0]
            metas.append((transaction, root))
        self.root = max(metas)[1]

    def items(self, page: bytes) -> list:
        flags, count = struct.unpack_from("=HH", page, 8)
        found = []
        for index in range(count):
            at = 16 + 16 * index
            if flags & 1:
                position, _length, child = struct.unpack_from("=IIQ", page, at)
                found += self.items(self.page(child))
            else:
                kind, position, key, value = struct.unpack_from("=IIII", page, at)
                start = at + position
                found.append((kind & 1, page[start : start + key], page[start + key : start + key + value]))
        return found

    def page(self, number: int) -> bytes:
        return self.data[number * self.size :]

    def bucket(self, value: bytes) -> list:
        root = struct.unpack_from("=Q", value, 0)[0]
        return self.items(self.page(root) if root else value[16:])


def addresses() -> list:
    found = []
    for path in glob.glob("/run/containers/networks/ipam.db") + glob.glob("/run/user/*/containers/networks/ipam.db"):
        with open(path, "rb") as source:
            data = source.read()
        if len(data) < 8192:
            continue
        bolt = Bolt(data)
        for _kind, network, value in bolt.items(bolt.page(bolt.root)):
            for is_bucket, key, inner in bolt.bucket(value):
                if is_bucket and key == b"ids":
                    rows = [(network, cid, ips) for _kind, cid, ips in bolt.bucket(inner)]
                    found += [b" ".join(row).decode() for row in rows]
    return found


def staging() -> list:
    found = []
    for store in STORES:
        found += glob.glob(f"{store}/overlay/staging/*") + glob.glob(f"{store}/overlay/tempdirs/*")
        for table in ("layers.json", "volatile-layers.json"):
            try:
                with open(f"{store}/overlay-layers/{table}") as source:
                    records = json.load(source)
            except (OSError, ValueError):
                continue
            found += [f"incomplete layer {row['id']}" for row in records if (row.get("flags") or {}).get("incomplete")]
    return found


def shm() -> list:
    return [name for name in os.listdir("/dev/shm") if not name.startswith("libpod")]


def seen(kind) -> list:
    """What is being written, or goes, at this very moment cannot be read; who looks again sees what became of it."""
    try:
        return sorted(kind())
    except (OSError, ValueError, IndexError, struct.error) as error:
        return [f"unreadable: {error}"]


KINDS = (mounts, netns, links, processes, cgroups, locks, addresses, staging, shm)
print(json.dumps({kind.__name__: seen(kind) for kind in KINDS}))
