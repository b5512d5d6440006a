"""Looking at pods in a machine: the rows of the database, as they are."""

from __future__ import annotations

import json

IMAGE = "localhost/busybox:latest"
SLEEP = {"image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
_DUMP = """
import json, os, sqlite3, sys
rows = sqlite3.connect(os.path.expanduser(sys.argv[1])).execute(sys.argv[2]).fetchall()
print(json.dumps([[x.decode() if isinstance(x, bytes) else x for x in row] for row in rows]))
"""


def table(machine, sql, user=None):
    path = "/var/lib/containers/storage/db.sql" if user is None else "~/.local/share/containers/storage/db.sql"
    return json.loads(machine.run(["python3", "-c", _DUMP, path, sql], user).stdout)


def pod_rows(machine, name, user=None):
    """(config, state, infra container, members): rows as JSON."""
    sql = f"SELECT c.JSON, s.JSON FROM PodConfig c JOIN PodState s ON s.ID = c.ID WHERE c.Name = '{name}'"
    ((config, state),) = table(machine, sql, user)
    config, state = json.loads(config), json.loads(state)
    found = table(machine, f"SELECT JSON FROM ContainerConfig WHERE PodID = '{config['id']}' ORDER BY rowid", user)
    containers = [json.loads(row[0]) for row in found]
    infra = next((one for one in containers if one["id"] == state["InfraContainerID"]), None)
    return config, state, infra, [one for one in containers if one is not infra]


def load(machine, *users):
    for user in users or (None,):
        machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)], user)


def names(machine, user=None):
    return sorted(one["Names"][0] for one in machine.podman_json(["ps", "-a", "--format", "json"], user) or [])
