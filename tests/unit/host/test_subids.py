"""Sub-ids: what /etc/subuid and /etc/subgid grant, and what is said when they grant nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import subids
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import Completed, LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.subids import Range
from hypothesis import given
from hypothesis import strategies as st

JOE = Identity(1000, 1000, "joe", "/home/joe", "/run/user/1000", True, False)


def write(etc: Path, subuid: str | None, subgid: str | None, nsswitch: str | None = None) -> str:
    for name, text in (("subuid", subuid), ("subgid", subgid), ("nsswitch.conf", nsswitch)):
        if text is not None:
            (etc / name).write_text(text)
    return str(etc)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("joe:100000:65536\n", (Range(100000, 65536),)),
        ("1000:100000:65536\n", (Range(100000, 65536),)),
        ("ann:1:2\njoe:3:4\njoe:10:5\n", (Range(3, 4), Range(10, 5))),
        ("# joe:1:2\n\n  joe:3:4  \n", (Range(3, 4),)),
        ("joe:3:0\n", ()),
        ("joey:3:4\n", ()),
        ("ann:not:numbers\n", ()),
        ("", ()),
    ],
)
def test_ranges_of_a_user(text: str, found: tuple[Range, ...]) -> None:
    assert subids.parse(text, ("joe", "1000"), "/etc/subuid") == found


@pytest.mark.parametrize("line", ["joe:1", "joe:a:2", "joe:1:2:3", "joe:-1:5", "joe:1:\u0664", "joe:4294967290:100"])
def test_bad_lines_are_named(line: str) -> None:
    with pytest.raises(BadInput, match="/etc/subuid.*line 2"):
        subids.parse(f"ann:1:2\n{line}\n", ("joe", "1000"), "/etc/subuid")


@given(st.text(alphabet="joe:0123456789#\n -", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        for first, size in subids.parse(text, ("joe", "1000"), "/etc/subuid"):
            assert first >= 0 and size > 0 and first + size <= 2**32
    except BadInput:
        pass


@pytest.mark.parametrize(
    ("subuid", "subgid", "named"),
    [
        (None, None, "subuid gives no ids to joe (uid 1000). Add a free range as root: usermod --add-subuids"),
        ("ann:1:2\n", "joe:1:2\n", "subuid gives no ids to joe"),
        ("joe:1:2\n", "", "subgid gives no ids to joe (uid 1000). Add a free range as root: usermod --add-subgids"),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_add_it(
    tmp_path: Path, subuid: str | None, subgid: str | None, named: str
) -> None:
    etc = write(tmp_path, subuid, subgid)
    with pytest.raises(HostLacks) as caught:
        subids.find(JOE, LinuxRunner(), etc)
    assert named in str(caught.value)


class _Getsubids(LinuxRunner):
    """A runner whose getsubids knows joe."""

    def run(self, argv: Sequence[str], **_more: object) -> Completed:  # type: ignore[override]
        text = "0: joe 5000 10\n" if "-g" in argv else "0: joe 4000 10\n1: joe 9000 5\n"
        return Completed(0, text.encode(), b"")


def test_a_name_service_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "getsubids"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    etc = write(tmp_path, "joe:1:2\n", "joe:1:2\n", "passwd: files\nsubid: sss # here\n")
    found = subids.find(JOE, _Getsubids(), etc)
    assert found == subids.SubIds((Range(4000, 10), Range(9000, 5)), (Range(5000, 10),))


@pytest.mark.parametrize("line", ["subid: files\n", "#subid: sss\n", "subids: sss\n"])
def test_files_are_read_otherwise(tmp_path: Path, line: str) -> None:
    etc = write(tmp_path, "joe:1:2\n", "joe:3:4\n", line)
    assert subids.find(JOE, LinuxRunner(), etc) == subids.SubIds((Range(1, 2),), (Range(3, 4),))


def test_mapping_has_no_gaps_inside() -> None:
    ranges = (Range(100000, 65536), Range(300000, 10))
    assert subids.mapping(1000, ranges, "/etc/subuid") == ((0, 1000, 1), (1, 100000, 65536), (65537, 300000, 10))


def test_a_range_with_the_users_own_id_is_refused() -> None:
    with pytest.raises(BadInput, match="holds the user's own id"):
        subids.mapping(1000, (Range(900, 200),), "/etc/subuid")
