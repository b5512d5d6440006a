"""The command `daemonless` on a host with containers, podman looking at the same ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from machine import Machine

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    """A machine with a network, a running container, one that ended with 3, and one never started."""
    from machine import Spec

    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.task("image", {"name": IMAGE})
        made.task("network", {"name": "shop"})
        made.task(
            "container",
            {
                "name": "web",
                "image": IMAGE,
                "command": "sh -c 'echo to out; echo to err >&2; exec sleep 1000'",
                "network": ["shop"],
                "publish": ["8080:80", "127.0.0.1:9000-9001:90-91/udp"],
                "volume": ["data:/data"],
                "label": {"role": "front"},
                "stop_timeout": 1,
            },
        )
        made.task("container", {"name": "done", "image": IMAGE, "command": "sh -c 'exit 3'"})
        made.task(
            "container",
            {"name": "new", "image": IMAGE, "command": ["sleep", "a rather long argument"], "state": "created"},
        )
        made.sh("until [ $(daemonless wait done) = 3 ]; do sleep 0.1; done")
        made.sh("until daemonless logs web 2>&1 | grep -q err; do sleep 0.1; done")
        yield made
    finally:
        made.close()


def both(host: Machine, *words: str) -> tuple[str, str]:
    """What daemonless says, and what podman says."""
    ours = host.run(["daemonless", *words], check=False)
    theirs = host.podman(list(words), check=False)
    assert ours.returncode == theirs.returncode, (ours.stdout, ours.stderr, theirs.stdout, theirs.stderr)
    return ours.stdout, theirs.stdout


def timeless(text: str) -> str:
    """Without ages, which go on while the two are asked."""
    return re.sub(r"(Less than a second|About a minute|\d+ (second|minute)s?)( ago)?", "AGE", text)


SAME = [
    ["ps", "-q"],
    ["ps", "-aq"],
    ["ps", "-aq", "--no-trunc"],
    [
        "ps",
        "-a",
        "--noheading",
        "--format",
        "{{.ID}} {{.Names}} {{.Image}} {{.ImageID}} {{.State}} {{.Ports}} {{.Mounts}}",
    ],
    ["ps", "-a", "--format", "{{.Names}}\t{{.Networks}} {{.Labels}} {{.Created}} {{.Command}} {{.ExitCode}}"],
    ["ps", "-a", "--format", "table {{.Names}} {{.Image}}"],
    ["ps", "-a", "--format", "{{range .}}{{.Names}},{{end}}"],
    ["ps", "-q", "--filter", "name=we"],
    ["ps", "-aq", "--filter", "status=exited"],
    ["ps", "-aq", "--filter", "label=role=front"],
    ["ps", "-aq", "--filter", "exited=3", "--filter", "status=exited"],
    ["ps", "-aq", "--filter", "network=shop"],
    ["ps", "-aq", "--filter", "volume=data"],
    ["ps", "-aq", "--filter", "ancestor=busybox"],
    ["ps", "-aq", "--filter", "since=web"],
    ["ps", "-aq", "--filter", "before=new"],
    ["ps", "-q", "-l"],
    ["ps", "-q", "-n", "2"],
    ["ps", "-a", "--sort", "names", "--format", "{{.Names}}"],
    ["ps", "--filter", "frob=1"],
    ["port", "web"],
    ["port", "web", "80"],
    ["port", "web", "91/udp"],
    ["port", "web", "81"],
    ["logs", "web"],
    ["logs", "--tail", "1", "web"],
    ["logs", "-t", "web"],
    ["logs", "nope"],
    ["images", "-q"],
    ["images"],
    ["images", "--noheading", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.Size}}"],
    ["images", "-q", "--filter", "reference=busybox"],
    ["network", "ls", "-q"],
    ["network", "ls"],
    ["volume", "ls", "-q"],
    ["volume", "ls"],
    [
        "inspect",
        "-f",
        "{{.State.Status}} {{.Id}} {{.Config.Labels}} {{json .NetworkSettings.Ports}} {{.State.Running}}",
        "web",
    ],
    [
        "inspect",
        "-f",
        '{{index .Config.Labels "role"}} {{len .Mounts}} {{if .State.Running}}up{{else}}down{{end}}',
        "web",
    ],
    ["inspect", "-f", '{{range .Mounts}}{{.Destination}} {{.Type}}{{end}} {{join .Config.Cmd " "}}', "web"],
    ["inspect", "-l", "-f", "{{.Name}}"],
    ["inspect", "nope"],
    ["inspect", "-f", "{{.Nope}}", "web"],
    ["exec", "web", "echo", "hello"],
    ["exec", "web", "sh", "-c", "exit 5"],
    ["exec", "-e", "A=b c", "-w", "/tmp", "web", "sh", "-c", "echo $A; pwd"],
    ["exec", "-u", "1000:1001", "web", "sh", "-c", "id -u; id -g"],
    ["exec", "web", "nope"],
    ["exec", "web", "/etc"],
    ["exec", "new", "true"],
    ["exec", "nope", "true"],
    ["wait", "done"],
    ["wait", "nope"],
    ["stop", "nope"],
    ["start", "nope"],
    ["kill", "done"],
    ["rm", "nope"],
    ["rm", "-f", "nope"],
    ["rm", "web"],
    ["rmi", "nope"],
    ["rmi", IMAGE],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_says_what_podman_says_and_ends_as_it_ends(host: Machine, words: list[str]) -> None:
    ours, theirs = both(host, *words)
    assert timeless(ours).splitlines() == [line.rstrip() for line in timeless(theirs).splitlines()]


def test_the_listing_for_people(host: Machine) -> None:
    ours, theirs = both(host, "ps", "-a")
    cells = [re.split(r"  +", line.rstrip()) for line in timeless(ours).splitlines()]
    assert cells == [re.split(r"  +", line.rstrip()) for line in timeless(theirs).splitlines()]


@pytest.mark.parametrize("words", [["network", "inspect", "shop"], ["volume", "inspect", "data"]], ids=" ".join)
def test_inspect_of_others_than_containers(host: Machine, words: list[str]) -> None:
    ours, theirs = both(host, *words)
    assert json.loads(ours) == json.loads(theirs)


@pytest.mark.parametrize("words", [["ps", "-a"], ["images"], ["network", "ls"], ["volume", "ls"]], ids=" ".join)
def test_json_has_podmans_keys_and_values(host: Machine, words: list[str]) -> None:
    ours, theirs = both(host, *words, "--format", "json")
    passing = ("CreatedAt", "Status", "created")  # ages; the default network is made up anew each time it is asked for
    left = [{key: one[key] for key in one if key not in passing} for one in json.loads(ours)]
    right = [{key: one[key] for key in one if key not in passing} for one in json.loads(theirs)]
    assert left == right


def test_one_object_per_line(host: Machine) -> None:
    ours, _theirs = both(host, "ps", "-a", "--format", "{{json .}}")
    assert [json.loads(line)["Names"] for line in ours.splitlines()] == [["web"], ["done"], ["new"]]


def test_top_looks_from_outside(host: Machine) -> None:
    lines = host.sh("daemonless top web").splitlines()
    assert lines[0].split() == ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"]
    assert lines[1].split()[:3] == ["root", "1", "0"]
    assert lines[1].endswith("sleep 1000")
    assert host.sh("daemonless top web -eo pid,comm").splitlines()[1].split() == ["1", "sleep"]
    refused = host.run(["daemonless", "top", "done"], check=False)
    assert refused.returncode == 125
    assert "not running" in refused.stderr


def test_standard_output_and_error_stay_apart(host: Machine) -> None:
    logs = host.run(["daemonless", "logs", "web"])
    assert (logs.stdout, logs.stderr) == ("to out\n", "to err\n")
    ran = host.run(["daemonless", "exec", "web", "sh", "-c", "echo a; echo b >&2"])
    assert (ran.stdout, ran.stderr) == ("a\n", "b\n")


def test_standard_input_is_passed_on_only_when_asked_for(host: Machine) -> None:
    assert host.run(["daemonless", "exec", "-i", "web", "cat"], input="given").stdout == "given"
    assert host.run(["daemonless", "exec", "web", "cat"], input="given").stdout == ""


def test_a_detached_program_is_forgotten_when_conmon_says_so(host: Machine) -> None:
    """conmon calls the exit command five minutes after the end, as podman has it; here it is called by hand."""
    session = host.sh("daemonless exec -d web sh -c 'echo yes > /data/seen'")
    assert re.fullmatch("[0-9a-f]{64}", session)
    host.sh("for i in $(seq 50); do daemonless exec web cat /data/seen && break; sleep 0.1; done")
    assert host.podman_json(["inspect", "web"])[0]["ExecIDs"] == [session]
    host.sh(f"daemonless container cleanup --exec {session} $(daemonless inspect -f '{{{{.Id}}}}' web)")
    assert host.podman_json(["inspect", "web"])[0]["ExecIDs"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frob"], "unrecognized command `daemonless frob`"),
        (["ps", "--frob"], "unknown flag: --frob"),
        (["logs"], "specify at least one container"),
        (["exec", "web"], "non-empty command"),
        (["rm", "-a", "web"], "take no container names"),
        (["images", "--filter", "x"], "key=value"),
        (["inspect", "--format", "{{.State", "web"], "unclosed action"),
        (["kill", "-s", "NOSUCH", "web"], "NOSUCH"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line_and_125(host: Machine, words: list[str], said: str) -> None:
    done = host.run(["daemonless", *words], check=False)
    assert done.returncode == 125
    assert said in done.stderr
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_help_for_every_command(host: Machine) -> None:
    listed = re.findall(r"^  (\w+) ", host.sh("daemonless --help"), re.MULTILINE)
    assert {"ps", "inspect", "logs", "exec", "top", "stop", "start", "rm", "images", "version"} <= set(listed)
    for name in listed:
        shown = host.sh(f"daemonless {name} --help")
        assert shown.startswith(f"usage: daemonless {name}")


def test_the_way_of_a_container(host: Machine) -> None:
    """Start, stop, kill, restart, remove, seen by podman after each."""

    def status(name: str) -> str:
        return str(host.podman_json(["inspect", name])[0]["State"]["Status"])

    assert host.sh("daemonless start done") == "done"
    assert host.sh("daemonless wait done") == "3"
    assert host.sh("daemonless restart -t 0 web") == "web"
    assert status("web") == "running"
    for words in ("--condition running web", "--ignore nosuch --condition running", "-i 1ms --condition created new"):
        assert host.sh(f"daemonless wait {words}") == host.podman(["wait", *words.split()]).stdout.strip()
    for words in ("nosuch", "--condition bogus web", "-i bad web"):
        assert host.run(["daemonless", "wait", *words.split()], check=False).returncode == 125
    assert host.sh("daemonless pause web && daemonless unpause web") == "web\nweb"
    assert host.sh("daemonless kill -s TERM new 2>&1 || true; daemonless kill web").endswith("web")
    assert host.sh("daemonless wait web") == "137"
    host.sh("daemonless start web")
    assert host.sh("daemonless stop -t 0 web") == "web"
    assert status("web") == "exited"
    assert host.sh("daemonless start web") == "web"
    assert host.run(["daemonless", "exec", "web", "true"]).returncode == 0


def test_version_and_info(host: Machine) -> None:
    version = json.loads(host.sh("daemonless version --format json"))["Client"]
    assert version["Path"].startswith("/usr/local/lib/daemonless/")
    assert host.sh("daemonless --version") == f"daemonless version {version['Version']}"
    info = json.loads(host.sh("daemonless info --format json"))
    assert info["runtimes"]["chosen"]["name"] == "crun"
    assert info["state"]["containers"] == 3
    assert "runtimes:" in host.sh("daemonless info")
    assert host.sh("daemonless info -f '{{.store.driver}}'") == "overlay"


def test_the_reader_of_a_pipe_may_leave(host: Machine) -> None:
    done = host.run(["sh", "-c", "daemonless inspect web | head -1; daemonless ps -a --format json | head -1"])
    assert done.stderr == ""
