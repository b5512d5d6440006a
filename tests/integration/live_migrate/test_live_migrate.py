"""The role `live_migrate`: a container with state of many kinds moves from one machine to another, or stays whole."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from frozen_state import IMAGE, ask, begin, count, goes_on, until
from machine import Machine, Spec

HOST = "other ansible_connection=machine ansible_host={agent} ansible_python_interpreter=/usr/bin/python3\n"
WELL = {"command": ["sh", "-c", "test -s /data/count"]}


class Pair:
    """`here` has the container, `there` gets it."""

    def __init__(self, here: Machine, there: Machine) -> None:
        self.here = here
        self.there = there

    def transfer(self, *flags: str, step: str = "") -> str:
        """The image, and then pod `crew` by the module alone, which fails: what it says."""
        inventory = self.here.share / "other.ini"
        inventory.write_text(HOST.format(agent=self.there.agent))
        wish = {"pod": "crew", "from_host": "machine"}
        tasks = [
            {"daemonless.oci.image_transfer": {"name": IMAGE, "from_host": "machine"}},
            {
                "daemonless.oci.checkpoint_transfer": wish,
                "environment": {"DAEMONLESS_STOP_AT": step} if step else {},
            },
        ]
        play = [{"hosts": "other", "gather_facts": False, "tasks": tasks}]
        done = self.here.playbook("\n" + json.dumps(play), "-i", str(inventory), *flags, check=False)
        assert done.returncode and "Traceback" not in done.stdout + done.stderr, done.stdout[-3000:]
        return done.stdout

    def migrate(
        self, *flags: str, step: str = "", after: dict | None = None, **options: object
    ) -> tuple[subprocess.CompletedProcess[str], dict]:
        """One run of the role for container `state`; with `step`, tasks kill themselves when they reach it. With
        `after` the same play has run the role with these options before."""
        inventory = self.here.share / "other.ini"
        inventory.write_text(HOST.format(agent=self.there.agent))
        roles = [
            {
                "role": "daemonless.oci.live_migrate",
                "vars": {f"live_migrate_{key}": each for key, each in given.items() if each is not None},
            }
            for given in (after, {"container": "state", "probe": WELL, **options})
            if given is not None
        ]
        for role in roles:
            role["vars"]["live_migrate_to"] = "other"  # type: ignore[index]
        out = self.here.share / "result.json"
        out.unlink(missing_ok=True)
        copy = {"content": "{{ live_migrate_result | to_json }}", "dest": str(out), "mode": "0644"}
        here = {"delegate_to": "localhost", "connection": "local", "check_mode": False, "changed_when": False}
        play = {
            "hosts": "machine",
            "gather_facts": False,
            "environment": {"DAEMONLESS_STOP_AT": step} if step else {},
            "roles": roles,
            "post_tasks": [{"ansible.builtin.copy": copy, **here}],
        }
        done = self.here.playbook("\n" + json.dumps([play]), "-i", str(inventory), *flags, check=False)
        bad = "Traceback|DEPRECATION" if step else "Traceback|DEPRECATION|WARNING"
        assert not re.search(bad, done.stdout + done.stderr), done.stdout + done.stderr
        return done, json.loads(out.read_text()) if out.exists() else {}

    def untouched(self, before: int) -> None:
        """It goes on where it was, and the other machine has nothing of it."""
        goes_on(self.here, before)
        assert self.there.podman(["ps", "-aq"]).stdout == ""
        assert self.there.podman(["volume", "ls", "-q"]).stdout == ""
        for each in (self.here, self.there):
            assert each.sh("ls -d /var/tmp/live-migrate-* 2>/dev/null || true") == ""
        static = self.here.podman_json(["inspect", "state"])[0]["StaticDir"]  # type: ignore[index]
        assert self.here.sh(f"ls {static} | grep checkpoint || true") == ""


def changes(done: subprocess.CompletedProcess[str]) -> int:
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return sum(int(each) for each in re.findall(r"changed=(\d+)", done.stdout))


@pytest.fixture(scope="module")
def pair(lab) -> Iterator[Pair]:  # type: ignore[no-untyped-def]
    machines = [lab.machine(Spec(cgroups="hybrid")) for _one in range(2)]
    for each in machines:
        each.sh("ln -s /opt/judge/bin/criu /usr/local/sbin/criu; iptables -V >/dev/null")
    assert machines[0].registry.port == 5000
    machines[0].task("image", {"name": IMAGE})
    begin(machines[0])
    yield Pair(*machines)
    for each in machines:
        each.close()


def test_check_mode_and_what_stands_in_the_way(pair: Pair) -> None:
    before = count(pair.here)
    done, _result = pair.migrate("--check")
    assert changes(done) > 0
    assert "state would move from machine to other, with 1 volumes, and its image" in done.stdout
    assert "does not tell which pages were written" in done.stdout
    assert pair.there.podman(["images", "-q"]).stdout == ""
    pair.there.task("volume", {"name": "data"})
    done, _result = pair.migrate()
    assert done.returncode != 0
    assert "volume data exists" in done.stdout and "live_migrate_replace_volumes" in done.stdout
    pair.there.podman(["volume", "rm", "data"])
    pair.here.podman(["create", "--name", "reader", "-v", "data:/data", IMAGE, "true"])
    done, _result = pair.migrate()
    assert done.returncode != 0 and "its volumes are those of reader as well" in done.stdout, done.stdout[-3000:]
    pair.here.podman(["rm", "reader"])
    assert pair.there.podman(["images", "-q"]).stdout == "", "nothing is sent before all is checked"
    pair.untouched(before)


@pytest.mark.parametrize(
    ("probe", "step", "words"),
    [
        ({"command": ["false"], "timeout": 1}, "", "Run the command of the probe in it"),
        pytest.param(WELL, "import-unpacked", "Have it go on at the other host", marks=pytest.mark.slow),
        pytest.param(WELL, "checkpoint-dumped", "Have it go on at the other host", marks=pytest.mark.slow),
    ],
    ids=["a probe that fails", "killed in the middle of the restore", "killed when it has just been frozen"],
)
def test_a_failure_leaves_it_running_where_it_was(pair: Pair, probe: dict, step: str, words: str) -> None:
    before = count(pair.here)
    done, _result = pair.migrate(probe=probe, step=step)
    assert done.returncode != 0
    assert f"was not moved to other. {words}" in done.stdout, done.stdout[-3000:]
    assert "It runs on machine as before." in done.stdout
    pair.untouched(before)


@pytest.mark.slow
def test_a_host_that_goes_away_at_the_worst_moment(pair: Pair) -> None:
    """It runs there already: what can be done from here is done, and the rest is said."""
    before = count(pair.here)
    away = pair.there.share / "away"
    tasks = pair.here.share / "probe.yml"
    step = {"ansible.builtin.command": f"mv {pair.there.agent} {away}", "delegate_to": "localhost"}
    tasks.write_text(json.dumps([step]))
    try:
        done, _result = pair.migrate(probe={"tasks": str(tasks)})
    finally:
        away.rename(pair.there.agent)
    assert done.returncode != 0
    assert "could not be reached" in done.stdout
    assert "It runs on machine as before." in done.stdout and "Look at other" in done.stdout
    pair.there.podman(["rm", "-f", "-t", "0", "state"])
    pair.there.podman(["volume", "rm", "data"])
    pair.there.sh("rm -rf /var/tmp/live-migrate-*")
    pair.untouched(before)


def test_it_moves_and_goes_on(pair: Pair) -> None:
    """Its volume stays behind with who has it as well; that is found out when there is nothing to go back to."""
    before = count(pair.here)
    pair.here.podman(["create", "--name", "reader", "-v", "data:/data", IMAGE, "true"])
    done, result = pair.migrate(accept_doubts=True)
    assert changes(done) > 0
    assert result["changed"] and 0 < result["downtime_seconds"] < 300
    assert result["bytes_frozen"] > 0 and result["bytes_ahead"] > 0
    assert count(pair.there) >= before
    goes_on(pair.there, before)
    [made] = pair.there.podman_json(["inspect", "state"])  # type: ignore[misc]
    assert made["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] == "8088"
    assert pair.here.podman(["ps", "-a", "--format", "{{.Names}}"]).stdout.split() == ["reader"]
    assert pair.here.podman(["volume", "ls", "-q"]).stdout.split() == ["data"]
    done, result = pair.migrate()
    assert changes(done) == 0
    assert result == {"changed": False}
    for each in (pair.here, pair.there):
        assert each.podman(["system", "check"]).stdout.strip() == ""
        assert each.sh("ls -d /var/tmp/live-migrate-* 2>/dev/null || true") == ""
    until(pair.there, "state", lambda: count(pair.there) > before)


COUNTING = "i=0; while :; do i=$((i+1)); echo $i >/night/{0}.new; mv /night/{0}.new /night/{0}; sleep 0.1; done"
CREW = {
    "name": "crew",
    "state": "started",
    "publish": ["8090:80"],
    "label": {"team": "night"},
    "parallel": 1,
    "containers": [
        {"name": "prepare", "image": IMAGE, "init_ctr": "always", "command": ["sh", "-c", "echo it >/prepared"]},
        *(
            {
                "name": name,
                "image": IMAGE,
                "command": ["sh", "-c", f"echo {name} >/dev/shm/{name}; {COUNTING.format(name)}"],
                "volume": ["night:/night"],
                "stop_timeout": 0,
            }
            for name in ("one", "two")
        ),
    ],
}
WHOLE = {
    "container": None,
    "whole_pod": "crew",
    "probe": {"container": "two", "command": ["test", "-s", "/night/two"]},
}


def counts(machine: Machine) -> list[int]:
    return [int(ask(machine, f"cat /night/{name} || echo 0", name)) for name in ("one", "two")]


def count_on(machine: Machine, before: list[int]) -> None:
    first = counts(machine)
    assert all(now >= then for now, then in zip(first, before)), "their memory began anew"
    until(machine, "one", lambda: all(now > then for now, then in zip(counts(machine), first)))
    assert ask(machine, "cat /dev/shm/one /dev/shm/two", "two").split() == ["one", "two"]


def seen(machine: Machine) -> dict:
    """What podman shows of the pod, without what is another host's there."""
    [pod] = machine.podman_json(["pod", "inspect", "crew"])  # type: ignore[misc]
    pod["Containers"].sort(key=lambda one: one["Name"])
    pod["SharedNamespaces"].sort()  # podman has them in a map
    return {key: value for key, value in pod.items() if key not in ("Created", "LockNumber")}


