"""The rows we write, against those podman wrote for the same wish, field by field."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.tests.unit.container import recorded

MASKED_LATER = {"/proc/interrupts"}  # masked by newer podman, and by us on every host


def ours(name):
    return known(recorded.comparable(recorded.built(name).config))


def known(made):
    linux = made["spec"]["linux"]
    if "maskedPaths" in linux:
        linux["maskedPaths"] = [path for path in linux["maskedPaths"] if path not in MASKED_LATER]
    return made


def podmans(name):
    return recorded.comparable(recorded.row(name))


def differences(theirs, mine, path=""):
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in sorted(set(theirs) | set(mine)):
            if key in theirs and key in mine:
                yield from differences(theirs[key], mine[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}", theirs.get(key, "(none)"), mine.get(key, "(none)")
    elif theirs != mine:
        yield path, theirs, mine


# Where we differ on purpose: what podman's value is, what ours is, and why.
INTENDED = {
    "mem": {".spec.linux.resources.blockIO.weight": "podman drops it where the kernel has no knob"},
    "dev": {".device_host_src": "each device is written out in full"},
    "envfile": {".spec.process.env": "a bare NAME in an env file would take the value from whoever runs the task"},
    "mountprop": {
        ".spec.mounts": "paths are normalised before they are stored",
        ".userVolumes": "paths are normalised before they are stored",
    },
    "hcimgover": {".healthcheck.Interval": "podman ignores an interval without a command of its own"},
}


@pytest.mark.parametrize("name", recorded.names())
def test_config_row_equals_podmans(name):
    found = {path: (theirs, mine) for path, theirs, mine in differences(podmans(name), ours(name))}
    assert set(found) == set(INTENDED.get(name, {})), found


# The user's numbers go into the spec at the start; a device is written out in full.
INTENDED_ROOTLESS = {
    "keep-id": {f".spec.process.user.{key}" for key in ("uid", "gid", "additionalGids")},
    "nomap": {".spec.process.user.additionalGids"},
    "device": {".device_host_src"},
}


@pytest.mark.parametrize("name", recorded.rootless_names())
def test_config_row_of_a_plain_user_equals_podmans(name):
    mine = known(recorded.comparable(recorded.rootless_built(name).config))
    theirs = recorded.comparable(recorded.rootless_row(name))
    found = {path: (there, here) for path, there, here in differences(theirs, mine)}
    assert set(found) == INTENDED_ROOTLESS.get(name, set()), found


def test_first_state_equals_podmans():
    state = recorded.built("plain").state
    assert state == recorded.state()


def test_recordings_are_many_and_distinct():
    rows = {recorded.digest(recorded.comparable(recorded.row(name))) for name in recorded.names()}
    assert len(recorded.names()) > 115
    assert len(rows) > 105  # a few options leave no trace in podman's row, such as http_proxy=false


def test_dependencies_are_reported():
    assert recorded.built("netctr").depends_on == (recorded.PLAIN,)
    assert recorded.built("requires").depends_on == (recorded.PLAIN,)
    assert recorded.built("plain").depends_on == ()


def test_volumes_to_make_are_reported():
    made = recorded.built("vol")
    anonymous = [v["volumeName"] for v in recorded.row("vol")["namedVolumes"] if len(v["volumeName"]) == 64]
    assert list(made.new_volumes) == anonymous
    assert set(made.volumes) == {"named1", "named2", *anonymous}
