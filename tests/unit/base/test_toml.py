"""The shipped TOML parser against the standard library's, as an independent judge."""

from __future__ import annotations

import datetime
import math

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import toml
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from hypothesis import given
from hypothesis import strategies as st

tomllib = pytest.importorskip("tomllib", reason="the judge is in the standard library from Python 3.11 on")

DOCUMENTS = [
    "",
    "a = 1\nb = 'x' # c\n",
    'unqualified-search-registries = ["docker.io", \'quay.io\',]\nshort-name-mode = "permissive"\n',
    "[[r]]\nprefix = 'a'\n[[r.mirror]]\nlocation='m1'\n[[r.mirror]]\nlocation='m2'\n[[r]]\nx=1",
    "[storage.options.overlay]\nmountopt = 'nodev'\n[storage]\ndriver='overlay'\n[storage.options]\nsize=''\n",
    'x = """a\nb \\\n   c"""\ny = \'\'\'q\'r\'\'\'\nz = """"quoted""""\n',
    "n = -17\nh = 0xDEAD_beef\no = 0o17\nb = 0b1\nf = 1e3\ng=-2.5\ni = inf\n",
    "t = { a = 1, b.c = [1, [2, 'x']] }\n[u]\nv.w = true\nv.x = false\n",
    "[a]\n[a.b]\nx=1\n[c.d]\n[c]\ny=2\n",
    'e = "\\u00e9\\t\\"\\\\"\n"quoted key" = 1\n',
    "a = [\n 1, # one\n 2\n]\n",
]
WRONG = [
    "a",
    "a =",
    "a = 1 b",
    "a = 1\na = 2",
    "[a]\n[a]",
    "a = {x=1}\n[a]",
    "a = [1]\n[[a]]",
    "a.b=1\na=2",
    "a = 'x",
    'a = "\\q"',
    "a = 01",
    "a = {x=1,}",
    "a = [1 2]",
    "a=1_",
    "[[a]\n",
    "[a]\nb.c=1\n[a.b]\n",
    'a = "\\ud800"',
    "a = +0x1",
    'a = "x\ny"',
]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_same_value_as_the_judge(text):
    assert toml.loads(text) == tomllib.loads(text)


@pytest.mark.parametrize("text", WRONG)
def test_refused_as_by_the_judge(text):
    with pytest.raises(ValueError):
        tomllib.loads(text)
    with pytest.raises(BadInput, match="line 1|line 2|line 3"):
        toml.loads(text)


def test_loads_maps_errors():
    with pytest.raises(BadInput, match="read registries.conf"):
        toml.loads("a = ", "registries.conf")


TOKENS = [*"a b . = 1 -2 0x1F 1.5 's' [ ] { } , #c true".split(), '"t\\n"', "\\", " ", "\n", '"' * 3, "'" * 3]
PIECES = st.lists(st.sampled_from(TOKENS), max_size=25).map("".join)


@given(PIECES)
def test_agrees_with_the_judge_on_anything(text):
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(BadInput):
            toml.loads(text)
        return
    assert plain(toml.loads(text)) == plain(expected)


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, (datetime.date, datetime.time)):
        return "time"
    return value
