"""Volumes, mounts and tmpfs: spellings, completion, refusals."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import mounts


@pytest.mark.parametrize(
    ("text", "kind", "source", "complete"),
    [
        ("/a:/b", "bind", "/a", "rw rprivate rbind"),
        ("/a:/b:ro,z", "bind", "/a", "ro z rprivate rbind"),
        ("/a:/b:rshared", "bind", "/a", "rshared rw rbind"),
        ("/a:/b:bind,private", "bind", "/a", "bind private rw"),
        ("/a:/b:U", "bind", "/a", "U rw rprivate rbind"),
        ("/a/../c/:/b/", "bind", "/c", "rw rprivate rbind"),
        ("v:/b", "volume", "v", "rw rprivate nosuid nodev rbind"),
        ("v:/b:ro,noexec", "volume", "v", "ro noexec rprivate nosuid nodev rbind"),
        ("v:/b:suid,dev", "volume", "v", "suid dev rw rprivate rbind"),
        ("/b", "volume", "", "rw rprivate nosuid nodev rbind"),
        ("/a:/b:O", "overlay", "/a", "O rw rprivate rbind"),
        ("/a:/b:idmap", "bind", "/a", "idmap rw rprivate rbind"),
        ("/a:/b:idmap=uids=0-1-10;gids=0-1-10", "bind", "/a", "idmap=uids=0-1-10;gids=0-1-10 rw rprivate rbind"),
    ],
)
def test_volumes(text, kind, source, complete):
    mount = mounts.parse_volume(text)
    assert (mount.kind, mount.source, mount.target) == (kind, source, "/b")
    assert mounts.complete(mount) == complete.split()


BAD_VOLUMES = [
    "",
    ":",
    "/a:",
    ":/b",
    "/a:b",
    "a/b:/c",
    "./a:/b",
    "~/a:/b",
    "/a:/",
    "/a:/b:rx",
    "/a:/b:ro,rw",
    "/a:/b:z,Z",
    "/a:/b:ro:x",
    "/a:/b:shared,private",
    "/a:/b\n",
    "v:/b:subpath=../x",
    "-v:/b",
    "/a:/..",
    "/a:/b:idmap=$(x)",
    "/a:/b:upperdir=x",
]


@pytest.mark.parametrize("text", BAD_VOLUMES)
def test_volumes_that_are_none(text):
    with pytest.raises(BadInput, match="read mount"):
        mounts.parse_volume(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("type=bind,src=/a,dst=/b", "/a:/b"),
        ("type=bind,source=/a,target=/b,ro", "/a:/b:ro"),
        ("type=bind,source=/a,destination=/b,readonly=true", "/a:/b:ro"),
        ("type=bind,source=/a,destination=/b,ro=false", "/a:/b:rw"),
        ("type=bind,src=/a,dst=/b,bind-propagation=rslave,relabel=private", "/a:/b:Z,rslave"),
        ("type=bind,src=/a,dst=/b,U=true", "/a:/b:U"),
        ("type=volume,src=v,dst=/b", "v:/b"),
        ("src=v,dst=/b,noexec", "v:/b:noexec"),
        ("type=volume,dst=/b", "/b"),
        ("type=volume,src=v,dst=/b,subpath=a/b", "v:/b:subpath=a/b"),
        ('type=bind,"src=/a,x",dst=/b', "/a,x:/b"),
    ],
)
def test_mounts_are_volumes_in_other_words(text, same):
    one, two = mounts.parse_mount(text), mounts.parse_volume(same)
    assert (one.kind, one.source, one.target, one.subpath) == (two.kind, two.source, two.target, two.subpath)
    assert mounts.canonical(one.kind, mounts.complete(one)) == mounts.canonical(two.kind, mounts.complete(two))


BAD_MOUNTS = [
    "",
    "type=bind",
    "type=bind,dst=/b",
    "type=bind,src=a,dst=/b",
    "type=foo,dst=/b",
    "type=bind,src=/a,dst=b",
    "type=bind,src=/a,src=/c,dst=/b",
    "type=bind,src=/a,source=/a,dst=/b",
    "type=bind,src=/a,dst=/b,foo=1",
    "type=bind,src=/a,dst=/b,relabel=x",
    "type=bind,src=/a,dst=/b,ro=maybe",
    "type=bind,src=/a,dst=/b,bind-propagation=x",
    "type=tmpfs,dst=/b,tmpfs-size=x",
    "type=tmpfs,dst=/b,tmpfs-mode=9",
    "type=image,dst=/b",
    "type=volume,src=/a,dst=/b",
    "type=volume,src=v,dst=/b,subpath=/../x",
    "type=bind,src=/a,dst=/",
]


@pytest.mark.parametrize("text", BAD_MOUNTS)
def test_mounts_that_are_none(text):
    with pytest.raises(BadInput, match="read .*"):
        mounts.parse_mount(text)


@pytest.mark.parametrize(
    ("options", "complete"),
    [
        ("", "rw rprivate nosuid nodev tmpcopyup"),
        ("size=64m,mode=755,exec", "size=64m mode=755 exec rw rprivate nosuid nodev tmpcopyup"),
        ("rw,noexec,size=1g", "rw noexec size=1g rprivate nosuid nodev tmpcopyup"),
        ("mode=1770,notmpcopyup", "mode=1770 rw rprivate nosuid nodev"),
    ],
)
def test_tmpfs(options, complete):
    assert mounts.complete(mounts.parse_tmpfs("/t", options)) == complete.split()


@pytest.mark.parametrize("options", ["foo", "size=x", "mode=8", "rw,ro", "size", "tmpcopyup,notmpcopyup"])
def test_tmpfs_that_is_none(options):
    with pytest.raises(BadInput):
        mounts.parse_tmpfs("/t", options)


def test_canonical_options():
    same = [["rw", "rprivate", "rbind"], ["rbind", "rw"], ["exec", "rw", "dev", "suid", "rprivate", "rbind"]]
    assert {tuple(mounts.canonical("bind", options)) for options in same} == {()}
    assert mounts.canonical("tmpfs", ["size=64m", "tmpcopyup"]) == mounts.canonical(
        "tmpfs", ["tmpcopyup", "size=65536k"]
    )
    assert mounts.canonical("tmpfs", ["mode=755", "tmpcopyup"]) == mounts.canonical("tmpfs", ["mode=0755", "tmpcopyup"])
    assert mounts.canonical("tmpfs", ["rw"]) == ["notmpcopyup"]
    assert mounts.canonical("bind", ["bind", "rw"]) != mounts.canonical("bind", ["rbind", "rw"])


def test_one_target_is_mounted_once():
    with pytest.raises(BadInput, match="/b is mounted twice"):
        mounts.merge([[mounts.parse_volume("/a:/b"), mounts.parse_volume("/c:/b")]])
    late = mounts.parse_volume("/c:/b")
    assert mounts.merge([[mounts.parse_volume("/a:/b")], [late]]) == (late,)
