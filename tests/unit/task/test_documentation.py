"""Documentation and option tables say the same, and the tables are those of podman_container."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import params_names
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import container_options

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"
TASK = "ansible_collections.daemonless.oci.plugins.module_utils.engine.task"
#: Lead the work at both ends by plugins of their own, and send its stages the same way.
LEADING = ("checkpoint", "checkpoint_transfer", "image_transfer", "volume_transfer")
CARRIER = "task"  # runs the others; not for playbooks
#: The name of a secret is none: hiding it would blot out every word that happens to be the same.
NAMES_OF_SECRETS = {("container", "secrets"), ("registry_login", "secret"), ("secret_info", "showsecret")}
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py") if path.stem != CARRIER)


def constants(path: Path) -> dict[str, str]:
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found[node.targets[0].id] = node.value.value  # type: ignore[attr-defined]
    return found


def documentation(name: str) -> dict[str, dict[str, object]]:
    """The module's own, with its fragments."""
    found = yaml.safe_load(constants(PLUGINS / "modules" / f"{name}.py")["DOCUMENTATION"])
    for fragment in found.get("extends_documentation_fragment", []):
        parts = fragment.split(".")
        variable = (parts[3] if len(parts) > 3 else "documentation").upper()
        text = yaml.safe_load(constants(PLUGINS / "doc_fragments" / f"{parts[2]}.py")[variable])
        found["options"] = {**text.get("options", {}), **(found.get("options") or {})}
        found.setdefault("attributes", {}).update(text.get("attributes", {}))
    return found


def table(name: str) -> dict[str, dict[str, object]]:
    return dict(importlib.import_module(f"{TASK}.{name}").OPTIONS)


def compare(documented: dict[str, dict[str, object]], spec: dict[str, dict[str, object]], where: str) -> None:
    assert sorted(documented) == sorted(spec), where
    for option, meant in spec.items():
        said = documented[option]
        assert said.get("type", "str") == meant.get("type", "str"), f"{where}.{option}"
        assert said.get("elements") == meant.get("elements"), f"{where}.{option}"
        assert said.get("required", False) == meant.get("required", False), f"{where}.{option}"
        assert said.get("default") == meant.get("default"), f"{where}.{option}"
        assert sorted(said.get("aliases", [])) == sorted(meant.get("aliases", [])), f"{where}.{option}"  # type: ignore[call-overload]
        assert said.get("choices") == meant.get("choices") or sorted(said["choices"]) == sorted(meant["choices"])  # type: ignore[call-overload]
        assert said.get("description"), f"{where}.{option}"
        if "options" in meant:
            compare(said["suboptions"], meant["options"], f"{where}.{option}")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODULES)
def test_documentation_and_table_agree(name: str) -> None:
    compare(documentation(name)["options"], table(name), name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_supports(name: str) -> None:
    attributes = documentation(name)["attributes"]
    assert {"check_mode", "diff_mode", "platform"} <= set(attributes)
    assert attributes["check_mode"]["support"] == "full"  # type: ignore[index]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_documentation_and_one_call(name: str) -> None:
    path = PLUGINS / "modules" / f"{name}.py"
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == ["main"]
    assert ast.unparse(functions[0].body[0]) == f"run('{name}')"
    assert {"DOCUMENTATION", "EXAMPLES", "RETURN"} <= set(constants(path))
    assert "GNU General Public License v3.0+" in path.read_text()[:300]


@pytest.mark.parametrize("name", MODULES)
def test_options_that_hold_secrets_are_not_logged(name: str) -> None:
    for option, spec in table(name).items():
        if re.search("password|creds|secret|token", option):
            assert spec.get("no_log") is ((name, option) not in NAMES_OF_SECRETS), option


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_sent_without_the_engine_where_that_is_there(name: str) -> None:
    plugin = PLUGINS / "action" / f"{name}.py"
    if name in LEADING:
        assert "(Sent):" in plugin.read_text()
        return
    assert plugin.is_symlink() and plugin.readlink() == Path(f"{CARRIER}.py")


def test_versions_agree() -> None:
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.version import VERSION

    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == VERSION


# --- what users of containers.podman have in their playbooks: name, aliases, type, default, choices
PODMAN_CONTAINER = """
command raw
entrypoint str
env dict
env_file(env_files) list[path]
label(labels) dict
annotation dict
volume(volumes) list[str]
tmpfs dict
workdir(working_dir) str
user str
hostname str
publish(ports/published/published_ports) list[str]
network(net/network_mode) list[str]
network_aliases(network_alias) list[str]
ip str
ip6 str
dns(dns_servers) list[str]
dns_search(dns_search_domains) list[str]
dns_option(dns_opts) str
etc_hosts(add_hosts) dict
cap_add(capabilities) list[str]
cap_drop list[str]
privileged bool
read_only bool
security_opt list[str]
memory str
cpus str
pids_limit str
ulimit(ulimits) list[str]
shm_size str
init bool
tty bool
interactive bool
stop_signal int
stop_timeout int
restart_policy str
log_driver str {k8s-file,journald,json-file,passthrough,none}
log_opt(log_options) dict
recreate bool =False
force_restart(restart) bool =False
force_delete bool =True
image_strict bool =False
detach bool =True
rm(remove/auto_remove) bool
image str
pull str {always,missing,never,newer}
mount(mounts) list[str]
sysctl dict
device list[str]
group_add(groups) list[str]
"""


@pytest.mark.parametrize("line", [line for line in PODMAN_CONTAINER.splitlines() if line])
def test_the_option_is_podman_containers(line: str) -> None:
    found = re.fullmatch(r"(\w+)(?:\(([^)]*)\))? (\w+)(?:\[(\w+)\])?(?: \{(.*)\})?(?: =(\w+))?", line)
    assert found
    name, aliases, kind, elements, choices, default = found.groups()
    spec = container_options.OPTIONS[name]
    assert spec["type"] == kind
    assert spec.get("elements") == elements
    assert spec.get("aliases", []) == (aliases.split("/") if aliases else [])
    assert spec.get("choices", None) == (choices.split(",") if choices else None)
    assert str(spec.get("default")) == str(default)


def test_every_option_of_the_table_is_one_that_the_room_reads() -> None:
    known = params_names.KNOWN
    assert set(container_options.OPTIONS) <= known
    for name, spec in container_options.OPTIONS.items():
        for alias in spec.get("aliases", []):  # type: ignore[attr-defined]
            assert params_names.ALIASES[alias] == name
