"""Tables, words and command lines; expected texts are podman 5.4's."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli import arguments, images, main, words
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.context import Usage
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli.rows import Listing, Row, render, table

NOW = 1_800_000_000_000_000_000  # 2027-01-15T08:00:00Z


def listing() -> Listing:
    rows = [Row(ID="0123456789ab", Name="web", Image="x"), Row(ID="ba9876543210", Name="a longer name", Image="y")]
    return Listing((("CONTAINER ID", "ID"), ("NAMES", "Name")), rows, lambda: [{"Id": 1}], "ID")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("", "CONTAINER ID  NAMES\n0123456789ab  web\nba9876543210  a longer name\n"),
        ("table", "CONTAINER ID  NAMES\n0123456789ab  web\nba9876543210  a longer name\n"),
        ("json", '[\n  {\n    "Id": 1\n  }\n]\n'),
        ("{{.Name}}", "web\na longer name\n"),
        ("{{.Name}}\\t{{.Image}}", "web\tx\na longer name\ty\n"),
        ("table {{.Name}} {{.Image}}", "NAMES          IMAGE\nweb            x\na longer name  y\n"),
        ("table {{.Name}}\t{{.Image}}", "NAMES          IMAGE\nweb            x\na longer name  y\n"),
        ("{{range .}}{{.Name}};{{end}}", "web;a longer name;"),
    ],
)
def test_ways_of_a_listing(how: str, expected: str) -> None:
    assert render(listing(), how) == expected


def test_quiet_and_without_heading() -> None:
    assert render(listing(), "", quiet=True) == "0123456789ab\nba9876543210\n"
    assert render(listing(), "", heading=False).splitlines()[0] == "0123456789ab  web"


def test_columns_are_twelve_wide_at_least() -> None:
    assert table(["A", "B"], [["1", "2"]]) == "A           B\n1           2\n"
    assert table([], []) == ""


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("2027-01-15T07:59:59.5Z", "Less than a second ago"),
        ("2027-01-15T07:59:57Z", "3 seconds ago"),
        ("2027-01-15T07:58:30Z", "About a minute ago"),
        ("2027-01-15T06:00:00Z", "2 hours ago"),
        ("2027-01-15T09:00:00Z", "Less than a second ago"),
        ("0001-01-01T00:00:00Z", ""),
        ("", ""),
    ],
)
def test_ages(moment: str, text: str) -> None:
    assert words.ago(moment, NOW) == text


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        (
            {"container_port": 80, "host_port": 8080, "protocol": "tcp", "range": 1, "host_ip": ""},
            "0.0.0.0:8080->80/tcp",
        ),
        (
            {"container_port": 90, "host_port": 9000, "protocol": "udp", "range": 2, "host_ip": "127.0.0.1"},
            "127.0.0.1:9000-9001->90-91/udp",
        ),
    ],
)
def test_ports(mapping: dict[str, object], text: str) -> None:
    assert words.port(mapping) == text


def test_commands_are_cut() -> None:
    assert words.command(["sh", "-c", "echo hi; exit 3"], False) == "sh -c echo hi; ex..."
    assert words.command(["sh", "-c", "echo hi; exit 3"], True) == "sh -c echo hi; exit 3"
    assert words.command(["/bin/sleep", "1000"], False) == "/bin/sleep 1000"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (2038901, "2.04 MB"), (512_000_000, "512 MB"), (999_600_000, "1 GB")],
)
def test_sizes(count: int, text: str) -> None:
    assert words.size(count) == text


def test_times_as_go_prints_them() -> None:
    assert words.go_time("2026-11-23T18:47:01.678982757Z") == "2026-11-23 18:47:01.678982757 +0000 UTC"
    assert words.go_time("") == "0001-01-01 00:00:00 +0000 UTC"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("localhost/bb:1", ("localhost/bb", "1")),
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000/a/b", "<none>")),
        ("127.0.0.1:5000/a/b:x@sha256:00", ("127.0.0.1:5000/a/b", "x")),
        ("", ("<none>", "<none>")),
    ],
)
def test_names_of_images(name: str, parts: tuple[str, str]) -> None:
    assert images.split_name(name) == parts


def test_filters_are_read() -> None:
    assert arguments.key_values(["a=1", "a=2", "b=x=y"]) == {"a": ["1", "2"], "b": ["x=y"]}
    with pytest.raises(Usage):
        arguments.key_values(["a"])


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 0, "Usage: daemonless COMMAND"),
        (["--help"], 0, "Usage: daemonless COMMAND"),
        (["--version"], 0, "daemonless version "),
        (["--log-level", "debug", "--version"], 0, "daemonless version "),
        (["frob"], 125, "unrecognized command `daemonless frob`"),
        (["container"], 125, "needs one of"),
        (["container", "frob"], 125, "needs one of"),
        (["ps", "--al"], 125, "unknown flag: --al"),
        (["version", "--format", "{{.Client.Nope}}"], 125, "can't evaluate field Nope"),
    ],
)
def test_command_lines_that_need_no_host(
    argv: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(argv) == code
    printed = capsys.readouterr()
    assert said in (printed.out if code == 0 else printed.err)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (22679067, "22.679067ms"),
        (1_000_000_000, "1s"),
        (62_500_000_000, "1m2.5s"),
        (3_600_000_000_000, "1h0m0s"),
    ],
)
def test_durations_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert words.go_duration(nanoseconds) == text