def without_crew(machine: Machine) -> None:
    assert machine.podman(["pod", "ps", "-q"]).stdout == ""
    assert "night" not in machine.podman(["volume", "ls", "-q"]).stdout.split()
    names = machine.podman(["ps", "-a", "--format", "{{.Names}}"]).stdout.split()
    assert not [name for name in names if name in ("one", "two", "prepare") or name.endswith("-infra")]


@pytest.fixture(scope="module")
def crew(pair: Pair) -> Pair:
    pair.here.task("pod", CREW)
    until(pair.here, "one", lambda: min(counts(pair.here)) > 3)
    return pair


def crew_untouched(crew: Pair, before: list[int], known: dict) -> None:
    count_on(crew.here, before)
    assert seen(crew.here) == known
    without_crew(crew.there)
    for name in ("one", "two"):
        static = crew.here.podman_json(["inspect", name])[0]["StaticDir"]  # type: ignore[index]
        assert crew.here.sh(f"ls {static} | grep checkpoint || true") == ""


@pytest.mark.slow
def test_a_pod_whose_move_is_killed_in_the_middle_stays(crew: Pair) -> None:
    step = "pod-container-thawed"  # one of the two runs at the other host already
    before, known = counts(crew.here), seen(crew.here)
    done, _result = crew.migrate(step=step, **WHOLE)
    assert done.returncode != 0
    assert "Pod crew was not moved to other. Have it go on at the other host" in done.stdout, done.stdout[-3000:]
    assert "It runs on machine as before." in done.stdout
    crew_untouched(crew, before, known)


