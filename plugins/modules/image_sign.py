#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_sign
short_description: Sign container images in a registry
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Signs an image that is in a registry, so that a V(policy.json) that demands signatures lets it in. The image is not
    transferred for that.
  - Of an index (an image for several platforms), the index and every image that it lists are signed, since whoever
    pulls one platform verifies that image's signature.
  - Nothing is signed twice. An image that carries this key's signature under this name is left as it is.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.registry
options:
  name:
    description:
      - Name of the image, with its registry.
    type: str
    required: true
    aliases: [image]
  gpg_key:
    description:
      - Fingerprint of an OpenPGP key to sign with, in the way called simple signing. The program C(gpg) makes the
        signature.
      - The signature is written into the directory that V(registries.d) names as C(lookaside-staging), else as
        C(lookaside), for the image. A web server only gives signatures out, so for C(https) addresses there has to be a
        staging directory.
    type: str
  gpg_home:
    description:
      - Directory of the keyring, instead of the user's own.
    type: path
  private_key:
    description:
      - File on the host with the private key to make a sigstore signature with, as C(skopeo generate-sigstore-key) or
        C(cosign generate-key-pair) writes it, or any key of ECDSA, RSA or Ed25519 that C(openssl) reads. The program
        C(openssl) makes the signature.
      - The signature is attached to the image in the registry. V(registries.d) has to say C(use-sigstore-attachments)
        for it.
    type: path
  passphrase:
    description:
      - Passphrase of the key.
    type: str
  passphrase_file:
    description:
      - File on the host with the passphrase of the key in its first line.
    type: path
  identity:
    description:
      - The name that the signature gives to the image, O(name) when nothing is said. Needed when O(name) has a digest
        instead of a tag.
    type: str
seealso:
  - module: daemonless.oci.image
"""

EXAMPLES = r"""
- name: Say that signatures are attached to these images
  ansible.builtin.copy:
    dest: /etc/containers/registries.d/registry.example.com.yaml
    content: |
      docker:
        registry.example.com:
          use-sigstore-attachments: true

- name: Sign with a key of sigstore
  daemonless.oci.image_sign:
    name: registry.example.com/shop/web:1.4
    private_key: /etc/keys/release.private
    passphrase_file: /etc/keys/release.passphrase

- name: Sign with a key of gpg
  daemonless.oci.image_sign:
    name: registry.example.com/shop/web:1.4
    gpg_key: 0481D47B8BE4F475EB950E0057123B96F4DFC2CD
    passphrase: "{{ registry_password }}"
"""

RETURN = r"""
signed:
  description: What carries the signature afterwards, or would in check mode.
  returned: always
  type: dict
  sample:
    name: registry.example.com/shop/web:1.4
    identity: registry.example.com/shop/web:1.4
    digests: ["sha256:4f0a3ea8e2d5b0b0d9c3b8f1a7e6d5c4b3a291807f6e5d4c3b2a190807060504"]
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
podman_actions:
  description: The same as RV(actions), present for playbooks written for C(containers.podman).
  returned: always
  type: list
  elements: str
"""

from ..module_utils.bootstrap import run


def main():
    run("image_sign")


if __name__ == "__main__":
    main()
