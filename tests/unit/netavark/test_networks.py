# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    BadInput,
    Conflict,
    Corrupt,
    NotFound,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.addresses import HostNetworks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.draft import Draft
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.networks import NetworkDir, inspect
from ansible_collections.daemonless.oci.plugins.module_utils.engine.netavark.settings import (
    DEFAULT_NETWORK_ID,
    standard_settings,
)


@pytest.fixture
def directory(tmp_path):
    settings = standard_settings(rootless=True, graph_root=str(tmp_path / "root"), runtime_dir=str(tmp_path / "run"))
    return NetworkDir(settings)


def nothing() -> HostNetworks:
    return HostNetworks((), frozenset())


def test_reading_makes_nothing(directory, tmp_path):
    assert [network.name for network in directory.all()] == ["podman"]
    assert directory.get("podman").subnets[0].subnet == "10.88.0.0/16"
    assert directory.get("other") is None
    assert os.listdir(tmp_path) == []


def test_a_file_is_as_podman_writes_it(directory):
    made = directory.create(Draft("web", labels={"b": "1", "a": "2"}), nothing)
    path = os.path.join(directory.settings.config_dir, "web.json")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.startswith('{\n     "name": "web",\n     "id": "')
    assert list(json.loads(text)) == [
        "name",
        "id",
        "driver",
        "network_interface",
        "created",
        "subnets",
        "ipv6_enabled",
        "internal",
        "dns_enabled",
        "labels",
        "ipam_options",
    ]
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert directory.get("web") == made
    assert inspect(made, {}) == {**json.loads(text), "containers": {}}


def test_keys_of_a_newer_podman_survive_a_change(directory):
    directory.create(Draft("web", dns_servers=("192.0.2.1",)), nothing)
    path = os.path.join(directory.settings.config_dir, "web.json")
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**content, "tomorrow": {"is": "another day"}}, file)
    directory.replace(directory.get("web")._replace(dns_servers=(), labels={"x": "y"}))
    with open(path, encoding="utf-8") as file:
        after = json.load(file)
    assert after["tomorrow"] == {"is": "another day"} and after["labels"] == {"x": "y"}
    assert "network_dns_servers" not in after


def test_finding(directory):
    web, db = directory.create(Draft("web"), nothing), directory.create(Draft("db"), nothing)
    assert directory.find("web") == web and directory.find(db.id) == db
    assert directory.find(web.id[:40]) == web
    with pytest.raises(NotFound):
        directory.find("nothing")
    with pytest.raises(BadInput):
        directory.get("../escape")
    assert directory.remove("web") and not directory.remove("web")
    assert [network.name for network in directory.all()] == ["db", "podman"]


def test_a_broken_neighbour_does_not_hide_the_others(directory):
    directory.create(Draft("web"), nothing)
    folder = directory.settings.config_dir
    for name, text in (("broken", "{"), ("liar", json.dumps({"name": "web"})), ("list", "[]")):
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
            file.write(text)
    assert [network.name for network in directory.all()] == ["podman", "web"]
    assert sorted(directory.broken) == ["broken.json", "liar.json", "list.json"]
    with pytest.raises(Corrupt, match="which is not its file name"):
        directory.get("liar")
    with pytest.raises(Conflict, match="is no network"):
        directory.create(Draft("broken"), nothing)


def test_recreate_refuses_before_it_touches_anything(directory):
    before = directory.create(Draft("web"), nothing)
    with pytest.raises(BadInput):
        directory.recreate(Draft("web", options={"mtu": "big"}), "", nothing)
    assert directory.get("web") == before
    after = directory.recreate(Draft("web", internal=True), "", nothing)
    assert after.internal and after.id != before.id and after.interface == before.interface


def test_an_id_is_told_without_making_up_the_default_network(directory):
    broken = NetworkDir(directory.settings._replace(default_subnet="nonsense"))
    assert broken.id_of("podman") == DEFAULT_NETWORK_ID
    made = directory.create(Draft(name="front"), nothing)
    assert directory.id_of("front") == made.id
    assert directory.id_of("absent") is None