def test_a_pod_that_cannot_move_stays(crew: Pair) -> None:
    before, known = counts(crew.here), seen(crew.here)
    crew.there.podman(["create", "--name", "two", "--network", "none", "--rootfs", "/", "true"])
    assert "container two: a container of this name is here" in crew.transfer("--check")
    crew.there.podman(["rm", "two"])
    crew_untouched(crew, before, known)


@pytest.mark.parametrize(
    "step",
    [
        "infra-known",  # the pod is half made at the other host
        "pod-container-frozen",  # one of the two still runs
        "pod-container-thawed",  # one of the two runs at the other host already
        "pod-arrived",  # both run there
    ],
)
def test_a_pod_whose_transfer_is_killed_stays(crew: Pair, step: str) -> None:
    before, known = counts(crew.here), seen(crew.here)
    assert "It runs on machine as before" in crew.transfer(step=step)
    crew_untouched(crew, before, known)


def test_nothing_of_what_moved_before_is_taken_for_the_pods(crew: Pair) -> None:
    """Facts of a role stay for all of a run."""
    crew.here.task("container", {"name": "beside", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0})
    done, _result = crew.migrate("--check", after={"container": "beside"}, **WHOLE)
    assert changes(done) > 0
    assert "Container beside would move from machine to other" in done.stdout
    told = done.stdout.partition("Pod crew would move from machine to other")[2]
    assert "the kernel does not tell which pages were written" in told, done.stdout[-3000:]
    crew.here.task("container", {"name": "beside", "state": "absent"})


