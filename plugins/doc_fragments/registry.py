# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What every module takes that talks to a registry.
    DOCUMENTATION = r"""
options:
  username:
    description:
      - User name at the registry. It is sent to the registry that the name means and to nobody else.
      - Never sent without TLS, except to this machine itself.
    type: str
  password:
    description:
      - Password at the registry.
    type: str
  auth_file:
    description:
      - File with credentials, instead of those that are looked through otherwise.
    type: path
    aliases: [authfile]
  validate_certs:
    description:
      - With V(true), TLS is verified even where V(registries.conf) says V(insecure).
      - With V(false), TLS is not verified, and a registry without TLS is accepted. Credentials are still not sent
        without TLS.
      - When nothing is said, V(registries.conf) decides.
    type: bool
    aliases: [tlsverify, tls_verify]
  ca_cert_dir:
    description:
      - Directory with C(*.crt) of authorities and C(*.cert) and C(*.key) of this client, instead of V(certs.d).
    type: path
  retry:
    description:
      - How often to try again when a registry cannot be reached or is busy, V(3) when nothing is said.
    type: int
  retry_delay:
    description:
      - Time between tries, such as V(5s). Without it the pause doubles each time, starting with one second.
      - A registry that asks for another pause gets it.
    type: str
  timeout:
    description:
      - Seconds without an answer after which a registry counts as unreachable.
    type: int
    default: 30
"""
