"""Carrying layers to a host: in pieces, nothing twice, and a host that forgets is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.parcels import Parcel
from ansible_collections.daemonless.oci.plugins.plugin_utils.carrier import Carrier

LAYERS = {name: name.encode() * count for name, count in (("a", 5), ("b", 10), ("c", 35), ("d", 10))}


def diff_id(name: str) -> str:
    return f"sha256:{hashlib.sha256(b'content ' + name.encode()).hexdigest()}"


def parcel(name: str, at: int = 0) -> Parcel:
    data = LAYERS[name]
    return Parcel(diff_id(name), f"sha256:{hashlib.sha256(data).hexdigest()}", len(data), at)


class Source:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def give(self, wanted: str, path: str) -> Parcel:
        name = next(name for name in LAYERS if diff_id(name) == wanted)
        self.asked.append(name)
        Path(path).write_bytes(LAYERS[name])
        return parcel(name)


class Host:
    """Keeps what it is given, and counts how it came."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.held: dict[str, bytes] = {}
        self.rounds: list[list[int]] = []
        self.forgets = False

    def put(self, local: str, name: str) -> str:
        self.files[name] = Path(local).read_bytes()
        return name

    def ask(self, do: str, files: list[dict]) -> dict:
        assert do == "keep"
        self.rounds.append([len(self.files[words["path"]]) for words in files])
        at = []
        for words in files:
            known = b"" if self.forgets else self.held.get(words["diff_id"], b"")
            if words["offset"] <= len(known):
                known = known[: words["offset"]] + self.files[words["path"]]
            self.held[words["diff_id"]] = known
            at.append(len(known))
        return {"at": at}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Carrier, "PIECE", 16)


def carry(host: Host, source: Source, folder: Path, names: str, held: list[Parcel] | None = None) -> Carrier:
    carrier = Carrier(source, host, str(folder))
    words = [entry._asdict() for entry in held or []]
    sent = carrier.carry([diff_id(name) for name in names], words)
    assert [entry["diff_id"] for entry in sent] == [diff_id(name) for name in names]
    return carrier


def test_small_ones_travel_together_and_long_ones_in_pieces(tmp_path: Path) -> None:
    host, source = Host(), Source()
    carrier = carry(host, source, tmp_path, "abcd")
    assert host.held == {diff_id(name): data for name, data in LAYERS.items()}
    assert host.rounds == [[5, 10], [16], [16], [3], [10]]
    assert carrier.count == 60
    assert list(tmp_path.iterdir()) == [], "nothing is left at the controller"


def test_what_is_held_is_not_sent_again(tmp_path: Path) -> None:
    host, source = Host(), Source()
    host.held = {diff_id("a"): LAYERS["a"], diff_id("c"): LAYERS["c"][:20]}
    carrier = carry(host, source, tmp_path, "acd", [parcel("a", 5), parcel("c", 20)])
    assert source.asked == ["c", "d"]
    assert host.held[diff_id("c")] == LAYERS["c"]
    assert carrier.count == 25


def test_held_of_another_packing_starts_anew(tmp_path: Path) -> None:
    host, source = Host(), Source()
    other = parcel("c", 20)._replace(digest=parcel("a").digest)
    carry(host, source, tmp_path, "c", [other])
    assert host.held[diff_id("c")] == LAYERS["c"]


def test_a_host_that_forgets(tmp_path: Path) -> None:
    host = Host()
    host.forgets = True
    with pytest.raises(NotFound, match="cleared away while it was sent. Run the task again"):
        carry(host, Source(), tmp_path, "c")
