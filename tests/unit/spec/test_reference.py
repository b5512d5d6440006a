"""References: the grammar, the normalisation, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import Digest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import reference
from hypothesis import given
from hypothesis import strategies as st

HEX = "0123456789abcdef" * 4
AT = f"@sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("team/app", "docker.io/team/app"),
        ("docker.io/busybox", "docker.io/library/busybox"),
        ("index.docker.io/busybox", "docker.io/library/busybox"),
        ("docker://quay.io/a/b:c", "quay.io/a/b:c"),
        ("localhost/web", "localhost/web"),
        ("localhost:5000/web:2", "localhost:5000/web:2"),
        ("127.0.0.1:5000/web", "127.0.0.1:5000/web"),
        ("[::1]:5000/web", "[::1]:5000/web"),
        ("[fe80::1]/web", "[fe80::1]/web"),
        ("Registry/app", "Registry/app"),
        ("a.b/c/d/e/f:g", "a.b/c/d/e/f:g"),
        ("app" + AT, "docker.io/library/app" + AT),
        ("q.io/app:1" + AT, "q.io/app:1" + AT),
        ("q.io/a__b/c--d/e.f_g", "q.io/a__b/c--d/e.f_g"),
        ("q.io/app:" + "t" * 128, "q.io/app:" + "t" * 128),
    ],
)
def test_normalised(text: str, normal: str) -> None:
    assert str(reference.parse(text)) == normal
    assert str(reference.parse(normal)) == normal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("docker://", "empty"),
        (HEX, "image id"),
        ("Busybox", "lower case"),
        ("q.io/App", "lower case"),
        ("q.io/app:", "not a tag"),
        ("q.io/app:-x", "not a tag"),
        ("q.io/app:a b", "not a tag"),
        ("q.io/app:a\n", "not a tag"),
        ("q.io/app:" + "t" * 129, "not a tag"),
        ("q.io/app@", "not a digest"),
        ("q.io/app@sha256:abc", "not a digest"),
        ("q.io/app@sha256:" + HEX.upper(), "not a digest"),
        ("q.io/app@md5:" + HEX[:32], "not a digest"),
        ("q.io/app@sha256:../../etc/passwd", "not a digest"),
        ("q.io/../etc", "not a repository name"),
        ("q.io//app", "not a repository name"),
        ("q.io/app/", "not a repository name"),
        ("q.io/.app", "not a repository name"),
        ("q.io/a___b", "not a repository name"),
        ("/app", "not a repository name"),
        ("-q.io/app", "not a registry host"),
        ("q.io:port/app", "not a registry host"),
        ("user@q.io/app", "not a digest"),
        ("https://q.io/app", "not a registry host"),
        ("app name", "not a repository name"),
        ("app\n", "not a repository name"),
        ("a.b/" + "x" * 256, "longer than 255"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        reference.parse(text)


@pytest.mark.parametrize(
    ("text", "short"),
    [("busybox", True), ("team/app:1", True), ("localhost/app", False), ("q.io/app", False), ("host:1/app", False)],
)
def test_short(text: str, short: bool) -> None:
    assert reference.is_short(text) is short


def test_combined() -> None:
    digest = Digest.parse("sha256:" + HEX)
    ref = reference.parse("busybox")
    assert str(ref.with_default_tag()) == "docker.io/library/busybox:latest"
    assert ref.familiar == "busybox"
    assert reference.parse("docker.io/team/app").familiar == "team/app"
    assert reference.parse("q.io/team/app").familiar == "q.io/team/app"
    tagged = ref.with_tag("1")
    assert tagged.tag == "1"
    assert str(tagged.with_digest(digest)) == "docker.io/library/busybox" + AT
    assert tagged.with_digest(digest).with_default_tag().tag is None
    assert str(reference.join("q.io/mirror", "team/app:2")) == "q.io/mirror/team/app:2"
    with pytest.raises(BadInput, match="not starting|first not"):
        ref.with_tag(".x")


_part = st.from_regex(r"[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)
_domain = st.from_regex(r"[a-z0-9]{1,8}\.[a-z]{2,5}(:[0-9]{1,5})?", fullmatch=True)


@given(
    _domain,
    st.lists(_part, min_size=1, max_size=4),
    st.none() | st.from_regex(r"[A-Za-z0-9_][\w.-]{0,20}", fullmatch=True).filter(str.isascii),
)
def test_text_and_value_agree(domain: str, parts: list[str], tag: str | None) -> None:
    text = f"{domain}/{'/'.join(parts)}" + (f":{tag}" if tag else "")
    ref = reference.parse(text)
    assert reference.parse(str(ref)) == ref
    if domain not in ("docker.io", "index.docker.io"):
        assert str(ref) == text


@given(st.text(max_size=40))
def test_any_text_parses_or_is_bad_input(text: str) -> None:
    try:
        ref = reference.parse(text)
    except BadInput:
        return
    assert reference.parse(str(ref)) == ref
