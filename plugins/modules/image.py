#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Pull, load, import and remove container images
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Brings an image to the host, from a registry, from an archive or from the tar of a root file system, or removes it.
  - The images are those that podman, buildah and skopeo see on the same host, and the configuration that these follow
    is followed here as well - V(registries.conf) with its mirrors and short names, V(policy.json), V(auth.json) with
    credential helpers, V(certs.d) and the proxy variables.
  - Every byte is verified while it arrives. An image is published whole or not at all, and what the host already has of
    it is not fetched again.
extends_documentation_fragment:
  - daemonless.oci.attributes
  - daemonless.oci.executable
  - daemonless.oci.quadlet
  - daemonless.oci.registry
options:
  name:
    description:
      - Name of the image, with or without registry, tag or digest. For O(state=absent) an id will do as well.
      - A name without a registry is looked for as V(registries.conf) says, with local images first.
    type: str
    required: true
  tag:
    description:
      - Tag of the image. Not used when O(name) has a tag or digest of its own, or is an id.
    type: str
    default: latest
  state:
    description:
      - With V(present) the image is pulled, loaded or imported unless it is there.
      - With V(absent) the name is removed, and with its last name the image.
      - V(quadlet) writes the options into a C(.image) unit file for podman's generator, and does nothing else.
    type: str
    choices: [absent, present, quadlet]
    default: present
  pull:
    description:
      - Whether the image may be pulled. With V(false) it must be on the host already, as with O(pull_policy=never).
    type: bool
    default: true
  pull_policy:
    description:
      - When to ask the registry, V(missing) when nothing is said.
      - V(missing) asks only when there is no such image on the host.
      - V(always) compares the digest under the name with the local image each time, by one request that transfers no
        image, and pulls when they differ.
      - V(newer) does the same, and is content with the local image when the registry does not answer.
      - V(never) does not pull.
      - Check mode asks the same question and gives the same answer.
    type: str
    choices: [always, missing, never, newer]
  pull_extra_args:
    description:
      - Arguments of C(podman pull), for playbooks written for C(containers.podman). They set the options that they
        stand for, unless those are given as well; an argument without such an option is an error.
      - Known are C(--arch), C(--authfile), C(--cert-dir), C(--os), C(--platform), C(--policy), C(--quiet), C(--retry),
        C(--retry-delay), C(--tls-verify) and C(--variant). For C(--creds) there are O(username) and O(password), which
        are kept out of logs.
    type: str
  force:
    description:
      - For O(state=present), compare with the registry although the image is there, like O(pull_policy=always).
      - For O(state=absent), remove an image that was named by its id although it has several names, and remove the
        containers that were made from it.
    type: bool
    default: false
  path:
    description:
      - Absolute path on the host of a file to take the image from instead of a registry.
      - May be an archive as C(docker save) or C(podman save) writes it, an OCI layout as a directory or archive, a
        directory written by C(skopeo copy ... dir:), or the tar of a root file system, which becomes an image of one
        layer. Archives may be compressed.
      - What it is is seen from its content. It can be said with a transport in front, as in C(docker-archive:/PATH),
        C(oci-archive:/PATH), C(oci:/DIRECTORY), C(dir:/DIRECTORY) and C(tar:/PATH). The first three take C(:NAME)
        behind the path to choose one of several images.
      - The image is stored under O(name), below C(localhost) when that names no registry.
    type: str
  tags:
    description:
      - Further names that the image is to have. A word without V(/) and V(:) is a tag in the repository of O(name),
        anything else a whole name, below V(localhost) when it names no registry.
      - A name that another image had moves.
    type: list
    elements: str
  append_tags:
    description:
      - With V(false), O(tags) and O(name) together are all names of the image, and it loses the others.
    type: bool
    default: true
  all_tags:
    description:
      - Bring every tag that the repository has at its registry, which is asked for the list each time.
        O(name) must have neither tag nor digest, and O(tag) is not used.
    type: bool
    default: false
  push:
    description:
      - Push the image once it is here, under its own name or to O(push_args.dest), unless what is there is the same.
      - It is the same when the configuration is, which names the content of every layer. One request for a digest tells
        it where the image came from there.
      - O(username) and O(password) are then for the registry that is pushed to, when that is another one than the one
        in O(name).
    type: bool
    default: false
  push_args:
    description: How and where to push.
    type: dict
    suboptions:
      dest:
        description:
          - Where to, a name with its registry.
          - To a registry and an organisation without more the last part of the image's name is added.
          - May begin with a transport instead, as in C(oci:/DIRECTORY:NAME), C(oci-archive:/PATH),
            C(docker-archive:/PATH:NAME), C(dir:/DIRECTORY) and C(docker-daemon:NAME).
        type: str
        aliases: [destination]
      transport:
        description:
          - Kind of destination, that of O(push_args.dest) when nothing is said, else a registry. For V(dir),
            V(docker-archive) and V(oci-archive) O(push_args.dest) is an absolute path, for V(docker-daemon) the name
            that Docker is to know the image by. V(ostree) and V(scp) are refused with what to do instead.
          - An image that the destination has already, with the same config, format and compression, is not written
            again.
        type: str
        choices: [dir, docker, docker-archive, docker-daemon, oci-archive, ostree, scp]
      format:
        description:
          - Kind of manifest, that of the image when nothing is said. V(v2s1) is obsolete and refused.
        type: str
        choices: [oci, v2s1, v2s2]
      compression_format:
        description: Compression of the layers.
        type: str
        choices: [gzip, zstd]
      compression_level:
        description: How hard to compress, 1 to 9 for gzip and 1 to 20 for zstd.
        type: int
      compress:
        description: Compress the layers with gzip; for O(push_args.transport=dir), where they are plain otherwise.
        type: bool
      digestfile:
        description: File on the host for the digest of what is at the destination.
        type: path
      remove_signatures:
        description:
          - Push without the signatures of the image. Without this, an image whose signatures cannot go along, because
            its manifest becomes another one, is not pushed.
        type: bool
      sign_by:
        description: Refused, since a push does not sign. Sign the pushed image.
        type: str
      sign_by_sq_fingerprint:
        description: Refused, since a push does not sign. Sign the pushed image.
        type: str
      ssh:
        description: Refused, since it belongs to the transport V(scp).
        type: str
      extra_args:
        description:
          - Arguments of C(podman push). Known are C(--compression-format), C(--compression-level), C(--digestfile),
            C(--format) and C(--quiet); anything else is an error.
        type: str
  changes:
    description:
      - Instructions for the configuration of an image that is imported from the tar of a root file system, such as
        C(CMD ["/bin/sh"]) or C(ENV LANG=C).
      - Known are C(CMD), C(ENTRYPOINT), C(ENV), C(EXPOSE), C(LABEL), C(STOPSIGNAL), C(USER), C(VOLUME) and C(WORKDIR).
    type: list
    elements: str
  comment:
    description:
      - A line for the history of an image that is imported from the tar of a root file system.
    type: str
  arch:
    description:
      - Pull for this architecture instead of the one of the host.
      - An image on the host that is of another platform than the one asked for is pulled anew.
    type: str
  os:
    description:
      - Pull for this operating system.
    type: str
  variant:
    description:
      - Pull for this variant of the architecture, such as V(v7).
    type: str
  platform:
    description:
      - Pull for this platform, V(OS/ARCH) or V(OS/ARCH/VARIANT).
    type: str
