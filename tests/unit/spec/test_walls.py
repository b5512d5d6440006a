"""Capabilities, seccomp and masked paths: what holds a container in."""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import capabilities, seccomp, security

ALL = tuple(sorted(capabilities.NAMES))


def test_the_default_eleven():
    assert [name[4:] for name in capabilities.DEFAULT] == (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split()
    )


def test_names_by_bit():
    assert capabilities.NAMES[0] == "CAP_CHOWN" and capabilities.NAMES[21] == "CAP_SYS_ADMIN"
    assert capabilities.NAMES[40] == "CAP_CHECKPOINT_RESTORE" and len(capabilities.NAMES) == 41
    assert capabilities.from_mask(0b100001) == ("CAP_CHOWN", "CAP_KILL")
    assert capabilities.from_mask(2**64 - 1) == ALL


MERGES = [
    ((), (), capabilities.DEFAULT),
    (("CAP_NET_ADMIN",), ("CAP_KILL",), sorted({*capabilities.DEFAULT, "CAP_NET_ADMIN"} - {"CAP_KILL"})),
    (("ALL",), (), ALL),
    (("ALL",), ("CAP_SYS_ADMIN",), [name for name in ALL if name != "CAP_SYS_ADMIN"]),
    ((), ("ALL",), ()),
    (("CAP_NET_RAW",), ("ALL",), ("CAP_NET_RAW",)),
    ((), ("CAP_SYS_ADMIN",), capabilities.DEFAULT),
]


@pytest.mark.parametrize(("add", "drop", "expected"), MERGES)
def test_merging(add, drop, expected):
    assert capabilities.merge(capabilities.DEFAULT, add, drop, ALL) == tuple(expected)


def test_never_more_than_can_be_handed_on():
    assert capabilities.merge(capabilities.DEFAULT, ("CAP_SYS_ADMIN",), (), ("CAP_CHOWN",)) == ("CAP_CHOWN",)


@pytest.mark.parametrize(("add", "drop"), [(("ALL",), ("ALL",)), (("CAP_KILL",), ("CAP_KILL",))])
def test_added_and_dropped(add, drop):
    with pytest.raises(BadInput, match="cap_add"):
        capabilities.merge(capabilities.DEFAULT, add, drop, ALL)


def test_spellings_of_a_capability():
    assert capabilities.normalise(["net_admin", "NET_ADMIN", "CAP_NET_ADMIN", "all"], "cap_add") == (
        "ALL",
        "CAP_NET_ADMIN",
    )
    with pytest.raises(BadInput, match="NET_ADMN"):
        capabilities.normalise(["NET_ADMN"], "cap_add")


def test_inheritable_is_empty_for_root():
    sets = capabilities.process_sets(capabilities.DEFAULT, None)
    assert "inheritable" not in sets and "ambient" not in sets
    assert sets["effective"] == list(capabilities.DEFAULT)


def test_a_plain_user_has_nothing_but_what_was_named():
    assert list(capabilities.process_sets(capabilities.DEFAULT, ())) == ["bounding"]
    sets = capabilities.process_sets(capabilities.DEFAULT, ("CAP_NET_RAW",))
    assert {sets[name][0] for name in ("effective", "permitted", "inheritable", "ambient")} == {"CAP_NET_RAW"}


def rules(profile, call):
    return [rule for rule in profile["syscalls"] if call in rule["names"]]


def test_default_profile_denies_by_default():
    profile = seccomp.default_profile("amd64", capabilities.DEFAULT)
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO" and profile["defaultErrnoRet"] == 38
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    assert [rule["action"] for rule in rules(profile, "openat")] == ["SCMP_ACT_ALLOW"]
    assert [rule["action"] for rule in rules(profile, "init_module")] == ["SCMP_ACT_ERRNO"]


@pytest.mark.parametrize(
    ("capability", "call"),
    [("CAP_SYS_MODULE", "init_module"), ("CAP_SYS_TIME", "settimeofday"), ("CAP_SYS_ADMIN", "sethostname")],
)
def test_a_capability_opens_its_calls(capability, call):
    without = seccomp.default_profile("amd64", capabilities.DEFAULT)
    with_it = seccomp.default_profile("amd64", (*capabilities.DEFAULT, capability))
    assert {rule["action"] for rule in rules(without, call)} == {"SCMP_ACT_ERRNO"}
    assert "SCMP_ACT_ALLOW" in {rule["action"] for rule in rules(with_it, call)}


