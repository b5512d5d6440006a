"""The journeys: each Molecule scenario, on machines of its own, on Debian 12 (or the host's) and 13."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from lab import CHECKOUT, Lab
from machine import Machine

SCENARIOS = ("default",)


CONFIG = CHECKOUT / ".config" / "molecule" / "config.yml"


def molecule(
    lab: Lab, agent: str, scenario: str, *command: str, config: Path = CONFIG
) -> subprocess.CompletedProcess[str]:
    binaries = Path(sys.executable).parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))},
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "ANSIBLE_HOME": str(lab.base / "ansible"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(lab.base / f"molecule-{scenario}"),
        "LAB_AGENT": agent,
        "LAB_COLLECTIONS": str(lab.collections),
        "LAB_CONNECTION_PLUGINS": str(lab.here / "connection_plugins"),
    }
    argv = ["molecule", "-c", str(config), *command, "-s", scenario]
    return subprocess.run(argv, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("os_name", ["host", "debian13"])
def test_scenario(scenario: str, os_name: str, lab: Lab, new_machine: Callable[..., Machine]) -> None:
    machine = new_machine(os=os_name)
    assert machine.registry
    machine.mark()
    done = molecule(lab, str(machine.agent), scenario, "test", "--destroy=never")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    assert machine.leaks(0) != {}, "the scenario left nothing to look at: did it run?"
    done = molecule(lab, str(machine.agent), scenario, "destroy")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    assert machine.leaks() == {}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_over_no_hosts_fails(scenario: str, lab: Lab, tmp_path: Path) -> None:
    settings = yaml.safe_load(CONFIG.read_text())
    settings["platforms"] = [{"name": "elsewhere"}]
    settings["provisioner"]["inventory"]["hosts"] = {"containers": {"hosts": {}}}
    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump(settings))
    done = molecule(lab, "", scenario, "verify", config=config)
    assert done.returncode != 0
    assert "The group containers is empty" in done.stdout + done.stderr
