"""The part of Go's templates that people write; expected texts are Go's own."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.gotemplate import Template
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.gotext import go_text
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.rows import Row

DATA: dict[str, object] = {
    "Id": "abc",
    "Name": "web",
    "State": {"Status": "running", "Running": True, "Pid": 42, "Health": None},
    "Config": {"Labels": {"b": "2", "a": "1"}, "Cmd": ["sleep", "10"], "Env": []},
    "Mounts": [{"Source": "/s", "Destination": "/d"}, {"Source": "/s2", "Destination": "/d2"}],
}

GOOD = [
    ("plain", "plain"),
    ("{{.Name}}", "web"),
    ("{{ .Name }}", "web"),
    ("{{.ID}} {{.id}}", "abc abc"),
    ("{{.State.Status}}", "running"),
    ("{{.State.Running}} {{.State.Pid}} {{.State.Health}}", "true 42 <nil>"),
    ("{{.Config.Labels}}", "map[a:1 b:2]"),
    ("{{.Config.Cmd}} {{.Config.Env}}", "[sleep 10] []"),
    ("{{json .State}}", '{"Status":"running","Running":true,"Pid":42,"Health":null}'),
    ("{{.Config.Cmd | json}}", '["sleep","10"]'),
    ('{{json "<&>"}}', '"\\u003c\\u0026\\u003e"'),
    ("{{range .Mounts}}{{.Source}}:{{.Destination}} {{end}}", "/s:/d /s2:/d2 "),
    ("{{range .Config.Env}}{{.}}{{else}}none{{end}}", "none"),
    ("{{range .Config.Cmd}}<{{.}}>{{end}}", "<sleep><10>"),
    ("{{range .Mounts}}{{$.Name}}{{end}}", "webweb"),
    ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
    ("{{if .State.Health}}h{{else if .State.Running}}r{{else}}n{{end}}", "r"),
    ('{{if eq .State.Status "running"}}yes{{end}}', "yes"),
    ('{{if and .State.Running (ne .Name "db")}}yes{{end}}', "yes"),
    ("{{if not .State.Running}}no{{end}}", ""),
    ("{{with .State}}{{.Status}}{{end}}", "running"),
    ("{{with .State.Health}}x{{else}}none{{end}}", "none"),
    ('{{index .Config.Labels "a"}} {{index .Config.Cmd 1}} {{index .Config.Labels "none"}}', "1 10 "),
    ("{{(index .Mounts 1).Source}}", "/s2"),
    ("{{len .Mounts}} {{len .Name}}", "2 3"),
    ('{{join .Config.Cmd ", "}} {{upper .Name}} {{lower "ABC"}}', "sleep, 10 WEB abc"),
    ("{{println .Name 1}}", "web 1\n"),
    ('{{printf "%s-%d" .Name .State.Pid}}', "web-42"),
    ("a {{- .Name -}} b", "aweb" + "b"),
    ("{{/* nothing */}}x", "x"),
    ('{{`raw "x"`}}', 'raw "x"'),
]


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=[text for text, _expected in GOOD])
def test_template(text: str, expected: str) -> None:
    assert Template(text).execute(DATA) == expected


BAD = [
    ("{{.Nope}}", "can't evaluate field Nope"),
    ("{{.Name.Deep}}", "can't evaluate field Deep"),
    ("{{.State.Health.Log}}", "nil pointer"),
    ("{{.Name", "unclosed action"),
    ("{{}}", "empty action"),
    ("{{frob .Name}}", "function 'frob' is not defined"),
    ("{{if .Name}}x", "without {{end}}"),
    ("{{end}}", "unexpected {{end}}"),
    ("{{index .Mounts 7}}", "error calling index"),
    ("{{len .State.Pid}}", "error calling len"),
    ("{{.Name ?}}", "unexpected"),
    ("{{(.Name}}", "missing"),
    ("{{(.Name | json }", "unclosed action"),
    ("{{.Name .Id}}", "not a function"),
]


@pytest.mark.parametrize(("text", "reason"), BAD, ids=[text for text, _reason in BAD])
def test_mistake(text: str, reason: str) -> None:
    with pytest.raises(BadInput) as raised:
        Template(text).execute(DATA)
    assert reason in str(raised.value)


def test_json_of_a_row_is_its_object() -> None:
    row = Row(Name="web")
    row.source = lambda: {"Names": ["web"]}
    assert Template("{{json .}} {{.Name}}").execute(row) == '{"Names":["web"]} web'


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "<nil>"), (True, "true"), (3, "3"), ({}, "map[]"), ([], "[]"), ({"a": [1]}, "map[a:[1]]")],
)
def test_values_read_as_in_go(value: object, text: str) -> None:
    assert go_text(value) == text