seealso:
  - module: daemonless.oci.image_info
  - module: daemonless.oci.image_tag
  - module: daemonless.oci.container
"""

EXAMPLES = r"""
- name: Pull an image
  daemonless.oci.image:
    name: quay.io/libpod/alpine
    tag: latest

- name: Keep an image up to date
  daemonless.oci.image:
    name: docker.io/library/nginx:1.27
    pull_policy: newer

- name: Pull by digest from a registry with credentials
  daemonless.oci.image:
    name: registry.example.com/team/app@sha256:4c9e0a1f1e0ed5a5d3f8c1f0f5b7f2f7e7a5f0cb0f8f6a1f9f2d3c4b5a697887
    username: deploy
    password: "{{ registry_password }}"

- name: Pull for another platform
  daemonless.oci.image:
    name: quay.io/libpod/alpine
    platform: linux/arm64

- name: Load what podman save or docker save has written
  daemonless.oci.image:
    name: registry.example.com/team/app:1.4
    path: /srv/images/app.tar

- name: Make an image of a root file system
  daemonless.oci.image:
    name: tools
    path: /srv/images/rootfs.tar.gz
    changes:
      - CMD ["/bin/busybox", "sh"]
      - LABEL role=tools

- name: Pull an image and give it further names
  daemonless.oci.image:
    name: quay.io/libpod/alpine:latest
    tags:
      - stable
      - localhost/base:1

- name: Let it have these names and no others
  daemonless.oci.image:
    name: quay.io/libpod/alpine:latest
    tags: localhost/base:1
    append_tags: false

- name: Have an image in another registry as well
  daemonless.oci.image:
    name: quay.io/libpod/alpine:latest
    push: true
    push_args:
      dest: registry.example.com/team/alpine:3

- name: Remove an image
  daemonless.oci.image:
    name: quay.io/libpod/alpine
    state: absent
"""

RETURN = r"""
podman_quadlet:
  description: The text of the unit file.
  returned: when O(state=quadlet)
  type: str
image:
  description:
    - A list with the image as C(podman image inspect) would show it.
    - In check mode, an image that would be pulled or loaded is shown as far as its manifest and configuration tell.
    - For an image that was removed, a dictionary with V(state) set to V(Deleted).
  returned: always
  type: raw
  sample:
    - Id: 0f4ee1b5a6b8d4ccb2e3e5b1c5f8b7f2d8a1e0c9b3f4a5968778695a4b3c2d1e
      RepoTags: ["quay.io/libpod/alpine:latest"]
actions:
  description: What was done, or would be done in check mode.
  returned: always
  type: list
  elements: str
  sample: ["Pulled image quay.io/libpod/alpine:latest"]
podman_actions:
  description: The same deeds in the words of podman's command line. No such command was run.
  returned: always
  type: list
  elements: str
  sample: ["podman pull quay.io/libpod/alpine:latest"]
stdout:
  description: Always empty, present for playbooks written for C(containers.podman).
  returned: always
  type: str
"""

from ..module_utils.bootstrap import run


def main():
    run("image")


if __name__ == "__main__":
    main()
