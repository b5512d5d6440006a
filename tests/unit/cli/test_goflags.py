"""Command lines read by a table, as podman's own library reads them; and the task that `run` makes of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli import create_flags, create_task, goflags
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.context import Usage
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.params_names import KNOWN, UNSUPPORTED
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task.container_options import OPTIONS

TABLE = (
    goflags.Flag("--env -e", goflags.LIST),
    goflags.Flag("--interactive -i", goflags.SWITCH),
    goflags.Flag("--tty -t", goflags.SWITCH),
    goflags.Flag("--name"),
    goflags.Flag("--user -u"),
)


@pytest.mark.parametrize(
    ("argv", "given", "words"),
    [
        ("-it image", {"interactive": True, "tty": True}, "image"),
        ("-ite A=b image", {"interactive": True, "tty": True, "env": ["A=b"]}, "image"),
        ("-eA=b -e=C=d --env=E -e F image", {"env": ["A=b", "C=d", "E", "F"]}, "image"),
        ("--tty=false -i=0 image", {"tty": False, "interactive": False}, "image"),
        ("--name x --name=y image sh -c --name", {"name": "y"}, "image sh -c --name"),
        ("--name= image -i", {"name": ""}, "image -i"),
        ("-u -5 -- -i", {"user": "-5"}, "-i"),
        ("image --tty=true", {}, "image --tty=true"),
        ("-", {}, "-"),
    ],
)
def test_flags_end_where_the_image_is(argv: str, given: dict[str, object], words: str) -> None:
    line = goflags.read(argv.split(), TABLE, stop_early=True)
    assert (dict(line.given), list(line.words)) == (given, words.split())


def test_flags_may_follow_where_no_command_line_does() -> None:
    line = goflags.read(["one", "-i", "two", "--", "-t"], TABLE)
    assert (dict(line.given), line.words) == ({"interactive": True}, ("one", "two", "-t"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("--frob", "unknown flag: --frob"),
        ("-iz", "unknown shorthand flag: 'z' in -iz"),
        ("--name", "flag needs an argument: --name"),
        ("-iu", "flag needs an argument: -u"),
        ("--tty=maybe", "invalid argument 'maybe' for '--tty' flag"),
    ],
)
def test_mistakes(argv: str, said: str) -> None:
    with pytest.raises(Usage, match=said):
        goflags.read(argv.split(), TABLE)


def test_every_flag_is_an_option_or_refused_for_a_reason() -> None:
    own = {"attach", "detach", "detach-keys", "disable-content-trust", "help", "pod-id-file", "quiet", "replace"}
    own |= {"preserve-fd", "preserve-fds", "sig-proxy"}
    for flag in create_flags.FLAGS:
        option = create_flags.OPTION_OF.get(flag.key)
        if flag.key in create_flags.REFUSED:
            assert create_flags.REFUSED[flag.key]
        elif flag.key not in own:
            assert option in KNOWN - UNSUPPORTED.keys(), flag.names
    spellings = [name for flag in create_flags.FLAGS for name in flag.names.split()]
    assert len(spellings) == len(set(spellings))


def test_every_option_of_the_module_that_a_container_keeps_has_a_flag() -> None:
    beside = set(
        """
        state image command pull recreate image_strict force_restart force_delete delete_volumes detach executable
        comparisons delete_depend wait_timeout attach cmd_args debug delete_time detach_keys log_level restart_time
        sig_proxy stop_time quadlet_dir quadlet_filename quadlet_file_mode quadlet_options
        generate_systemd update_order preserve_fd preserve_fds
    """.split()
    )
    assert set(OPTIONS) - set(create_flags.OPTION_OF.values()) - beside == set()


def options(*argv: str) -> dict[str, object]:
    line = goflags.read(argv, create_flags.FLAGS, stop_early=True)
    return create_task.task_of(line, "web", ("daemonless",)).desired.__dict__


def test_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "from here")
    monkeypatch.setenv("MANY_A", "1")
    monkeypatch.delenv("NOWHERE", raising=False)
    (tmp_path / "vars").write_text("A=file\n# B=no\n\nOURS\nC=two words\n")
    monkeypatch.chdir(tmp_path)
    found = options("--env-file", "vars", "-e", "A=flag", "-e", "NOWHERE", "-e", "MANY_*", "image")
    assert found["env"] == {"A": "flag", "OURS": "from here", "C": "two words", "MANY_A": "1"}


def test_labels_of_files_and_flags(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a=1\nb=2\n#c=3\nbare\n")
    (tmp_path / "two").write_text("b=3\n")
    argv = ("--label-file", f"{tmp_path}/one", "--label-file", f"{tmp_path}/two", "-l", "d=x=y", "image")
    assert options(*argv)["label"] == {"a": "1", "b": "3", "bare": "", "d": "x=y"}


def test_paths_of_the_host_are_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = options("-v", "./a:/a:ro", "-v", "b:/b", "-v", "/c", "--mount", "type=bind,src=../d,target=/d", "image")
    assert [mount.source for mount in found["volume"]] == [f"{tmp_path}/a", "b", ""]  # type: ignore[attr-defined]
    assert found["mount"][0].source == f"{tmp_path.parent}/d"  # type: ignore[index]


def test_several_values_in_one_word() -> None:
    found = options("--cap-drop=chown,mknod", "--dns=1.1.1.1,8.8.8.8", "-p", "80:80,90:90", "image")
    assert found["cap_drop"] == ("CAP_CHOWN", "CAP_MKNOD")
    assert found["dns"] == ("1.1.1.1", "8.8.8.8")
    assert len(found["publish"]) == 2  # type: ignore[arg-type]


def test_the_command_is_taken_as_it_is() -> None:
    assert options("--rm", "image", "sh", "-c", "echo --rm")["command"] == ("sh", "-c", "echo --rm")
    assert options("image")["command"] is None


@pytest.mark.parametrize("flag", sorted(create_flags.REFUSED))
def test_what_cannot_be_had_says_why(flag: str) -> None:
    kind = next(one.kind for one in create_flags.FLAGS if one.key == flag)
    argv = (f"--{flag}", "image") if kind == goflags.SWITCH else (f"--{flag}", "x", "image")
    with pytest.raises(Usage, match=f"--{flag} cannot be had: "):
        options(*argv)