def test_other_machines_get_their_own_calls():
    assert rules(seccomp.default_profile("arm64", ()), "arch_prctl") == []
    assert rules(seccomp.default_profile("amd64", ()), "arch_prctl")
    assert rules(seccomp.default_profile("s390x", ()), "s390_pci_mmio_read")
    assert "architectures" not in seccomp.default_profile("riscv64", ())
    assert seccomp.default_profile("arm64", ())["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]


def profile(**changes):
    document = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM"}],
    }
    return json.dumps({**document, **changes}).encode()


def test_a_profile_of_ones_own():
    made = seccomp.load_profile(
        profile(architectures=["SCMP_ARCH_X86_64"], flags=["SECCOMP_FILTER_FLAG_LOG"]), "p", "amd64", ()
    )
    assert made == {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
    }
    assert seccomp.load_profile(b"{}", "p", "amd64", ()) is None


BAD = [
    b"",
    b"[]",
    b"{",
    profile(defaultAction="SCMP_ACT_ALOW"),
    profile(syscalls={}),
    profile(syscalls=[1]),
    profile(syscalls=[{"names": ["x"], "action": "ALLOW"}]),
    profile(syscalls=[{"names": [1], "action": "SCMP_ACT_ALLOW"}]),
    profile(syscalls=[{"name": "x", "names": ["y"], "action": "SCMP_ACT_ALLOW"}]),
    profile(syscalls=[{"names": ["x"], "action": "SCMP_ACT_ERRNO", "errno": "__doc__"}]),
    profile(syscalls=[{"names": ["x"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1}]),
    profile(
        syscalls=[{"names": ["x"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 9, "value": 0, "op": "SCMP_CMP_EQ"}]}]
    ),
    profile(syscalls=[{"names": ["x"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "EQ"}]}]),
    profile(architectures=["a"], archMap=[{"architecture": "b"}]),
    b" " * (seccomp.MAX_BYTES + 1),
]


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_what_is_no_profile_is_refused(content):
    with pytest.raises(BadInput, match="seccomp profile p"):
        seccomp.load_profile(content, "p", "amd64", ())


def test_masked_paths_by_default():
    masked = security.masked_paths(
        security.SecurityWish(), ("/sys/devices/system/cpu/cpu0/thermal_throttle",), privileged=False
    )
    assert {"/proc/kcore", "/proc/keys", "/proc/interrupts", "/sys/firmware", "/sys/devices/virtual/powercap"} <= set(
        masked
    )
    assert "/sys/devices/system/cpu/cpu0/thermal_throttle" in masked
    assert security.read_only_paths(security.SecurityWish(), privileged=False) == list(security.READ_ONLY)
    assert security.masked_paths(security.SecurityWish(), (), privileged=True) == []


def test_mask_and_unmask():
    wish = security.parse(["mask=/a:/b", "unmask=/proc/acpi:/proc/s*", "unmask=/proc/sys"])
    masked = security.masked_paths(wish, (), privileged=False)
    assert {"/a", "/b"} <= set(masked)
    assert not {"/proc/acpi", "/proc/sched_debug", "/proc/scsi"} & set(masked)
    assert "/proc/sys" not in security.read_only_paths(wish, privileged=False)
    assert security.masked_paths(security.parse(["unmask=ALL", "mask=/a"]), (), privileged=False) == ["/a"]


def test_newer_masked_paths_count_as_no_difference():
    older, newer = (
        list(security.MASKED),
        [*security.MASKED, *security.MASKED_SINCE, "/sys/devices/system/cpu/cpu7/thermal_throttle"],
    )
    for masked in (older, newer):
        assert security.mask_difference(masked, security.READ_ONLY) == ([], [])
    assert security.mask_difference([*older, "/x"], security.READ_ONLY[1:]) == (["/x"], ["/proc/asound"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seccomp",
        "seccomp=",
        "seccomp=profile.json",
        "no-new-privileges=maybe",
        "label=foo",
        "label=type:",
        "mask=proc",
        "privileged",
        "apparmor",
        "unmask=../x",
    ],
)
def test_security_options_that_are_none(text):
    with pytest.raises(BadInput, match="security_opt"):
        security.parse([text])


def test_security_options():
    wish = security.parse(
        ["no-new-privileges", "seccomp=/p.json", "apparmor:x", "label=type:t", "label:disable", "proc-opts=a,b"]
    )
    assert wish == security.SecurityWish(True, "/p.json", "x", ("type:t", "disable"), (), (), ("a", "b"))