def test_a_pod_moves_as_a_whole(crew: Pair) -> None:
    here, there = crew.here, crew.there
    before, known = counts(here), seen(here)
    address = ask(here, "hostname -i", "one")
    done, _result = crew.migrate("--check", **WHOLE)
    assert changes(done) > 0
    assert "Pod crew would move from machine to other, with 1 volumes" in done.stdout
    crew_untouched(crew, before, known)
    done, result = crew.migrate(**WHOLE)
    assert changes(done) > 0
    assert result["changed"] and 0 < result["downtime_seconds"] < 300 and result["bytes_frozen"] > 0
    count_on(there, before)
    assert seen(there) == known, "podman sees the same pod, with what had ended as it was"
    assert ask(there, "hostname -i", "one") == address
    without_crew(here)
    done, result = crew.migrate(**WHOLE)
    assert changes(done) == 0 and result == {"changed": False}
    there.podman(["pod", "stop", "-t", "0", "crew"])
    there.podman(["pod", "start", "crew"])
    until(there, "one", lambda: 0 < counts(there)[0] < before[0] + 1000)
    assert there.podman(["system", "check"]).stdout.strip() == ""


@pytest.mark.slow
def test_a_run_that_was_cut_off_is_finished_by_the_next_one(crew: Pair) -> None:
    """The controller is killed when the pod runs at the other host. First it is made to look as if not all of it had
    arrived: then it arrives anew."""
    back = Pair(crew.there, crew.here) if crew.here.podman(["pod", "ps", "-q"]).stdout == "" else crew
    before, known = counts(back.here), seen(back.here)
    tasks = back.here.share / "cut.yml"
    main = "lookup('ansible.builtin.pipe', 'ps -o ppid= -p $PPID')"
    kill = {"ansible.builtin.command": "kill -9 {{ " + main + " }}", "delegate_to": "localhost"}
    tasks.write_text(json.dumps([{**kill, "connection": "local"}]))
    cut = {**WHOLE, "probe": {"tasks": str(tasks)}}
    mark = (
        "import json, sqlite3; db = sqlite3.connect('/var/lib/containers/storage/db.sql'); "
        "[(id, text)] = db.execute('SELECT ID, JSON FROM PodConfig').fetchall(); "
        "text = json.dumps({**json.loads(text), 'io.daemonless.arriving': True}); "
        "db.execute('UPDATE PodConfig SET JSON = ? WHERE ID = ?', (text, id)); db.commit()"
    )
    for turn in range(2):
        done, result = back.migrate(**cut)
        assert done.returncode == -9 and not result
        count_on(back.there, before)
        assert set(seen(back.here)["State"].split()) <= {"Degraded", "Running"}
        if not turn:
            back.there.run(["python3", "-c", mark])
    done, _result = back.migrate(**WHOLE)
    assert changes(done) > 0
    count_on(back.there, before)
    assert seen(back.there) == known
    without_crew(back.here)
