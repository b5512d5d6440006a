#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: checkpoint_info
short_description: Look at checkpoints of containers
version_added: 0.1.0
author: The daemonless.oci contributors (@daemonless)
description:
  - Tells which checkpoints are kept on the host, what archives and images of checkpoints hold, and whether this
    host can restore each of them, and if not, why.
extends_documentation_fragment:
  - daemonless.oci.attributes.info
  - daemonless.oci.executable
options:
  name:
    description: Containers to look at. Those without a checkpoint are left out, unless they run and a O(portrait) is
      wanted. If none of O(name), O(src), O(image) and O(portraits) is given, all containers.
    type: list
    elements: str
    aliases: [container]
  src:
    description: Archives on the host to look into.
    type: list
    elements: path
  image:
    description: Images of checkpoints to look into.
    type: list
    elements: str
  portrait:
    description: Whether containers that run, or are frozen, are described so that another host can tell whether it
      could restore them (O(portraits)). That holds the whole configuration of the container, its environment included.
      With O(pod), and none of O(name), O(src), O(image) and O(portraits), the pod is described as a whole.
    type: bool
    default: false
  portraits:
    description: Containers of other hosts, or pods as a whole, as RV(checkpoints[].portrait) has them there. Nothing of
      them need be here.
    type: list
    elements: dict
  ignore_volumes:
    description: Whether volumes of archives, images and portraits that are here already are no obstacle.
    type: bool
    default: false
  ignore_static_ip:
    description: Whether addresses that are not to be had here are no obstacle.
    type: bool
    default: false
  pod:
    description:
      - The pod that containers out of pods would go into. Without it, that they need one is an obstacle.
      - If none of O(name), O(src), O(image) and O(portraits) is given, the pod of this host whose containers are looked
        at.
    type: str
  publish:
    description: The ports that would be published instead of those that the container had.
    type: list
    elements: str
    aliases: [ports, published, published_ports]
  criu_path:
    description: Absolute path of the CRIU that would be used, where it is not the one of the host.
    type: path
seealso:
  - module: daemonless.oci.checkpoint
"""

EXAMPLES = r"""
- name: See what is frozen here
  daemonless.oci.checkpoint_info:
  register: found

- name: See whether this host could take over the containers of another one
  daemonless.oci.checkpoint_info:
    portraits: "{{ (there | default({'checkpoints': []})).checkpoints | map(attribute='portrait') | list }}"
  register: fitting

- name: Say what cannot be restored
  ansible.builtin.debug:
    msg: "{{ found.checkpoints | rejectattr('can_restore') | map(attribute='obstacles') }}"
"""

RETURN = r"""
checkpoints:
  description: One entry for each container, archive and image.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Whether it is kept for a container (V(container)), is an V(archive) or V(image), is a container that
        runs (V(running)), a V(pod) that is described as a whole, or the V(portrait) of what is elsewhere.
      type: str
      sample: container
    name:
      description: Name of the container, or of the pod as a whole.
      type: str
    id:
      description: Id of the container, or of the pod as a whole.
      type: str
    path:
      description: The directory, the archive, or the name of the image.
      type: str
    time:
      description: When it was taken.
      type: str
    size:
      description: Bytes, of an archive as it is compressed.
      type: int
    kernel:
      description: The kernel that it was taken on. As C(criu), C(runtime) and C(architecture), empty for one
        that podman took.
      type: str
    privileges:
      description: What an archive, image or portrait asks for beyond what a container usually gets, by kind. Of a pod
        as a whole, by container and then by kind.
      type: dict
    can_restore:
      description: Whether this host can restore it, as far as can be told without trying.
      type: bool
    obstacles:
      description: Why not.
      type: list
      elements: str
    doubts:
      description: What may go wrong although nothing forbids it. Processors that lack instructions which those have
        where it was taken, an older kernel or CRIU.
      type: list
      elements: str
    image_missing:
      description: Whether the image of the container is not on this host.
      type: bool
    images_missing:
      description: The images that are not on this host.
      returned: for archives, images and portraits
      type: list
      elements: dict
      contains:
        name:
          description: The name of the image there, empty if it has none.
          type: str
        id:
          description: The id of the image.
          type: str
    volumes:
      description: Named volumes whose content goes along.
      type: list
      elements: str
    pod:
      description: The pod of the container, for one that is kept here.
      returned: for a container of a pod
      type: str
    containers:
      description: The containers of a pod as a whole, of one that is described those that run or are frozen.
      returned: for a pod as a whole
      type: list
      elements: str
    running:
      description: Those of them that run.
      returned: when O(portrait=true), for a pod as a whole
      type: list
      elements: str
    arrived:
      description: Whether this very pod is here (V(here)), is here because a task that was to bring it came to no end
        (V(partly)), or is not (V(absent)).
      returned: for the portrait of a pod as a whole
      type: str
    shares:
      description: The namespaces that it shares with its pod, by the words of O(daemonless.oci.pod#module:share). Empty
        for a container of no pod.
      type: list
      elements: str
    portrait:
      description: What another host has to be told.
      returned: when O(portrait=true)
      type: dict
    tracks_memory:
      description: Whether there can be rounds before the checkpoint here.
      returned: when O(portrait=true)
      type: bool
  sample:
    - kind: container
      name: counter
      can_restore: false
      obstacles: ["crun (/usr/bin/crun) was built without CRIU: make the container with runc or another crun"]
"""

from ..module_utils.bootstrap import run


def main():
    run("checkpoint_info")


if __name__ == "__main__":
    main()
