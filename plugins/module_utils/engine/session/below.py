# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs and networks below a session, found with what containers.conf says of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from ..host import programs

if TYPE_CHECKING:
    from ..base.limits import Limits
    from ..host.identity import Identity
    from ..netavark.settings import NetContext
    from ..runtime.probe import ConmonFacts, Prober, RuntimeChoice
    from ..runtime.program import Runtime
    from ..store.conf import StoreOptions
    from .session import Session


def _prober(session: Session) -> Prober:
    from ..runtime.probe import Prober

    cache = os.path.join(session.identity.runtime_dir, "daemonless")
    return Prober(session.runner, cache, session.cgroups)


def choose_runtime(session: Session) -> RuntimeChoice:
    from ..runtime.probe import candidates

    conf = session.conf
    return _prober(session).choose(candidates(dict(conf.runtimes), conf.runtime))


def runtime_named(session: Session, name: str) -> Runtime:
    """Raises HostLacks when it is not installed any more."""
    from ..runtime.program import Runtime

    if name.startswith("/"):
        return Runtime(os.path.basename(name), name)
    for path in session.conf.runtimes.get(name, ()):
        if os.access(path, os.X_OK):
            return Runtime(name, path)
    return Runtime(name, programs.require(name, f"use the OCI runtime {name}"))


def find_conmon(session: Session) -> ConmonFacts:
    for path in session.conf.conmon_path:
        if os.access(path, os.X_OK):
            return _prober(session).conmon(path)
    found = programs.find("conmon", session.conf.helper_binaries_dir)
    if found is None:
        raise HostLacks("find conmon", "the program is not on this host", "Install the package conmon")
    return _prober(session).conmon(found)


def net_context(session: Session) -> NetContext:
    from ..libpod.paths import default_tmp_dir
    from ..netavark.settings import NetContext, standard_settings

    conf, options, identity = session.conf, session.store_options, session.identity
    settings = standard_settings(
        rootless=identity.rootless,
        graph_root=options.graph_root,
        runtime_dir=identity.runtime_dir,
        run_root=options.run_root,
    )
    settings = settings._replace(
        default_network=conf.default_network,
        default_subnet=conf.default_subnet,
        subnet_pools=conf.default_subnet_pools,
        firewall=conf.firewall_driver,
        dns_port=conf.dns_bind_port,
        plugin_dirs=conf.netavark_plugin_dirs,
        helper_dirs=conf.helper_binaries_dir,
        rootless_command=conf.default_rootless_network_cmd,
        pasta_options=conf.pasta_options,
        slirp_options=conf.network_cmd_options,
        ports_dir=os.path.join(conf.tmp_dir or default_tmp_dir(identity), "rp"),
    )
    if conf.network_config_dir:
        settings = settings._replace(config_dir=conf.network_config_dir)
    return NetContext(settings, session.runner)


def layer_limits(session: Session) -> Limits:
    """What one layer may cost on this host."""
    from ..base.limits import Limits

    conf = session.conf
    return Limits(
        members=conf.max_layer_entries,
        bytes=conf.max_layer_size,
        ratio=conf.max_layer_ratio,
        free_bytes=conf.max_layer_ratio_from,
    )


def unusual_roots(options: StoreOptions, identity: Identity) -> bool:
    """Whether storage.conf puts a store where it would not be by default."""
    if identity.rootless:
        return options.run_root != os.path.realpath(os.path.join(identity.runtime_dir, "containers"))
    return options.run_root != os.path.realpath("/run/containers/storage")


def graph_driver(session: Session) -> str:
    """What podman writes as graph driver into a database that it creates: nothing, unless one is configured or the
    user is a plain one, for whom it tries them out.
    """
    if session.identity.rootless:
        return "overlay"
    named = os.environ.get("STORAGE_DRIVER", "")
    path = session.store_options.config_file
    if named or not path:
        return named
    from ..base.files import read_bytes
    from ..base.toml import loads

    table = loads(read_bytes(path).decode(), path).get("storage")
    driver = table.get("driver") if isinstance(table, dict) else None
    return driver if isinstance(driver, str) else ""
