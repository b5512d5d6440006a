"""A playbook for the image modules of containers.podman runs here by a change of name."""

from __future__ import annotations

import importlib

import pytest

ENGINE = "ansible_collections.daemonless.oci.plugins.module_utils.engine.task"

#: Their options as "name:type=default", aliases after "/", "!" where required. What is not there here has its reason.
PEER: dict[str, tuple[str, str]] = {
    "image": (
        "podman_image",
        "arch auth_file/authfile:path ca_cert_dir:path executable force:bool=false name! password path platform "
        "pull:bool=true pull_extra_args pull_policy push:bool=false push_args:dict retry:int retry_delay state=present "
        "tag=latest username validate_certs/tlsverify/tls_verify:bool",
    ),
    "image_info": ("podman_image_info", "name:list executable"),
    "image_load": ("podman_load", "input!:path executable"),
    "image_save": (
        "podman_save",
        "compress:bool dest!:path force:bool format image!:list multi_image_archive:bool executable",
    ),
    "image_tag": ("podman_tag", "image! target_names!:list executable"),
    "image_import": ("podman_import", "change:list commit_message src! executable"),
    "registry_info": ("podman_search", "limit:int list_tags:bool=false term executable"),
    "registry_login": (
        "podman_login",
        "authfile:path certdir:path password registry secret tlsverify:bool username executable",
    ),
    "registry_logout": (
        "podman_logout",
        "all:bool authfile:path ignore_docker_credentials:bool registry executable",
    ),
    "registry_login_info": ("podman_login_info", "authfile:path registry executable"),
    "prune": (
        "podman_prune",
        "container:bool=false container_filters:dict image:bool=false image_filters:dict network:bool=false "
        "network_filters:dict volume:bool=false volume_filters:dict system:bool=false system_all:bool=false "
        "system_build:bool=false system_volumes:bool=false executable",
    ),
}

PUSH_ARGS = (
    "compress:bool compression_format dest/destination extra_args format remove_signatures:bool sign_by "
    "sign_by_sq_fingerprint ssh transport"
)

CHOICES = {
    ("image", "pull_policy"): {"always", "missing", "never", "newer"},
    ("image", "state"): {"absent", "present"},
    ("image_save", "format"): {"docker-archive", "oci-archive", "oci-dir", "docker-dir"},
}


def held(table: dict, words: str) -> list[str]:
    """What of the words the option table does not take as they say."""
    wrong = []
    for word in words.split():
        names, _colon, rest = word.partition(":")
        kind, _equal, default = rest.partition("=") if rest else ("str", "", names.partition("=")[2])
        names = names.partition("=")[0]
        first, *others = names.rstrip("!").split("/") if "!" not in names else [names.replace("!", "")]
        name = first
        found = next((key for key, spec in table.items() if name == key or name in spec.get("aliases", ())), None)
        if found is None:
            wrong.append(f"{name} is missing")
            continue
        spec = table[found]
        answers = {found, *spec.get("aliases", ())}
        wrong += [f"{alias} is no alias of {found}" for alias in others if alias not in answers]
        if spec.get("type", "str") != kind:
            wrong.append(f"{name} is {spec.get('type', 'str')}, not {kind}")
        if default and str(spec.get("default")).lower() != default:
            wrong.append(f"{name} is {spec.get('default')!r} by default, not {default}")
        if "!" in word and not spec.get("required"):
            wrong.append(f"{name} is not required")
    return wrong


@pytest.mark.parametrize("module", PEER)
def test_options_of_the_peer(module: str) -> None:
    table = importlib.import_module(f"{ENGINE}.{module}").OPTIONS
    assert held(table, PEER[module][1]) == []
    if module == "image":
        assert held(table["push_args"]["options"], PUSH_ARGS) == []
    for (noun, option), choices in CHOICES.items():
        if noun == module:
            assert choices <= set(table[option]["choices"])
