"""Where a name leads by registries.conf: the same places, in the same order, as podman tries them."""

from __future__ import annotations

import json
import re

import pytest
from commands import CommandFailed
from machine import Machine

AT = "@sha256:" + "a" * 64
TRIED = re.compile(r'msg="Trying to access \\"([^"\\]+)\\""')
OURS = """
import json, sys
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import EngineError
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.registries_conf import load

who = Identity(0, 0, "root", "/root", "/run", False, False)
answers = []
for path, name in json.loads(sys.argv[1]):
    try:
        found = load(who, {"CONTAINERS_REGISTRIES_CONF": path})
        places = [place for ref in found.pull_candidates(name) for place in found.endpoints(ref)]
        answers.append([str(place.reference) for place in places])
    except EngineError as error:
        answers.append([])
        print(path, name, error, file=sys.stderr)
print(json.dumps(answers))
"""
MIRRORS = """
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:1/hub"
[[registry.mirror]]
location = "127.0.0.1:2"
[[registry.mirror]]
location = "127.0.0.1:3/x"
pull-from-mirror = "digest-only"
insecure = true
[[registry.mirror]]
location = "127.0.0.1:4"
pull-from-mirror = "tag-only"
[[registry]]
prefix = "docker.io/library"
location = "127.0.0.1:5/l"
[[registry]]
location = "127.0.0.1:6"
mirror-by-digest-only = true
[[registry.mirror]]
location = "127.0.0.1:7"
[[registry]]
prefix = "*.example"
location = "127.0.0.1:8/all"
[[registry]]
prefix = "*.wild.example"
location = "127.0.0.1:9/wild"
[[registry]]
prefix = "one.example/app:1"
location = "127.0.0.1:10/tagged"
[[registry]]
prefix = "127.0.0.1:11/bad"
location = "127.0.0.1:11/bad"
blocked = true
"""
SEARCH = 'unqualified-search-registries = ["127.0.0.1:1", "127.0.0.1:2"]\nshort-name-mode = "{}"\n'
CASES = [
    (MIRRORS, "docker.io/team/app:1"),
    (MIRRORS, "docker.io/team/app" + AT),
    (MIRRORS, "docker.io/busybox"),
    (MIRRORS, "127.0.0.1:6/a"),
    (MIRRORS, "127.0.0.1:6/a" + AT),
    (MIRRORS, "two.example/a:1"),
    (MIRRORS, "a.wild.example/a:1"),
    (MIRRORS, "a.b.wild.example:5000/x/a:1"),
    (MIRRORS, "one.example/app:1"),
    (MIRRORS, "one.example/app:2"),
    (MIRRORS, "127.0.0.1:11/bad/app"),
    (MIRRORS, "127.0.0.1:11/badly/app"),
    (SEARCH.format("disabled"), "app:1"),
    (SEARCH.format("permissive"), "team/app"),
    (SEARCH.format("enforcing"), "app"),
    (SEARCH.format("enforcing") + '[aliases]\napp = "127.0.0.1:3/al"\n', "app:7"),
    (SEARCH.format("enforcing") + '[aliases]\n"team/app" = "127.0.0.1:3/al"\n', "team/app" + AT),
    (SEARCH.format("permissive") + '[aliases]\napp = ""\n', "app"),
    (SEARCH.format("sometimes"), "app"),
    ('unqualified-search-registries = ["127.0.0.1:1/team"]', "app"),
    ('unqualified-search-registries = ["http://127.0.0.1:1"]', "app"),
    ("unqualified-search-registries = []", "app"),
    ('[aliases]\n"app:1" = "127.0.0.1:3/al"\n', "app:1"),
    ('[aliases]\napp = "127.0.0.1:3/al:1"\n', "app"),
    ('[aliases]\napp = "al"\n', "app"),
    ('[aliases]\n"q.io/app" = "127.0.0.1:3/al"\n', "app"),
    ('[registries.search]\nregistries = ["127.0.0.1:1"]', "app"),
    ('[registries.block]\nregistries = ["127.0.0.1:1"]', "127.0.0.1:1/app"),
    ('[registries.block]\nregistries = ["127.0.0.1:1"]', "127.0.0.1:2/app"),
    ('[registries.insecure]\nregistries = ["127.0.0.1:1/"]', "127.0.0.1:1/app"),
    ('[registries.search]\nregistries = ["127.0.0.1:1"]\n[[registry]]\nlocation = "127.0.0.1:2"\n', "127.0.0.1:2/app"),
    ('[registries.search]\nregistries = []\n[[registry]]\nlocation = "127.0.0.1:2"\n', "127.0.0.1:2/app"),
    (
        '[[registry]]\nlocation = "127.0.0.1:1"\n[[registry]]\nlocation = "127.0.0.1:1"\nblocked = true\n',
        "127.0.0.1:1/a",
    ),
    ('[[registry]]\nlocation = "127.0.0.1:1"\n[[registry]]\nlocation = "127.0.0.1:1"\n', "127.0.0.1:1/a"),
    (
        '[[registry]]\nprefix = "127.0.0.1:1"\nlocation = "127.0.0.1:2"\n'
        '[[registry]]\nprefix = "127.0.0.1:1"\nlocation = "127.0.0.1:3"\n',
        "127.0.0.1:1/a",
    ),
    (
        '[[registry]]\nprefix = "127.0.0.1:1"\nlocation = "127.0.0.1:3"\ninsecure = true\n'
        '[[registry]]\nprefix = "127.0.0.1:2"\nlocation = "127.0.0.1:3"\n',
        "127.0.0.1:1/a",
    ),
    ('[[registry]]\nprefix = "*.example/x"\nlocation = "127.0.0.1:2"\n', "127.0.0.1:1/a"),
    ('[[registry]]\nprefix = "*.example"\n', "127.0.0.1:1/a"),
    ('[[registry]]\nprefix = "127.0.0.1:1"\n', "127.0.0.1:1/a"),
    ('[[registry]]\nlocation = "127.0.0.1:1"\npull-from-mirror = "all"\n', "127.0.0.1:1/a"),
    ('[[registry]]\nlocation = "127.0.0.1:1"\n[[registry.mirror]]\ninsecure = true\n', "127.0.0.1:1/a"),
    (
        '[[registry]]\nlocation = "127.0.0.1:1"\n[[registry.mirror]]\nlocation = "127.0.0.1:2"\npull-from-mirror = "x"',
        "127.0.0.1:1/a",
    ),
    ('[[registry]]\nlocation = "127.0.0.1:1"\nunheard-of = 1\n', "127.0.0.1:1/a"),
    ('[[registry]]\nlocation = "127.0.0.1:1/UPPER"\nprefix = "127.0.0.1:2"\n', "127.0.0.1:2/a"),
]


@pytest.fixture(scope="module")
def answers(shared_machine: Machine) -> list:
    """Ours for all cases, in one process."""
    asked = []
    for number, (text, name) in enumerate(CASES):
        shared_machine.write(f"/srv/{number}.conf", text)
        asked.append((f"/srv/{number}.conf", name))
    done = shared_machine.python(OURS, json.dumps(asked))
    print(done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_podman_tries_the_same_places(shared_machine: Machine, answers: list, number: int) -> None:
    try:
        done = shared_machine.podman(
            ["--log-level", "debug", "pull", "--retry", "0", CASES[number][1]],
            env={"CONTAINERS_REGISTRIES_CONF": f"/srv/{number}.conf"},
        )
        text = done.stderr
    except CommandFailed as failed:
        text = str(failed)
    tried = [] if "is blocked in" in text else list(dict.fromkeys(TRIED.findall(text)))
    assert answers[number] == tried, text[-600:]
