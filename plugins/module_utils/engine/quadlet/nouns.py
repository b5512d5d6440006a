# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks, volumes and images as the texts of `.network`, `.volume` and `.image` files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import flags, settings
from .unit import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

_NETWORK = settings.table(
    """
    text name NetworkName
    text internal Internal
    text driver Driver
    each gateway Gateway
    text disable_dns DisableDNS
    each subnet Subnet
    each ip_range IPRange
    text ipv6 IPv6
    pairs opt Options
    each dns DNS
    text ipam_driver IPAMDriver
    words label Label
    text interface_name InterfaceName
    """
)
_VOLUME = settings.table("text name VolumeName\ntext driver Driver\nwords label Label")
_IMAGE = settings.table(
    """
    text arch Arch
    text auth_file AuthFile
    text ca_cert_dir CertDir
    text name Image
    text validate_certs TLSVerify
    """
)


def network(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    values = dict(params)
    listed = values.get("net_config")
    if isinstance(listed, list):
        for key in ("subnet", "gateway", "ip_range"):
            values[key] = [item.get(key) for item in listed if item.get(key)]
    if values.get("macvlan"):
        values["driver"] = "macvlan"
        values["opt"] = {**_mapping(values.get("opt")), "parent": values["macvlan"]}
    found = [*settings.of(values, _NETWORK)]
    return Unit("Network", (*found, *_arguments(values, "each route")))


def volume(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    return Unit("Volume", (*settings.of(params, _VOLUME), *_arguments(params, "each options --opt\none uid\none gid")))


def image(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    if params.get("password"):
        raise BadInput(
            "write password into a unit file",
            "everybody who may look at processes would see it, on podman's command line",
            "Log in to the registry, and name the file with auth_file",
        )
    values = dict(params)
    tag = str(params.get("tag") or "latest")
    name = str(params["name"])
    if ":" not in name.rpartition("/")[2] and "@" not in name and tag != "latest":
        values["name"] = f"{name}:{tag}"
    return Unit("Image", (*settings.of(values, _IMAGE), *_arguments(values, "one os\none platform\none variant")))


def _arguments(values: Mapping[str, object], table: str) -> list[tuple[str, str]]:
    return [("PodmanArgs", argument) for argument in flags.of(values, flags.table(table))]


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
