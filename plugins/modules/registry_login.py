#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_login
short_description: Log in to container registries
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Stores credentials for a registry where C(podman), C(buildah), C(skopeo) and the modules of this collection find
    them, as C(podman login) does.
  - The file is replaced as a whole, so that a reader sees it before or after; what else is in it stays.
  - A credential helper that the file or V(registries.conf) names for the registry gets the credentials instead.
  - No password is part of an argument list, a result, a difference or a log.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  registry:
    description:
      - Host and optional port of the registry. The first of the registries that short names are looked for in when it
        is left out.
      - May be a namespace or repository, as in V(registry.example.com/team), to have credentials for that part only.
    type: str
  username:
    description:
      - User name at the registry. When it is left out, the credentials that are stored already are tried.
    type: str
  password:
    description:
      - Password or token at the registry.
    type: str
  secret:
    description:
      - Name of a podman secret on the host that holds the password.
    type: str
  auth_file:
    description:
      - File to store the credentials in. Otherwise E(REGISTRY_AUTH_FILE), else V(/run/containers/0/auth.json), or for a
        plain user V(containers/auth.json) in the user's runtime directory.
      - The two default places do not survive a reboot.
    type: path
    aliases: [authfile]
  compat_auth_file:
    description:
      - File in the format of Docker to store the credentials in, such as V(~/.docker/config.json).
    type: path
  ca_cert_dir:
    description:
      - Directory with C(*.crt) of authorities and C(*.cert) and C(*.key) of this client, instead of V(certs.d).
    type: path
    aliases: [certdir]
  validate_certs:
    description:
      - With V(true), TLS is verified even where V(registries.conf) says V(insecure). With V(false), it is not verified.
      - Credentials are not sent without TLS in any case, except to this machine itself.
      - When nothing is said, V(registries.conf) decides.
    type: bool
    aliases: [tlsverify, tls_verify]
  verify:
    description:
      - Whether the registry is asked if it takes the credentials, in every run. When it does not, nothing is stored.
    type: bool
    default: true
  retry:
    description:
      - How often to try again when the registry cannot be reached or is busy, V(3) when nothing is said.
    type: int
  retry_delay:
    description:
      - Time between tries, such as V(5s). Without it the pause doubles each time, starting with one second.
    type: str
  timeout:
    description:
      - Seconds without an answer after which the registry counts as unreachable.
    type: int
    default: 30
seealso:
  - module: daemonless.oci.registry_logout
  - module: daemonless.oci.registry_login_info
"""

EXAMPLES = r"""
- name: Log in
  daemonless.oci.registry_login:
    registry: registry.example.com
    username: deploy
    password: "{{ registry_password }}"

- name: Log in for one team's images, and keep that over a reboot
  daemonless.oci.registry_login:
    registry: registry.example.com/team
    username: team
    password: "{{ registry_password }}"
    auth_file: /etc/containers/auth.json

- name: Be sure that the stored credentials still work
  daemonless.oci.registry_login:
    registry: registry.example.com
"""

RETURN = r"""
login:
  description: The log-in, without its password.
  returned: always
  type: dict
  sample:
    registry: registry.example.com
    username: deploy
    logged_in: true
    auth_file: /run/containers/0/auth.json
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Logged in at registry.example.com as deploy"]
podman_actions:
  description: The same as RV(actions), present for playbooks written for C(containers.podman).
  returned: always
  type: list
  elements: str
  sample: ["Logged in at registry.example.com as deploy"]
stdout:
  description: What C(podman login) would say.
  returned: always
  type: str
  sample: Login Succeeded!
stderr:
  description: Always empty, present for playbooks written for C(containers.podman).
  returned: always
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("registry_login")


if __name__ == "__main__":
    main()
