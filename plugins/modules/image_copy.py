#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_copy
short_description: Copy container images between registries, files, stores and Docker
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Copies an image from one place to another, in every direction, as C(skopeo copy) does.
  - Places are named by transport. C(docker://NAME) is a registry. C(oci:DIR[:NAME]) and C(oci-archive:FILE[:NAME]) are
    OCI image layouts, C(docker-archive:FILE[:NAME]) is what C(docker save) writes, C(dir:DIR) one image in a directory.
    C(containers-storage:NAME) is the store of the user who runs the task, C(containers-storage:[overlay@ROOT]NAME)
    another one. C(docker-daemon:NAME:TAG) is a Docker engine on the managed host.
  - Blobs that the destination has are not sent again, and a registry is asked to take them from repositories that it
    has itself. An interrupted copy goes on with what has arrived.
  - Nothing is to be seen under the name at the destination before all of it is there.
  - The task changes nothing when the destination has the image already. That is decided by manifests alone.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
options:
  src:
    description:
      - Where the image comes from, with its transport.
    type: str
    required: true
  dest:
    description:
      - Where the image goes, with its transport. An image of that name is replaced.
    type: str
    required: true
  all_platforms:
    description:
      - Copy the images for all platforms and the index that lists them. Without it the image for one platform is
        copied, without the index.
    type: bool
    default: false
  platforms:
    description:
      - Platforms such as V(linux/arm64) or V(linux/arm/v7). One platform is copied without an index, unless
        O(keep_index) or O(sparse) is set; several with one.
      - The platform of the managed host when nothing is said.
    type: list
    elements: str
  keep_index:
    description:
      - Copy an index, listing what is copied, also for a single one of O(platforms).
    type: bool
    default: false
  sparse:
    description:
      - Keep the index byte for byte, so that it lists also images that are not copied. Many registries refuse that.
    type: bool
    default: false
  format:
    description:
      - Format of the manifests at the destination, V(oci) or Docker's V(v2s2). The config keeps its bytes, so the image
        keeps its id.
      - When nothing is said, the format is changed only where the destination cannot hold it.
    type: str
    choices: [oci, v2s2]
  compression:
    description:
      - Compression of the layers at the destination. V(zstd) needs the format V(oci).
      - When nothing is said, layers stay as they are, except that registries and OCI layouts get plain layers
        compressed with gzip, and Docker's archives and engine get all layers plain.
      - Of an image in a store, the compressed layers that it came in are used where the destination has them; else
        they are compressed again, which may give another digest.
    type: str
    choices: [gzip, none, zstd]
  compression_level:
    description:
      - Level of the compression where layers are compressed, V(1) to V(9) for gzip, to V(20) for zstd.
    type: int
  preserve_digests:
    description:
      - Fail rather than copy an image that would have another digest.
    type: bool
    default: false
  remove_signatures:
    description:
      - Copy a signed image without its signatures.
      - They are copied as well otherwise, and what cannot keep them is refused - another format or compression, since
        signatures are of one manifest, and O(dest) of a kind without room for them (only registries, C(dir:) and
        stores have it). An image that is at O(dest) already is not given further signatures.
    type: bool
    default: false
  auth_file:
    description:
      - File with credentials for both ends.
    type: path
    aliases: [authfile]
  src_username:
    description:
      - User name at the registry of O(src).
    type: str
  src_password:
    description:
      - Password at the registry of O(src).
    type: str
  src_auth_file:
    description:
      - File with credentials for O(src), instead of O(auth_file).
    type: path
  src_validate_certs:
    description:
      - Whether TLS of the registry of O(src) is verified. When nothing is said, V(registries.conf) decides.
      - With V(false), a registry without TLS is accepted as well.
    type: bool
  src_ca_cert_dir:
    description:
      - Directory with C(*.crt) of authorities and C(*.cert) and C(*.key) of this client for the registry of O(src).
    type: path
  src_docker_host:
    description:
      - Socket of the Docker engine for O(src) with C(docker-daemon:), such as V(unix:///run/docker.sock). Without it
        the environment variable E(DOCKER_HOST) counts, then V(/var/run/docker.sock).
    type: str
  dest_username:
    description:
      - User name at the registry of O(dest).
    type: str
  dest_password:
    description:
      - Password at the registry of O(dest).
    type: str
  dest_auth_file:
    description:
      - File with credentials for O(dest), instead of O(auth_file).
    type: path
  dest_validate_certs:
    description:
      - Whether TLS of the registry of O(dest) is verified. When nothing is said, V(registries.conf) decides.
      - With V(false), a registry without TLS is accepted as well.
    type: bool
  dest_ca_cert_dir:
    description:
      - Directory with C(*.crt) of authorities and C(*.cert) and C(*.key) of this client for the registry of O(dest).
    type: path
  dest_docker_host:
    description:
      - Socket of the Docker engine for O(dest) with C(docker-daemon:), such as V(unix:///run/docker.sock). Without it
        the environment variable E(DOCKER_HOST) counts, then V(/var/run/docker.sock).
    type: str
  retry:
    description:
      - How often to try again when a registry cannot be reached or is busy, V(3) when nothing is said.
    type: int
  retry_delay:
    description:
      - Time between tries, such as V(5s). Without it the pause doubles each time, starting with one second.
    type: str
  timeout:
    description:
      - Seconds without an answer after which a registry counts as unreachable.
    type: int
    default: 30
seealso:
  - module: daemonless.oci.image
  - module: daemonless.oci.image_save
  - module: daemonless.oci.image_load
"""

EXAMPLES = r"""
- name: Bring an image from one registry to another, for all platforms, with the same digest
  daemonless.oci.image_copy:
    src: docker://quay.io/libpod/alpine:latest
    dest: docker://registry.example.com/team/alpine:latest
    all_platforms: true
    preserve_digests: true

- name: Keep an image of a registry as an OCI layout
  daemonless.oci.image_copy:
    src: docker://quay.io/libpod/alpine:latest
    dest: oci:/srv/images/alpine:latest

- name: Write a local image to an archive that Docker loads
  daemonless.oci.image_copy:
    src: containers-storage:localhost/example:latest
    dest: docker-archive:/srv/images/example.docker.tar:example:latest

- name: Push a local image with layers compressed by zstd
  daemonless.oci.image_copy:
    src: containers-storage:localhost/example:latest
    dest: docker://registry.example.com/team/app:1
    format: oci
    compression: zstd
"""

RETURN = r"""
copy:
  description: What is at the destination.
  returned: always
  type: dict
  contains:
    src:
      description: The source as it was given.
      type: str
    dest:
      description: The destination as it was given.
      type: str
    digest:
      description: Digest of the manifest or index at the destination; in check mode, of what would be copied.
      type: str
    media_type:
      description: Type of that manifest or index, when it was copied by this task.
      type: str
    blobs_copied:
      description: How many configs and layers were written.
      type: int
    blobs_skipped:
      description: How many were there already.
      type: int
    bytes_copied:
      description: Size of those that were written.
      type: int
"""

from ..module_utils.bootstrap import run


def main():
    run("image_copy")


if __name__ == "__main__":
    main()
