"""OCI hooks: which files are refused, for which containers they are, and where they go."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import hooks

GOOD = {
    "version": "1.0.0",
    "hook": {"path": "/bin/hook", "args": ["hook", "x"], "env": ["A=1"], "timeout": 3},
    "when": {"always": True},
    "stages": ["prestart"],
}


def read(**changes):
    return hooks.read({**GOOD, **changes}, "/h/a.json")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "not a JSON object"),
        ({**GOOD, "version": "2.0.0"}, "version '2.0.0'"),
        ({**GOOD, "stages": ["later"]}, "stage 'later'"),
        ({**GOOD, "hook": {}}, "no program"),
        ({**GOOD, "hook": "/bin/hook"}, "no program"),
        ({key: GOOD[key] for key in ("hook", "when", "stages")}, "no program"),  # of version 0.1.0, without its program
        ({**GOOD, "when": {"commands": ["("]}}, "regular expression"),
        ({**GOOD, "when": {"annotations": {"a": "["}}}, "regular expression"),
    ],
    ids=str,
)
def test_files_that_are_refused(document, why):
    with pytest.raises(BadInput, match=why):
        hooks.read(document, "/h/a.json")


WHEN = [
    ({"always": True}, True),
    ({"always": False}, False),
    ({}, False),
    ({"commands": ["sleep$"]}, True),
    ({"commands": ["^sleep"]}, False),
    ({"commands": ["nothing", "/bin/s"]}, True),
    ({"hasBindMounts": True}, True),
    ({"hasBindMounts": False}, False),
    ({"annotations": {"^com\\.": "^yes$"}}, True),
    ({"annotations": {"^com\\.": "^no$"}}, False),
    ({"annotations": {"^com\\.": "yes", "other": ""}}, False),
    ({"annotations": {"^com\\.": "yes", "other": ""}, "or": True}, True),
    ({"always": True, "commands": ["nothing"]}, False),
    ({"always": False, "commands": ["sleep"]}, False),
    ({"always": False, "commands": ["sleep"], "or": True}, True),
    ({"always": False, "commands": ["nothing"], "or": True}, False),
]


@pytest.mark.parametrize(("when", "expected"), WHEN, ids=str)
def test_when(when, expected):
    assert hooks.matches(read(when=when), "/bin/sleep", {"com.a": "yes"}, binds=True) is expected


def test_bind_mounts():
    assert not hooks.matches(read(when={"hasBindMounts": True}), "/bin/sleep", {}, binds=False)


def test_stages():
    spec = {"hooks": {"poststart": [{"path": "/there"}], "createContainer": [{"path": "/cdi"}]}}
    stages = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", "precreate"]
    own = hooks.put(spec, [read(stages=stages), read(hook={"path": "/b"}, stages=["poststop"])])
    assert own == {"poststop": [GOOD["hook"], {"path": "/b"}], "precreate": [GOOD["hook"]]}
    assert spec["hooks"] == {
        "createRuntime": [GOOD["hook"]] * 2,
        "createContainer": [{"path": "/cdi"}, GOOD["hook"]],
        "startContainer": [GOOD["hook"]],
        "poststart": [{"path": "/there"}, GOOD["hook"]],
    }
    untouched: dict[str, object] = {}
    assert hooks.put(untouched, []) == {} and untouched == {}


def test_the_old_version():
    old = {"hook": "/bin/hook", "arguments": ["x"], "stage": ["prestart"], "cmd": ["sleep"], "annotation": ["^yes$"]}
    found = hooks.read(old, "/h/a.json")
    assert (found.hook, found.stages) == ({"path": "/bin/hook", "args": ["/bin/hook", "x"]}, ("prestart",))
    assert hooks.matches(found, "/bin/sleep", {}, binds=False)
    assert hooks.matches(found, "/bin/true", {"any": "yes"}, binds=False)
    assert not hooks.matches(found, "/bin/true", {"any": "no"}, binds=True)
